"""Choosing a device, and what the run took."""

import subprocess
import sys
from types import SimpleNamespace

import psutil
import pytest
import torch

from gramarye.devices import available_kinds, choose_device, describe_device
from gramarye.errors import DeviceError
from gramarye.peaks import peak_memory


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


def test_peak_memory_is_the_most_that_was_held() -> None:
    # In a process of its own: what other tests have held would have to be held once more here.
    code = (
        "from gramarye.peaks import peak_memory\n"
        "before = peak_memory()\n"
        "held = bytearray(256 << 20)\n"
        "held[::4096] = bytes([1]) * len(range(0, len(held), 4096))  # every page\n"
        "del held\n"
        "print(before, peak_memory())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    before, after = map(float, done.stdout.split())
    assert 5 < before < 200  # mebibytes: Python alone
    assert after - before == pytest.approx(256, abs=16)


def test_windows_is_asked_for_its_own_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    counters = SimpleNamespace(rss=1 << 20, peak_wset=300 << 20)
    monkeypatch.setattr(psutil, "Process", lambda: SimpleNamespace(memory_info=lambda: counters))
    monkeypatch.setattr(sys, "platform", "win32")
    assert peak_memory() == 300
