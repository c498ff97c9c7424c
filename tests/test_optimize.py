"""One scale: every optimizer lowers the loss, and a run that leaves the rails is brought back."""

import gc
import json
import math
import weakref
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.testing import assert_close

from gramarye.errors import OptimizationError
from gramarye.objective import Evaluation, Objective
from gramarye.optimize import (
    AdamState,
    Iterate,
    Snapshot,
    optimize,
    read_losses,
    rms_change,
)
from gramarye.optimizers import history
from gramarye.optimizers.history import IN_MEMORY, PairStorage
from gramarye.optimizers.settings import OptimizerSettings


class Bowl:
    """1/2 k |x - 0.7|^2 with a stiffness of its own for every pixel; some calls may answer NaN."""

    def __init__(self, stiffness: Tensor, bad_calls: tuple[int, ...] = ()) -> None:
        self.stiffness, self.bad_calls, self.calls = stiffness, bad_calls, 0

    def evaluate(self, image: Tensor) -> Evaluation:
        self.calls += 1
        gradient = self.stiffness * (image - 0.7)
        total = 0.5 * (gradient * (image - 0.7)).sum((1, 2, 3))
        if self.calls in self.bad_calls:
            total, gradient = total * math.nan, gradient * math.nan
        return Evaluation({"bowl": total}, total, gradient)


START = torch.full((1, 3, 4, 4), 0.2)
STIFFNESS = torch.linspace(0.5, 2.0, 48).view(1, 3, 4, 4)


def run(objective: Any, steps: int, **settings: Any) -> list[Any]:
    return list(optimize(START, cast(Objective, objective), OptimizerSettings(**settings), steps))


@pytest.mark.parametrize(
    ("optimizer", "rate"), [("lbfgs", 1.0), ("adam", 0.05), ("gradient-descent", 0.5)]
)
def test_every_optimizer_finds_the_bottom_of_a_bowl(optimizer: str, rate: float) -> None:
    iterates = run(Bowl(STIFFNESS), optimizer=optimizer, learning_rate=rate, steps=60)
    assert [iterate.step for iterate in iterates] == list(range(1, 61))
    assert_close(iterates[-1].image, torch.full_like(START, 0.7), atol=0.02, rtol=0)


def test_strong_wolfe_finds_the_bottom_too() -> None:
    iterates = run(Bowl(STIFFNESS), line_search="strong-wolfe", steps=10)
    assert_close(iterates[-1].image, torch.full_like(START, 0.7), atol=1e-3, rtol=0)


def test_losses_are_those_of_the_image_they_come_with() -> None:
    for iterate in run(Bowl(STIFFNESS), steps=5):
        expected = Bowl(STIFFNESS).evaluate(iterate.image).total.item()
        assert_close(iterate.losses["bowl"], expected)


def test_gradient_descent_takes_the_step_written_down() -> None:
    first = run(Bowl(STIFFNESS), optimizer="gradient-descent", learning_rate=0.5, steps=1)[0]
    assert_close(first.image, START - 0.5 * STIFFNESS * (START - 0.7))


def test_the_given_image_is_left_alone() -> None:
    before = START.clone()
    run(Bowl(STIFFNESS), steps=3)
    assert_close(START, before)


def test_a_loss_that_is_not_a_number_is_stepped_back_from() -> None:
    iterates = run(Bowl(STIFFNESS, bad_calls=(5,)), steps=40)
    told = [note for iterate in iterates for note in iterate.notes]
    assert len(told) == 1 and "back to the best image" in told[0]
    assert all(torch.isfinite(iterate.image).all() for iterate in iterates)
    assert_close(iterates[-1].image, torch.full_like(START, 0.7), atol=0.02, rtol=0)


def test_an_exploding_run_is_brought_back_with_shorter_steps() -> None:
    # Gradient descent diverges where rate * stiffness > 2.
    iterates = run(Bowl(STIFFNESS), optimizer="gradient-descent", learning_rate=3.0, steps=60)
    assert any(iterate.notes for iterate in iterates)
    assert iterates[-1].losses["bowl"] < 0.01


def test_a_run_that_cannot_be_saved_says_what_to_do() -> None:
    with pytest.raises(OptimizationError, match="lower --learning-rate or --strength"):
        run(Bowl(STIFFNESS, bad_calls=tuple(range(3, 100))), steps=40)


def test_a_first_image_with_nan_is_refused() -> None:
    with pytest.raises(OptimizationError, match="first image"):
        run(Bowl(STIFFNESS, bad_calls=(1,)), steps=3)


def test_the_last_iterate_is_the_best() -> None:
    iterates = run(Bowl(STIFFNESS), steps=30)
    assert iterates[-1].losses["bowl"] == min(iterate.losses["bowl"] for iterate in iterates)


def test_averaging_is_the_bias_corrected_mean() -> None:
    plain = run(Bowl(STIFFNESS), optimizer="adam", learning_rate=0.05, steps=3)
    averaged = run(Bowl(STIFFNESS), optimizer="adam", learning_rate=0.05, steps=3, average=0.9)
    weights = [0.1 * 0.9**2, 0.1 * 0.9, 0.1]
    images = [iterate.image for iterate in plain]
    expected = sum(w * x for w, x in zip(weights, images, strict=True)) / sum(weights)
    assert_close(averaged[-1].image, expected)


def test_adam_stays_within_the_colors_there_are() -> None:
    iterates = run(Bowl(10 * STIFFNESS), optimizer="adam", learning_rate=0.5, steps=5)
    assert all(i.image.min() >= 0 and i.image.max() <= 1 for i in iterates)


def test_adam_carries_its_state_to_the_next_run() -> None:
    settings, bowl = OptimizerSettings(name="adam", learning_rate=0.02), Bowl(STIFFNESS)
    whole = list(optimize(START, cast(Objective, bowl), settings, 8))
    state = AdamState()
    first = list(optimize(START, cast(Objective, bowl), settings, 4, state))
    second = list(optimize(first[-1].image, cast(Objective, bowl), settings, 4, state))
    assert_close(second[-1].image, whole[-1].image)


class Valley:
    """A curved valley: neighbors are coupled, so that no two steps are alike."""

    def evaluate(self, image: Tensor) -> Evaluation:
        leaf = image.detach().requires_grad_(True)
        x = leaf.flatten()
        losses = {
            "valley": ((x[1:] - x[:-1] ** 2) ** 2).mean()[None],
            "pull": (torch.linspace(0.5, 4.0, len(x)) * (x - 0.8) ** 2).mean()[None],
        }
        total = torch.stack(list(losses.values())).sum(0)
        (gradient,) = torch.autograd.grad(total, leaf)
        return Evaluation({k: v.detach() for k, v in losses.items()}, total.detach(), gradient)


VALLEY = cast(Objective, Valley())
BEGIN = torch.rand(1, 3, 9, 11, generator=torch.Generator().manual_seed(0))
# By name: settings, steps where they are not 9, and the storage of the pairs.
WAYS: dict[str, dict[str, Any]] = {
    "lbfgs": {"history": 3},
    "lbfgs, history never full": {"history": 50},
    "lbfgs in bfloat16": {"history": 3, "storage": PairStorage(True)},
    "lbfgs on disk": {"history": 3, "storage": PairStorage(folder=".")},
    "lbfgs in bfloat16 on disk": {"history": 3, "storage": PairStorage(True, ".")},
    "lbfgs averaged": {"history": 3, "average": 0.8},
    "lbfgs with steps too long": {"history": 3, "learning_rate": 9.0, "step_limit": 30.0},
    "lbfgs that settles": {"history": 3, "stop_change": 1e-3, "steps": 40},
    "strong wolfe": {"history": 3, "line_search": "strong-wolfe"},
    "adam": {"optimizer": "adam", "learning_rate": 0.05},
    "adam averaged": {"optimizer": "adam", "learning_rate": 0.05, "average": 0.9},
    "gradient descent": {"optimizer": "gradient-descent", "learning_rate": 10.0},
    "gradient descent that diverges": {
        "optimizer": "gradient-descent",
        "learning_rate": 400.0,
        "steps": 20,
    },
}


def way(name: str, image: Tensor = BEGIN, *arguments: Any, **options: Any) -> Iterator[Iterate]:
    """The run of that name, on disk in the folder of the test that asks."""
    settings = dict(WAYS[name])
    steps, storage = settings.pop("steps", 9), settings.pop("storage", IN_MEMORY)
    settings = OptimizerSettings(**settings)
    return optimize(image, VALLEY, settings, steps, *arguments, storage=storage, **options)


def through_a_file(snapshot: Snapshot, folder: Path) -> Snapshot:
    save_file(dict(snapshot.tensors), folder / "snapshot.safetensors")
    numbers = json.loads(json.dumps(snapshot.numbers, allow_nan=False))
    return Snapshot(snapshot.step, load_file(folder / "snapshot.safetensors"), numbers)


@pytest.mark.parametrize("name", WAYS)
def test_a_run_taken_up_again_is_the_same_bit_for_bit(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "CPU_BLOCK", 64)  # several blocks, and several parts
    monkeypatch.setattr(history, "SHORTEST", 64)
    monkeypatch.setattr(history, "PART", 64 * 14)
    monkeypatch.chdir(tmp_path)
    whole, snapshots, whole_state = [], [], AdamState()
    for iterate in way(name, BEGIN, whole_state):
        whole.append(iterate)
        taken = iterate.snapshot()
        assert taken is not None
        snapshots.append(through_a_file(taken, tmp_path))
    for snapshot in snapshots:
        state = AdamState()
        again = list(way(name, torch.zeros_like(BEGIN), state, snapshot=snapshot))
        assert [i.step for i in again] == [i.step for i in whole[snapshot.step :]]
        for iterate, expected in zip(again, whole[snapshot.step :], strict=True):
            assert torch.equal(iterate.image, expected.image)
            assert iterate == Iterate(**{**vars(expected), "image": iterate.image})
        if WAYS[name].get("optimizer") == "adam":
            assert state.step == whole_state.step
            for a, b in ((state.first, whole_state.first), (state.second, whole_state.second)):
                assert a is not None and b is not None and torch.equal(a, b)
    assert snapshots[-1].last and not snapshots[0].last
    assert torch.equal(snapshots[-1].tensors["image"], whole[-1].image)
    assert [path.name for path in tmp_path.iterdir()] == ["snapshot.safetensors"]


def test_the_ways_taken_up_again_include_steps_back_and_an_early_end() -> None:
    for name in ("lbfgs with steps too long", "gradient descent that diverges"):
        assert any(iterate.notes for iterate in way(name)), name
    settled = list(way("lbfgs that settles"))
    assert 5 < len(settled) < 40


@pytest.mark.parametrize("name", WAYS)
def test_an_iterates_image_is_never_changed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    kept = [(iterate.image, iterate.image.clone()) for iterate in way(name)]
    assert all(torch.equal(image, copy) for image, copy in kept)


def test_a_snapshot_is_there_until_the_run_goes_on() -> None:
    iterates = optimize(BEGIN, VALLEY, OptimizerSettings(), 3)
    first = next(iterates)
    assert first.snapshot() is not None
    second = next(iterates)
    assert first.snapshot() is None
    iterates.close()  # type: ignore[attr-defined]
    assert second.snapshot() is None
    assert Iterate(1, 1, {}, BEGIN).snapshot() is None


def test_an_iterate_that_is_kept_keeps_no_history() -> None:
    iterates = optimize(BEGIN, VALLEY, OptimizerSettings(), 3)
    kept = next(iterates)
    snapshot = kept.snapshot()
    assert snapshot is not None
    gradient = weakref.ref(snapshot.tensors["optimizer/previous"])
    del snapshot, iterates
    gc.collect()
    assert gradient() is None


@pytest.mark.parametrize(
    ("settings", "images"),
    [
        ({"history": 3}, 3),  # image, best, previous gradient; the history is one flat row
        ({"optimizer": "adam", "learning_rate": 0.05}, 4),  # image, best, two moments
        ({"optimizer": "gradient-descent", "learning_rate": 10.0}, 2),  # image, best
    ],
)
def test_no_more_images_are_held_than_are_needed(settings: dict[str, Any], images: int) -> None:
    size = 3 * 37 * 41  # no other tensor has so many entries
    seen: list[int] = []

    class Counting(Valley):
        def evaluate(self, image: Tensor) -> Evaluation:
            gc.collect()
            tensors = [x for x in gc.get_objects() if issubclass(type(x), Tensor)]
            alive = {x.untyped_storage().data_ptr() for x in tensors if x.numel() == size}
            seen.append(len(alive))
            return super().evaluate(image)

    objective, config = cast(Objective, Counting()), OptimizerSettings(**settings)
    iterates = optimize(torch.rand(1, 3, 37, 41), objective, config, 8)
    for iterate in iterates:
        del iterate
    assert max(seen) <= images


def test_the_disk_is_free_again_after_an_error(tmp_path: Path) -> None:
    class Failing(Valley):
        calls = 0

        def evaluate(self, image: Tensor) -> Evaluation:
            self.calls += 1
            if self.calls == 4:
                raise RuntimeError("interrupted")
            return super().evaluate(image)

    objective, storage = cast(Objective, Failing()), PairStorage(folder=str(tmp_path))
    with pytest.raises(RuntimeError, match="interrupted"):
        list(optimize(BEGIN, objective, OptimizerSettings(), 9, storage=storage))
    assert list(tmp_path.iterdir()) == []


def test_a_scale_ends_when_the_image_hardly_moves() -> None:
    settings = OptimizerSettings(stop_change=1e-3, history=5)
    iterates = list(optimize(BEGIN, VALLEY, settings, 200))
    last = iterates[-1]
    assert last.step == last.steps == len(iterates) < 100
    assert all(iterate.steps == 200 for iterate in iterates[:-1])
    endless = list(optimize(BEGIN, VALLEY, OptimizerSettings(history=5), last.step))
    changes = [rms_change(a.image, b.image) for a, b in pairwise(endless[:-1])]
    assert sum(changes[-4:]) / 5 < 1e-3  # the last change leads to the last image, the best
    assert sum(changes[-6:-1]) / 5 > 1e-3


def test_the_change_is_the_root_of_the_mean_square() -> None:
    before = torch.zeros(1, 3, 2, 2)
    after = torch.tensor([3.0, 4.0, 0.0, 0.0] * 3).view(1, 3, 2, 2)
    assert rms_change(before, after) == pytest.approx(2.5)


def test_a_sharded_change_is_that_of_the_whole() -> None:
    before, after = torch.rand(2, 1, 3, 4, 6)
    parts: list[Tensor] = []

    def collect(totals: Tensor) -> Tensor:
        parts.append(totals)
        return totals

    rms_change(before[..., :2], after[..., :2], collect)
    found = rms_change(before[..., 2:], after[..., 2:], lambda totals: totals + parts[0])
    assert found == pytest.approx(rms_change(before, after))


def test_the_losses_of_a_batch_are_shown_as_their_mean() -> None:
    losses = {"a": torch.tensor([1.0, 3.0]), "b": torch.tensor([0.5, 0.5], dtype=torch.float64)}
    found = read_losses(Evaluation(losses, torch.zeros(2), torch.empty(0)))
    assert found == {"a": 2.0, "b": 0.5}
