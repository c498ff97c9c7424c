"""`gramarye doctor` tells what there is and whether it works."""

from importlib import import_module
from pathlib import Path

import pytest
import torch

import gramarye
from gramarye.cli import doctor, main


def test_doctor_finds_all_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRAMARYE_HOME", str(tmp_path))
    monkeypatch.setattr(doctor, "CHECK_STEPS", 4)
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    for part in (gramarye.__version__, "torch", "cpu (", str(tmp_path), "all is well"):
        assert part in out


@pytest.mark.parametrize("last", [2.0, float("nan")])
def test_the_check_notices_a_loss_that_does_not_fall(
    last: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [
        gramarye.Iterate(i, 2, {"tv": loss}, torch.zeros(1)) for i, loss in enumerate((1, last))
    ]
    module = import_module("gramarye.stylize")  # as an attribute of the package it is a function
    monkeypatch.setattr(module, "stylize_steps", lambda *given: iter(steps))
    assert doctor.check().startswith("the loss did not fall (1 to ")


def test_doctor_tells_trouble_with_exit_code_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "check", lambda: "the loss did not fall: reinstall PyTorch")
    assert main(["doctor"]) == 1
    assert "the loss did not fall" in capsys.readouterr().out


def test_a_cache_that_cannot_be_used_is_told_after_the_rest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRAMARYE_HOME", "~nobody-of-this-name")
    monkeypatch.setattr(doctor, "CHECK_STEPS", 4)
    assert main(["doctor"]) == 2
    told = capsys.readouterr()
    assert "4 steps at" in told.out and "all is well" not in told.out
    assert "GRAMARYE_HOME" in told.err and told.err.count("\n") == 1


def test_a_package_that_is_missing_is_told() -> None:
    assert doctor.version("no-package-of-this-name") == "not installed"
