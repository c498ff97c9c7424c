"""One scale: the pixels moved by L-BFGS, Adam or gradient descent, one step at a time."""

from __future__ import annotations

import math
import weakref
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, final

import torch
from pydantic import Field
from torch import Tensor

from gramarye.mapping.color_map import ColorMap
from gramarye.objective import Evaluates, Evaluation
from gramarye.optimizers.adam import Adam, AdamState
from gramarye.optimizers.base import AbstractOptimizer, Reduce, alone, own
from gramarye.optimizers.gradient_descent import GradientDescent
from gramarye.optimizers.guard import Average, Guard, GuardNumbers
from gramarye.optimizers.history import IN_MEMORY, PairStorage, block_size, spans
from gramarye.optimizers.lbfgs import LBFGS
from gramarye.optimizers.settings import OptimizerSettings
from gramarye.optimizers.snapshot import (
    LateTensor,
    LateTensors,
    Misfit,
    Numbers,
    Snapshot,
    take,
    under,
)
from gramarye.optimizers.strong_wolfe import StrongWolfe

__all__ = ["AdamState", "Iterate", "Snapshot", "optimize"]

RECENT = 5  # steps whose mean change says whether the image still moves


def no_snapshot() -> Snapshot | None:
    return None


@dataclass(frozen=True)
class Iterate:
    """One step's record: the image after it, and that image's losses.

    L-BFGS may leave [0, 1] a little: clamp the image to show it. Where averaging is on, the image
    is the average of the images so far and the losses are those of the last. The image is never
    changed afterwards and may be kept.
    """

    step: int  # 1-based, within its scale
    steps: int  # equal to `step` at the scale's last, also where it ends early
    losses: dict[str, float]  # weighted, by name; their sum is what is minimized
    image: Tensor  # (1, 3, H, W)
    notes: tuple[str, ...] = ()  # what a user should know, such as a divergence stepped back from
    scale: int = 0
    scales: int = 1
    map: ColorMap | None = None  # what has made the image of the content, where a map is moved
    # The run's state here; None once the run has gone on.
    snapshot: Callable[[], Snapshot | None] = field(default=no_snapshot, repr=False, compare=False)

    @property
    def moved(self) -> Tensor:
        """What the optimizer moves: the image, or the map's parameters."""
        return self.image if self.map is None else self.map.parameters


def optimize(
    image: Tensor,
    objective: Evaluates,
    settings: OptimizerSettings,
    steps: int,
    state: AdamState | None = None,
    *,
    storage: PairStorage = IN_MEMORY,
    snapshot: Snapshot | None = None,
    reduce: Reduce = alone,
) -> Iterator[Iterate]:
    """Move the pixels of `image` (1, 3, H, W) downhill, yielding after every step.

    A loss that is not finite, or that explodes, is stepped back from: the best image so far is
    taken up again with half the step length, and the step's notes say so. The last step yields the
    best image of the scale. Adam's image is clamped to [0, 1] after each step; L-BFGS's never, as
    that would corrupt its curvature pairs. `state` holds Adam's moments and moves along.

    A `snapshot` of an earlier run with the same objective and settings is gone on from, with the
    step after it; `image` then says no more than the device. `reduce` adds up totals over processes
    that hold a part of the image each, and whose objectives give all of them the same losses.
    """
    optimizer = make_optimizer(objective, settings, steps, state or AdamState(), storage, reduce)
    run = ScaleRun(settings, steps, optimizer, image.detach().contiguous(), reduce)
    del image  # from here on the run decides which images are kept
    try:
        if snapshot is not None:
            run.restore(snapshot)
            del snapshot
            if run.moves:
                run.move(objective.evaluate(run.image))
            run.step += 1
        while run.step <= steps and not run.last:
            evaluation = objective.evaluate(run.image)
            losses, notes = run.judge(read_losses(evaluation))
            if run.step > 0:
                yield run.iterate(losses, (*evaluation.notes, *notes))
            if run.moves:
                run.move(evaluation)
            del evaluation  # its gradient must not live through the next one's making
            run.step += 1
    finally:
        optimizer.close()


def make_optimizer(
    objective: Evaluates,
    settings: OptimizerSettings,
    steps: int,
    state: AdamState,
    storage: PairStorage = IN_MEMORY,
    reduce: Reduce = alone,
) -> AbstractOptimizer:
    """The optimizer of a scale, Adam with the moments carried over."""
    rate = settings.rate
    if settings.name == "adam":
        return Adam(rate, state)
    if settings.name == "gradient-descent":
        return GradientDescent(rate)
    if settings.searches:
        return StrongWolfe(rate, settings.history, objective)
    return LBFGS(
        rate=rate,
        history=max(1, min(settings.history, steps - 1)),  # no room for pairs that never come
        limit=settings.step_limit,
        first=settings.first_step,
        clip=settings.clip,
        storage=storage,
        reduce=reduce,
    )


def read_losses(evaluation: Evaluation) -> dict[str, float]:
    """The losses as numbers, of a batch their mean, fetched from the device at once."""
    values = torch.stack(list(evaluation.losses.values())).mean(1).tolist()
    return dict(zip(evaluation.losses, values, strict=True))


def rms_change(before: Tensor, after: Tensor, reduce: Reduce = alone) -> float:
    """How far the image moved, root mean square over its entries."""
    a, b = before.flatten(), after.flatten()
    squares = [
        (b[start:stop] - a[start:stop]).square().sum()
        for start, stop in spans(a.numel(), block_size(a.device))
    ]
    total = torch.stack(squares).cpu().double().sum()
    total, count = reduce(torch.stack([total, total.new_tensor(a.numel())]))
    return math.sqrt(total / count)


class RunNumbers(Numbers):
    """What a snapshot of a scale's run holds besides tensors."""

    moves: bool
    last: bool
    guard: GuardNumbers | None = None
    share: float = Field(0.0, ge=0, le=1)
    changes: list[float] = Field([], max_length=RECENT)
    optimizer: dict[str, Any] | None = None


@final
class ScaleRun:
    """Where a scale's run is: what its loop changes, and what a snapshot writes down."""

    def __init__(
        self,
        settings: OptimizerSettings,
        steps: int,
        optimizer: AbstractOptimizer,
        image: Tensor,
        reduce: Reduce,
    ) -> None:
        self.settings, self.steps, self.optimizer, self.reduce = settings, steps, optimizer, reduce
        self.image = image
        self.guard = Guard(settings.rate)
        self.average = Average(settings.average)
        self.changes: deque[float] = deque(maxlen=RECENT)
        self.step = 0
        self.moves = True  # whether the run goes on by moving this image
        self.last = False

    def judge(self, losses: dict[str, float]) -> tuple[dict[str, float], tuple[str, ...]]:
        """The losses to show with this step's image, and the notes; steps back where it must."""
        notes: tuple[str, ...] = ()
        diverged = self.guard.diverged(losses, self.image)
        solved = self.guard.solved(losses)
        if diverged and not solved:
            notes = (self.guard.step_back(sum(losses.values())),)
            self.optimizer.restart(self.guard.rate)
            self.changes.clear()
        self.last = solved or self.step == self.steps or self.settled()
        self.moves = not diverged and not self.last
        if diverged or solved or (self.last and self.settings.average == 0):
            self.image, losses = self.guard.image, self.guard.losses
        return losses, notes

    def settled(self) -> bool:
        """Whether the last steps hardly moved the image."""
        return len(self.changes) == RECENT and fmean(self.changes) < self.settings.stop_change

    def move(self, evaluation: Evaluation) -> None:
        after = self.optimizer.move(self.image, evaluation)
        if self.settings.stop_change > 0:
            self.changes.append(rms_change(self.image, after, self.reduce))
        self.image = after

    def iterate(self, losses: dict[str, float], notes: tuple[str, ...]) -> Iterate:
        shown = self.average.update(self.image)
        if self.last:
            self.image = shown
        steps = self.step if self.last else self.steps
        reference, step = weakref.ref(self), self.step  # an iterate that is kept keeps no run

        def snapshot() -> Snapshot | None:
            run = reference()
            return run.snapshot() if run is not None and run.step == step else None

        return Iterate(step, steps, losses, shown, notes, snapshot=snapshot)

    def snapshot(self) -> Snapshot:
        guard, average = self.guard, self.average
        tensors: dict[str, LateTensor] = {"image": self.image}
        numbers: dict[str, Any] = {"moves": self.moves, "last": self.last}
        if not self.last:
            if guard.image is not self.image:
                tensors["best"] = guard.image
            if average.total is not None:
                tensors["average"] = average.total
            numbers |= {"guard": guard.numbers(), "share": average.share}
            numbers["changes"] = list(self.changes)
        if not self.last or isinstance(self.optimizer, Adam):  # which the next scale goes on with
            found = self.optimizer.tensors()
            tensors |= {f"optimizer/{name}": tensor for name, tensor in found.items()}
            numbers["optimizer"] = self.optimizer.numbers()
        return Snapshot(self.step, LateTensors(tensors), numbers)

    def restore(self, snapshot: Snapshot) -> None:
        """Take a snapshot up; CheckpointError if no run like this one can have written it."""
        with snapshot.checked():
            self.take_up(
                snapshot.step, snapshot.tensors, RunNumbers.model_validate(snapshot.numbers)
            )

    def take_up(self, step: int, tensors: Mapping[str, Tensor], numbers: RunNumbers) -> None:
        shape, dtype = self.image.shape, self.image.dtype
        self.step, self.moves, self.last = step, numbers.moves, numbers.last
        if step > self.steps or (step == self.steps and not self.last):
            raise Misfit(f"it is after step {step} of {self.steps}")
        self.image = own(take(tensors, "image", shape, dtype), self.image)
        if not self.last:
            best = self.image
            if "best" in tensors:
                best = own(take(tensors, "best", shape, dtype), self.image)
            if numbers.guard is None:
                raise Misfit("it has no guard")
            self.guard = Guard(**numbers.guard.model_dump(), image=best)
            self.optimizer.restart(self.guard.rate)
            if "average" in tensors:
                self.average.total = own(take(tensors, "average", shape, dtype), self.image)
            self.average.share = numbers.share
            self.changes.extend(numbers.changes)
        if numbers.optimizer is not None:
            self.optimizer.restore(self.image, under("optimizer", tensors), numbers.optimizer)
