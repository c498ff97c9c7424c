"""Choosing a device, and what the run took."""

import sys
from types import SimpleNamespace

import psutil
import pytest
import torch

from gramarye.devices import available_kinds, choose_device, describe_device, peak_memory
from gramarye.errors import DeviceError


def test_the_cpu_is_always_there() -> None:
    assert "cpu" in available_kinds()
    assert choose_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["gpu", "", "cuda:99", "cpu:3", "cpu:x", "tpu"])
def test_a_device_that_is_not_here_is_told_with_those_that_are(name: str) -> None:
    with pytest.raises(DeviceError, match="not here"):
        choose_device(name)


def test_an_accelerator_comes_before_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("mps"))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 1)
    assert available_kinds() == ("mps", "cpu")
    assert choose_device("auto") == torch.device("mps")
    assert choose_device("mps:0") == torch.device("mps:0")
    with pytest.raises(DeviceError, match="mps:0 to mps:0"):
        choose_device("mps:1")


def test_a_device_is_described_for_people(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "riscv64")
    monkeypatch.setattr("os.cpu_count", lambda: 12)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 5)
    assert describe_device(torch.device("cpu")) == "cpu (riscv64, 12 cores, 5 threads in use)"


def test_peak_memory_grows_with_what_is_held() -> None:
    before = peak_memory()
    held = bytearray(round((before or 0) * 2**20))  # as much again as there ever was
    after = peak_memory()
    del held
    assert before is not None and after is not None
    assert 100 < before < after + 1 and after > 1.3 * before


def test_windows_is_asked_for_its_own_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    counters = SimpleNamespace(rss=1 << 20, peak_wset=300 << 20)
    monkeypatch.setattr(psutil, "Process", lambda: SimpleNamespace(memory_info=lambda: counters))
    monkeypatch.setattr(sys, "platform", "win32")
    assert peak_memory() == 300
