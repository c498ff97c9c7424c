"""`gramarye study` from the outside."""

from __future__ import annotations

from pathlib import Path

import pytest

from gramarye.cli import main

SMALL = ["--size", "48", "--steps", "2", "--jobs", "1", "-q"]


def test_without_a_name_they_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[0] == "content-reconstruction"
    assert len(lines) >= 14


def test_a_study_from_beginning_to_end(
    photo: Path,
    painting: Path,
    tiny_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["study", "trade-off", str(photo), str(painting), *SMALL]
    words += ["--columns", "1e-1,1e-5", "--weights", f"vgg19-lite={tiny_weights}"]
    assert main(words) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == str(Path("study-trade-off/report.html"))
    assert all(Path(path).is_file() for path in out)
    assert Path("study-trade-off/cells/column2.png").is_file()
    page = Path("study-trade-off/report.html").read_text("utf-8")
    assert "--columns 1e-1,1e-5" in page


def test_a_reason_that_several_cells_share_is_told_once(
    photo: Path,
    painting: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("GRAMARYE_HOME", str(tmp_path / "home"))
    words = ["study", "features", str(photo), str(painting), "-o", str(tmp_path / "s")]
    assert main([*words, "--network", "vgg16", "--size", "48", "--jobs", "1"]) == 2
    lines = capsys.readouterr().err.splitlines()
    notes = [line for line in lines if line.startswith("note: ")]
    assert len(notes) == 1
    assert notes[0].startswith("note: maps of the content, conv1_1 and 19 more: the weights of")
    assert "20 of 20 cells: what a channel responds to, conv4_1" in lines


def test_an_axis_of_any_setting(
    photo: Path, painting: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    words = ["study", "hyperparameters", str(photo), str(painting), *SMALL]
    words += ["--columns", "strength=0,1", "--rows", "tv_weight=0,1,2", "-o", str(tmp_path / "s")]
    assert main([*words, "--weights", f"vgg19-lite={tiny_weights}", "--set", "finer_steps=1"]) == 0
    assert len(list((tmp_path / "s" / "cells").glob("*.png"))) == 6


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing"], "there is no study 'nothing'"),
        (["start", "--columns", "nowhere.png"], "there is no first image 'nowhere.png'"),
        (["trade-off", "--columns", "x"], "alpha / beta is 'x': give numbers above 0"),
        (["optimizers", "--columns", "sgd"], "optimizer knows no 'sgd'"),
        (["seeds", "--seeds", "1,1"], "seeds has 1 twice: give each one once"),
        (["seeds", "--seeds", ","], "--seeds names nothing: give values with commas"),
        (["trade-off", "--columns", ""], "--columns names nothing"),
        (["trade-off", "--columns", "style_weigth=1,2"], "did you mean 'style_weight'"),
        (["seeds", "--seeds", "1,b"], "--seeds has 'b': give whole numbers"),
        (["start", "--set", "size"], "--set 'size' has no value"),
        (["start", "--set", "seize=3"], "did you mean 'size'"),
        (["start", "--size", "1"], "--size is"),
        (["start", "--jobs", "0"], "jobs is 0: give a whole number from 1"),
        (["networks", "--weights", "vgg16"], "--weights 'vgg16' names no file"),
        (["networks", "--weights", "vgg16=no.pth"], "'no.pth' are no file"),
        (["networks", "--weights", "vgg61=no.pth"], "vgg61"),
    ],
)
def test_what_cannot_be_done_is_told(
    words: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    small = [] if "--size" in words or "--jobs" in words else SMALL
    assert main(["study", *words, *small]) == 2
    assert message in capsys.readouterr().err


def test_a_picture_that_is_not_there_costs_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["study", "trade-off", "no.jpg", "none.jpg", *SMALL]) == 2
    assert "no.jpg" in capsys.readouterr().err
