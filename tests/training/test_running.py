"""Trainings from pictures to files: they learn, go on to the bit, stop, and lose nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.testing import assert_close

from gramarye import train_steps
from gramarye.errors import CheckpointError, InputError, OptimizationError, OutputError
from gramarye.feedforward.files import read_metadata
from gramarye.johnson.files import load_johnson, read_johnson
from gramarye.johnson.network import one_of
from gramarye.johnson.stability import Warp, as_filmed, unsteadiness
from gramarye.networks import training_file
from gramarye.networks.weights_file import open_weights
from gramarye.pictures.picture import load_image
from gramarye.scales.resizing import resize
from gramarye.training import keeping, running
from gramarye.training.job import TrainRecord
from gramarye.training.learner import TOTAL

Settings = dict[str, Any]


def last(records: list[TrainRecord]) -> TrainRecord:
    assert records[-1].output is not None and records[-1].output.exists()
    return records[-1]


@pytest.mark.parametrize(("way", "steps"), [("minute", 4), ("warm", 80)])
def test_a_painter_is_trained_on(
    warm: Settings, style: Path, tmp_path: Path, way: Any, steps: int
) -> None:
    out = tmp_path / "made" / "own.safetensors"
    settings = warm | {"steps": steps, "learning_rate": 3e-3}
    records = list(train_steps(style, out, way=way, **settings))
    assert last(records).step == steps and f"{steps} steps are made" in records[-1].ended
    assert [r.step for r in records if r.held_out] == [0, steps]
    first = next(r.losses for r in records if r.losses)
    assert set(first) == {"match", "style", "outside"}
    before, after = (r.held_out for r in records if r.held_out)
    assert before is not None and after is not None
    if way == "warm":
        early, late = (next(r.losses["style"] for r in records if r.step == n) for n in (20, 80))
        assert late < 0.9 * early
    about = read_metadata(open_weights(out))
    assert about.steps == steps and about.styles == (style.name,)
    assert {p.name for p in out.parent.iterdir()} == {out.name, "own-strip.png"}
    assert load_image(out.parent / "own-strip.png").shape[-1] == 150
    assert records[0].left is None and records[3].left is not None


@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_johnsons_network_learns(paper: Settings, style: Path, tmp_path: Path, norm: str) -> None:
    out = tmp_path / "own.safetensors"
    records = list(train_steps(style, out, steps=80, norm=norm, **paper))
    before, after = (r.held_out for r in records if r.held_out)
    assert before is not None and after is not None
    first, *_, ended = (r.losses[TOTAL] for r in records if r.losses)
    assert ended < 0.8 * first
    if norm == "instance":
        assert after[TOTAL] < 0.8 * before[TOTAL]
    assert set(after) == {"content", "tv", TOTAL, *(f"style/relu{x}" for x in
        ("1_2", "2_2", "3_3", "4_3"))}  # fmt: skip
    about = read_johnson(out)
    assert about is not None and about.styles == (style.name,) and about.steps == 80


def test_a_network_for_clips_learns_to_be_steady(
    paper: Settings, style: Path, tmp_path: Path
) -> None:
    found = {}
    for stability in (0.0, 300.0):
        out = tmp_path / f"{stability:g}.safetensors"
        settings = paper | {"way": "video", "steps": 60, "stability": stability}
        records = list(train_steps(style, out, **settings))
        shape = read_johnson(out)
        assert shape is not None and (shape.network.kernel, shape.network.border) == (
            5,
            "everywhere",
        )
        held_out = [r.held_out for r in records if r.held_out][-1]
        assert ("unsteady" in held_out) == bool(stability)
        found[stability] = load_johnson(open_weights(out))
    photographs = resize(torch.rand(2, 3, 16, 16), 64, 64).clamp(0, 1)
    motion = Warp.drawn(photographs, torch.Generator().manual_seed(1))
    moved = as_filmed(photographs, motion, torch.Generator().manual_seed(2))
    mix = one_of(1, 0, len(photographs))
    steady = {
        stability: float(unsteadiness(net(photographs, mix), net(moved, mix), motion).mean())
        for stability, net in found.items()
    }
    assert steady[300.0] < 0.5 * steady[0.0]


def stopped(records: Any, after: int) -> None:
    for record in records:
        if record.step == after and record.losses:
            break
    records.close()


@pytest.mark.parametrize("kind", ["warm", "paper"])
def test_a_training_goes_on_to_the_bit(
    kind: str, request: pytest.FixtureRequest, style: Path, tmp_path: Path
) -> None:
    settings = request.getfixturevalue(kind) | {"steps": 5, "measure_every": 2}
    whole, parts = tmp_path / "whole.safetensors", tmp_path / "parts.safetensors"
    list(train_steps(style, whole, **settings))
    stopped(train_steps(style, parts, **settings), after=3)
    checkpoint = tmp_path / "parts.safetensors.checkpoint"
    assert checkpoint.exists() and parts.exists()  # the network so far
    assert parts.read_bytes() != whole.read_bytes()
    records = list(train_steps(style, parts, **settings))
    assert records[0].notes[-1] == "going on after step 3" and records[0].step == 4
    assert parts.read_bytes() == whole.read_bytes()
    strips = [load_image(p.with_name(p.stem + "-strip.png")) for p in (whole, parts)]
    assert torch.equal(*strips)
    assert not checkpoint.exists()


def test_another_trainings_checkpoint_is_refused(
    paper: Settings, style: Path, photo: Path, tmp_path: Path, photographs: Path
) -> None:
    out = tmp_path / "own.safetensors"
    settings = paper | {"steps": 4}
    stopped(train_steps(style, out, **settings), after=1)
    for changes, words in (
        ({"seed": 1}, "seed was 0"),
        ({"norm": "batch"}, "norm was instance"),
        ({"images": None}, "other photographs"),
    ):
        with pytest.raises(CheckpointError, match=words):
            next(train_steps(style, out, **settings | changes))
    with pytest.raises(CheckpointError, match="other styles"):
        next(train_steps(photo, out, **settings))
    checkpoint = tmp_path / "own.safetensors.checkpoint"
    checkpoint.write_bytes(checkpoint.read_bytes()[:-500])
    with pytest.raises(CheckpointError, match="damaged"):
        next(train_steps(style, out, **settings))


def test_numbers_that_are_not_finite_are_not_gone_on_from(
    paper: Settings, style: Path, tmp_path: Path
) -> None:
    out = tmp_path / "own.safetensors"
    stopped(train_steps(style, out, steps=4, **paper), after=1)
    checkpoint = tmp_path / "own.safetensors.checkpoint"
    state = torch.load(checkpoint, weights_only=True)
    state["learner"]["network"]["first.weight"][0] = float("inf")
    training_file.write_checkpoint(checkpoint, state)
    with pytest.raises(CheckpointError, match="it is damaged"):
        next(train_steps(style, out, steps=4, **paper))


def test_it_ends_when_held_out_photographs_get_no_better(
    paper: Settings, style: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    totals = iter([5.0, 3.0, 4.0, 3.5, 1.0])
    monkeypatch.setattr(
        running.JohnsonLearner, "measure", lambda self, photographs: {TOTAL: next(totals)}
    )
    kept: list[bytes] = []
    packed = running.JohnsonLearner.packed
    monkeypatch.setattr(
        running.JohnsonLearner, "packed", lambda self: kept.append(packed(self)) or kept[-1]
    )
    out = tmp_path / "own.safetensors"
    settings = paper | {"measure_every": 2, "patience": 2}
    records = list(train_steps(style, out, steps=50, **settings))
    assert records[-1].step == 6 and "has not fallen for 2 looks" in records[-1].ended
    assert "written is step 2" in records[-1].notes[-1]
    assert out.read_bytes() == kept[1] and read_johnson(out).steps == 2  # type: ignore[union-attr]


def test_it_ends_when_its_time_is_over_and_time_counts_over_runs(
    paper: Settings, style: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]

    def clock() -> float:
        now[0] += 1.0  # a step takes a second, as it is looked at before and after
        return now[0]

    monkeypatch.setattr(running.time, "perf_counter", clock)
    out = tmp_path / "own.safetensors"
    stopped(train_steps(style, out, steps=50, seconds=6, **paper), after=2)
    records = list(train_steps(style, out, steps=50, seconds=6, **paper))
    assert records[-1].step == 6 and "6 seconds are over" in records[-1].ended
    assert records[2].left == pytest.approx(6 - records[2].seconds)


def test_a_full_disk_is_told_and_costs_nothing(
    paper: Settings, style: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: object) -> None:
        raise OutputError(f"no space left to write '{path}'")

    out = tmp_path / "own.safetensors"
    settings = paper | {"steps": 3, "checkpoint_every": 1e-9}
    with monkeypatch.context() as patch:
        patch.setattr(running, "write_checkpoint", full)
        records = list(train_steps(style, out, **settings))
    assert any("no checkpoint: no space left" in note for r in records for note in r.notes)
    assert last(records).output == out

    written = keeping.write_atomically
    elsewhere: list[Path] = []

    def here_full(path: Path, data: bytes) -> None:
        if path == out:
            full(path, data)
        elsewhere.append(path)
        written(path, data)

    monkeypatch.setattr(running, "write_atomically", here_full)
    monkeypatch.setattr(keeping, "write_atomically", here_full)
    with pytest.raises(OutputError, match=r"no space left .* the network so far is in"):
        list(train_steps(style, out, **settings))
    assert read_johnson(elsewhere[-1]) is not None
    assert (tmp_path / "own.safetensors.checkpoint").exists()


def test_what_diverges_is_told_and_the_weights_before_it_kept(
    paper: Settings, style: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "own.safetensors"
    total = running.JohnsonLearner.total

    def diverges(self: Any, losses: Any) -> Any:
        found = total(self, losses)
        return found * float("nan") if self.step == 2 else found

    monkeypatch.setattr(running.JohnsonLearner, "total", diverges)
    with pytest.raises(OptimizationError, match="diverged at step 3"):
        list(train_steps(style, out, steps=9, **paper))
    about = read_johnson(out)
    assert about is not None and about.steps == 2


def test_several_styles_are_drawn_in_turn(
    paper: Settings, style: Path, make_picture: Callable[..., Path], tmp_path: Path
) -> None:
    other, out = make_picture("other.png", 50, 40, seed=7), tmp_path / "own.safetensors"
    list(train_steps([style, other], out, steps=6, **paper))
    about = read_johnson(out)
    assert about is not None and about.styles == (style.name, "other.png")
    gains = open_weights(out)["norms.0.gain"]
    assert gains.shape[0] == 2 and not torch.equal(gains[0], gains[1])


def test_the_layout_of_the_hub(paper: Settings, style: Path, tmp_path: Path) -> None:
    out, hub = tmp_path / "own.safetensors", tmp_path / "hub"
    list(train_steps(style, out, steps=2, hub=hub, **paper))
    assert {p.name for p in hub.iterdir()} == {"model.safetensors", "config.json", "README.md"}
    assert (hub / "model.safetensors").read_bytes() == out.read_bytes()
    config = json.loads((hub / "config.json").read_text())
    assert config["format"] == "johnson 1" and config["network"]["channels"] == [4, 6, 8]
    assert config["styles"] == [style.name] and config["training"]["steps"] == 2
    card = (hub / "README.md").read_text()
    assert card.startswith("---\nlibrary_name: gramarye\n")
    assert "gramarye instant photo.jpg model.safetensors" in card and "| style/relu1_2 |" in card


def test_a_style_is_not_written_over(paper: Settings, style: Path, tmp_path: Path) -> None:
    style = style.rename(tmp_path / "style.safetensors")
    with pytest.raises(InputError, match="is one of the inputs"):
        next(train_steps(style, style, **paper))
    with pytest.raises(InputError, match=r"does not end in \.safetensors"):
        next(train_steps(style, tmp_path / "own.pth", **paper))


def test_what_is_known_of_a_style_is_what_a_look_finds(warm: Settings, style: Path) -> None:
    settings, out = running.make_settings("warm", batch=2), Path("own.safetensors")
    job = running.TrainJob((style,), out, settings, start=warm["start"])
    learner = running.open_training(job).learner
    assert isinstance(learner, running.OwnLearner)
    pairs = learner.training.pairs(1)
    assert pairs.look is not None and len(pairs.styles) == 2
    found = learner.training.cascade.look(pairs.styles)
    for part, layers in pairs.look.items():
        for layer, known in layers.items():
            seen = found[part][layer]  # computed in float32, two at once
            assert_close(known.mean(), seen.mean(), rtol=1e-4, atol=1e-5)
            assert_close(known.covariance(), seen.covariance(), rtol=1e-3, atol=1e-5)
