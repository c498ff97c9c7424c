"""`gramarye distill`: a network, one sentence for a mistake, and a stop that keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from gramarye.cli import distill, main
from gramarye.distillation import running
from gramarye.errors import SettingsError
from gramarye.networks.registry import load_lite


@pytest.fixture
def options(make_picture: Callable[..., Path], tmp_path: Path) -> list[str]:
    """Everything that `gramarye distill` needs for a tiny network, besides --steps."""
    generator = torch.Generator().manual_seed(0)
    tensors = {"conv0.weight": torch.eye(3).view(3, 3, 1, 1), "conv0.bias": torch.zeros(3)}
    for block, depth in enumerate((2, 2, 4, 4, 1), start=1):
        for layer in range(1, depth + 1):
            shape = (3, 3, 3, 3)
            tensors[f"conv{block}_{layer}.weight"] = torch.randn(shape, generator=generator) * 0.4
            tensors[f"conv{block}_{layer}.bias"] = torch.ones(3)
    save_file(tensors, tmp_path / "teacher.safetensors")
    make_picture("train/a_1.png", 60, 50, seed=1)
    folder = make_picture("train/held_1.png", 60, 50, seed=2).parent
    return [
        "distill", "--images", str(folder), "--teacher", str(tmp_path / "teacher.safetensors"),
        "--out", str(tmp_path / "made" / "lite.safetensors"), "--blocks", "2/2/2/2,2/2",
        "--pixels", "4096", "--crops", "32", "--skip", "held",
    ]  # fmt: skip


def test_the_command_trains_goes_on_and_writes(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "made" / "lite.safetensors"
    assert main([*options, "--steps", "2"]) == 0
    assert capsys.readouterr().out == f"{out}\n"
    assert load_lite(out).layers[-1] == "relu5_1"
    assert main([*options, "--steps", "4"]) == 0
    told = capsys.readouterr().err
    assert "going on after step 2" in told and "step 4/4  relu1_1" in told
    assert main([*options, "--steps", "4", "--seed", "1"]) == 2
    assert "seed was '0'" in capsys.readouterr().err


@pytest.mark.parametrize("crops", ["32", "32,48", "64, 32"])
def test_crops_are_given_as_numbers(
    options: list[str], crops: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def look(job: running.DistillJob) -> None:
        seen.append(job.config.crops)
        raise SettingsError("seen enough")

    monkeypatch.setattr(running, "open_distillation", look)
    assert main([*options, "--crops", crops]) == 2
    assert seen == [tuple(int(n) for n in crops.split(","))]


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--steps", "0", "steps"),
        ("--steps", "many", "many"),
        ("--crops", "0", "crops"),
        ("--crops", "", "crops"),
        ("--crops", "96;128", "96;128"),
        ("--crops", "9" * 30, "crops"),
        ("--blocks", "4,4", "five blocks"),
        ("--blocks", "", "blocks"),
        ("--blocks", "0/4/4/4,4/4", "blocks"),
        ("--learning-rate", "nan", "learning-rate"),
        ("--learning-rate", "1e400", "learning-rate"),
        ("--checkpoint-every", "nan", "checkpoint-every"),
        ("--checkpoint-every", "-1", "checkpoint-every"),
        ("--padding", "zeros", "padding"),
        ("--seed", "18446744073709551616", "seed"),
        ("--teacher", "", "the name of a file is empty"),
        ("--images", "", "--images is ''"),
        ("--skip", "", "pictures"),
    ],
)
def test_odd_values_are_one_sentence(
    options: list[str],
    option: str,
    value: str,
    words: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path / "train" if option == "--images" else tmp_path)
    if option == "--images":
        options = [o for o in options if "train" not in o and o != "--images"]
        (tmp_path / "train" / "a_1.png").unlink()
    assert main([*options, option, value]) == 2
    told = capsys.readouterr().err.splitlines()[-1]
    assert words in told and told.startswith("gramarye: ") and len(told) < 500, told


def test_a_stop_keeps_what_was_learned(
    options: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import os
    import signal

    shown = distill.shown

    def interrupt(*arguments: Any) -> Iterator[distill.DistillRecord]:
        for record in shown(*arguments):
            yield record
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(distill, "shown", interrupt)
        assert main([*options, "--steps", "9"]) == 130
    assert "stopped after step 2" in capsys.readouterr().err
    assert [f.name for f in (tmp_path / "made").iterdir()] == ["lite.safetensors.checkpoint"]
    assert main([*options, "--steps", "9"]) == 0
    assert "going on after step 2" in capsys.readouterr().err


def test_help_needs_no_torch_and_names_the_options(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["distill", "--help"]) == 0
    told = capsys.readouterr().out
    assert "--crops" in told and "96,112,128,160,192" in told
