"""A training as its command drives it: in slices, with strips of held-out pairs, and refused."""

from __future__ import annotations

import csv
import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors import safe_open

from gramarye.feedforward import running
from gramarye.feedforward.__main__ import main
from gramarye.feedforward.files import make_painter, packed
from gramarye.feedforward.running import append, begin_with
from gramarye.feedforward.settings import PainterConfig
from gramarye.feedforward.training import Training
from gramarye.networks.features import PerceptualNetwork

from .conftest import SHAPE, SMALL

Run = Callable[..., int]


@pytest.fixture
def run(
    photographs: Path,
    paintings: Path,
    tiny_network: PerceptualNetwork,
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """The command, with a tiny perceptual network; it returns the exit code."""
    monkeypatch.setattr(running, "load_network", lambda _: tiny_network)
    monkeypatch.setattr(running, "SIZE", 128)
    monkeypatch.setattr(running, "SHEET", 300)
    monkeypatch.setattr(signal, "signal", lambda *_: None)

    def call(out: Path, *more: str) -> int:
        folders = ["--photographs", str(photographs), "--paintings", str(paintings)]
        settings = ["--set", SMALL.model_dump_json(), "--skip", "held"]
        return main([str(out), *folders, *settings, *more])

    return call


def state(out: Path) -> dict[str, torch.Tensor]:
    saved = torch.load(out / "checkpoint")
    return {**saved["painter"], **{f"average.{k}": v for k, v in saved["average"].items()}}


def rows(table: Path) -> list[dict[str, str]]:
    with table.open() as file:
        return list(csv.DictReader(file))


def test_two_slices_are_one_training(run: Run, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert run(whole, "--steps", "3") == 0
    assert run(parts, "--steps", "2") == 0
    assert run(parts, "--steps", "3") == 0
    one, other = state(whole), state(parts)
    assert one.keys() == other.keys()
    assert not [name for name in one if not torch.equal(one[name], other[name])]
    assert (whole / "painter.safetensors").read_bytes() == (
        parts / "painter.safetensors"
    ).read_bytes()


def test_held_out_pairs_are_shown_and_measured(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, out = tmp_path / "pairs.csv", tmp_path / "out"
    table.write_text("content,style,about\nheld_0,held_1,stripes\n")
    assert run(out, "--steps", "2", "--every", "2", "--log", "1", "--pairs", str(table)) == 0
    with Image.open(out / "strips" / "000002.png") as strip:
        assert strip.width == 300
    (row,) = rows(out / "held-out.csv")
    assert row["step"] == "2"
    assert 0 < float(row["style/relu3_1/2"]) < 3
    log = rows(out / "log.csv")
    assert [r["step"] for r in log] == ["1", "2"]
    wanted = {"0/match/relu4_1", "2/style/relu1_1", "3/match/relu3_1", "3/outside", "rate"}
    assert wanted | {"gradient", "seconds"} <= set(log[0])
    assert "step 2: style/relu1_1" in capsys.readouterr().err


def test_a_signal_saves_and_ends_a_training(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    handlers = {}
    monkeypatch.setattr(
        signal, "signal", lambda number, handler: handlers.update({number: handler})
    )

    def log(path: Path, row: dict[str, object]) -> None:
        append(path, row)
        if row["step"] == 2:
            handlers[signal.SIGTERM](signal.SIGTERM, None)

    monkeypatch.setattr(running, "append", log)
    assert run(tmp_path / "out", "--steps", "100", "--log", "1") == 0
    assert torch.load(tmp_path / "out" / "checkpoint")["step"] == 2


def test_a_network_of_the_training_can_begin_another(
    run: Run, tmp_path: Path, training: Training
) -> None:
    assert run(tmp_path / "out", "--steps", "2") == 0
    file = tmp_path / "out" / "painter.safetensors"
    with safe_open(file, "pt") as opened:
        about = json.loads(opened.metadata()["gramarye"])
    assert about["steps"] == 2
    assert about["network"] == SMALL.network.model_dump(mode="json")
    begin_with(training, file)
    wanted = torch.load(tmp_path / "out" / "checkpoint")["average"]
    for name, tensor in training.painter.state_dict().items():
        assert torch.equal(tensor, wanted[name].half().float())
    assert packed(training.average, 2) == file.read_bytes()
    assert training.step == 0
    assert run(tmp_path / "next", "--steps", "1", "--start", str(file)) == 0


def test_a_training_begins_with_a_network_of_its_own_shape_only(
    run: Run, tmp_path: Path, training: Training, capsys: pytest.CaptureFixture[str]
) -> None:
    shape = SHAPE.model_copy(update={"coarse": PainterConfig().coarse})
    file = tmp_path / "other.safetensors"
    file.write_bytes(packed(make_painter(shape, training.objective.network), 7))
    assert run(tmp_path / "out", "--steps", "1", "--start", str(file)) == 2
    assert "is a network of another shape: give its settings, too" in capsys.readouterr().err
    file.write_bytes(b"nothing")
    assert run(tmp_path / "out", "--steps", "1", "--start", str(file)) == 2
    assert "cannot be read as weights" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda path: path.write_bytes(b"nothing"), "no checkpoint of a training, or damaged"),
        (lambda path: torch.save({"step": 3}, path), "no checkpoint of a training"),
        (lambda path: resave(path, "optimizer", {"state": {0: {}}}), "it is damaged"),
        (lambda path: resave(path, "config", {"network": {}}), "a network of another shape"),
    ],
)
def test_a_checkpoint_of_something_else_is_refused(
    run: Run,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    damage: Callable[[Path], None],
    words: str,
) -> None:
    assert run(tmp_path, "--steps", "1") == 0
    damage(tmp_path / "checkpoint")
    before = (tmp_path / "checkpoint").read_bytes()
    assert run(tmp_path, "--steps", "2") == 2
    assert words in capsys.readouterr().err
    assert (tmp_path / "checkpoint").read_bytes() == before


def resave(path: Path, key: str, value: object) -> None:
    torch.save({**torch.load(path), key: value}, path)


def test_a_folder_without_pictures_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main([str(tmp_path / "o"), "--photographs", str(tmp_path), "--paintings", str(tmp_path)])
    assert code == 2
    assert "no pictures" in capsys.readouterr().err


def test_a_log_that_cannot_be_written_is_a_note(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    (out / "log.csv").mkdir(parents=True)
    assert run(out, "--steps", "2", "--log", "1") == 0
    assert "note: " in capsys.readouterr().err
    assert torch.load(out / "checkpoint")["step"] == 2


def test_a_teacher_that_is_not_there(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path / "out", "--teacher", str(tmp_path / "wide.safetensors")) == 2
    error = capsys.readouterr().err
    assert "wide.safetensors" in error and "name a network or a weights file" in error
