"""One scale: the pixels moved by L-BFGS, Adam or gradient descent, one step at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import torch
from torch import Tensor

from gramarye.errors import OptimizationError
from gramarye.lbfgs import LimitedLBFGS
from gramarye.objective import Evaluation, Objective

OptimizerName = Literal["lbfgs", "adam", "gradient-descent"]

EXPLODED = 50.0  # times the first loss of the scale: no working run comes near it
RETRIES = 5  # halvings of the step length before a run is given up


@dataclass(frozen=True)
class OptimizeConfig:
    """How one scale is optimized."""

    optimizer: OptimizerName = "lbfgs"
    steps: int = 100
    learning_rate: float = 1.0
    history: int = 10
    line_search: Literal["none", "strong-wolfe"] = "none"
    # The longest L-BFGS step, root mean square over the pixels. Of 0.01, 0.03, 0.1 and none, 0.03
    # ended lowest: a second scale's loss 5 % below no limit, and no step had to be taken back.
    limit: float = 0.03
    average: float = 0.0  # decay of the averaged image; 0 is none
    betas: tuple[float, float] = (0.9, 0.99)  # Adam's, as in style-transfer-pytorch


@dataclass(frozen=True)
class Iterate:
    """One step's record: the image after it, and that image's losses.

    L-BFGS may leave [0, 1] a little: clamp the image to show it. Where averaging is on, the image
    is the average of the images so far and the losses are those of the last.
    """

    step: int  # 1-based, within its scale
    steps: int
    losses: dict[str, float]  # weighted, by name; their sum is what is minimized
    image: Tensor  # (1, 3, H, W)
    notes: tuple[str, ...] = ()  # what a user should know, such as a divergence stepped back from
    scale: int = 0
    scales: int = 1


@dataclass
class AdamState:
    """What Adam carries from one scale to the next."""

    first: Tensor | None = None  # running mean of the gradient
    second: Tensor | None = None  # running mean of its square
    step: float = 0.0

    def resized(self, height: int, width: int) -> AdamState:
        """The moments at another size (bilinear: squares stay positive)."""
        if self.first is None or self.second is None:
            return self
        first, second = (
            torch.nn.functional.interpolate(m, size=(height, width), mode="bilinear")
            for m in (self.first, self.second)
        )
        return AdamState(first, second, self.step)


@dataclass
class _Average:
    """A bias-corrected running mean of images (Kingma and Ba 2015, section 7.2)."""

    decay: float
    total: Tensor | None = field(default=None)
    share: float = 0.0

    def update(self, image: Tensor) -> Tensor:
        if self.decay == 0:
            return image
        if self.total is None:
            self.total = torch.zeros_like(image)
        self.total = torch.lerp(image, self.total, self.decay)
        self.share = 1 - self.decay * (1 - self.share)
        return self.total / self.share


def make_optimizer(
    image: Tensor, config: OptimizeConfig, rate: float, state: AdamState
) -> torch.optim.Optimizer:
    """The torch optimizer of a scale, Adam with the moments carried over."""
    if config.optimizer == "lbfgs" and config.line_search == "none":
        return LimitedLBFGS(image, rate=rate, history=config.history, limit=config.limit)
    if config.optimizer == "lbfgs":
        # Tolerances off: the losses are means over pixels in [0, 1] and would trip them early.
        return torch.optim.LBFGS(
            [image],
            lr=rate,
            max_iter=4,
            history_size=config.history,
            tolerance_grad=0,
            tolerance_change=0,
            line_search_fn="strong_wolfe",
        )
    if config.optimizer == "gradient-descent":
        return torch.optim.SGD([image], lr=rate)
    optimizer = torch.optim.Adam([image], lr=rate, betas=config.betas)
    if state.first is not None and state.second is not None:
        optimizer.state[image] = {
            "step": torch.tensor(state.step),
            "exp_avg": state.first.clone(),
            "exp_avg_sq": state.second.clone(),
        }
    return optimizer


def optimize(
    image: Tensor, objective: Objective, config: OptimizeConfig, state: AdamState | None = None
) -> Iterator[Iterate]:
    """Move the pixels of `image` (1, 3, H, W) downhill, yielding after every step.

    A loss that is not finite, or that explodes, is stepped back from: the best image so far is
    taken up again with half the step length, and the step's notes say so. The last step yields the
    best image of the scale. Adam's image is clamped to [0, 1] after each step; L-BFGS's never, as
    that would corrupt its curvature pairs. `state` holds Adam's moments: read first, written last.
    """
    state = state if state is not None else AdamState()
    image = image.detach().clone(memory_format=torch.contiguous_format)
    average = _Average(config.average)
    watch = _Watch(config.learning_rate)
    optimizer = make_optimizer(image, config, watch.rate, state)
    for step in range(config.steps + 1):
        before = image.clone()
        if step < config.steps:
            evaluation = _move(image, objective, optimizer, clamp=config.optimizer == "adam")
        else:
            evaluation = objective.evaluate(image)
        losses = {name: value.item() for name, value in evaluation.losses.items()}
        notes: tuple[str, ...] = ()
        if watch.diverged(losses, before):
            notes = (watch.step_back(sum(losses.values())),)
            image.copy_(watch.image)
            optimizer = make_optimizer(image, config, watch.rate, AdamState())
            before, losses = watch.image, watch.losses
        if step == config.steps and config.average == 0:
            before, losses = watch.image, watch.losses
        if step > 0:
            yield Iterate(step, config.steps, losses, average.update(before), notes)
    moments = optimizer.state.get(image, {})
    if config.optimizer == "adam" and moments:
        state.first, state.second = moments["exp_avg"], moments["exp_avg_sq"]
        state.step = float(moments["step"])


def _move(
    image: Tensor, objective: Objective, optimizer: torch.optim.Optimizer, *, clamp: bool
) -> Evaluation:
    """One optimizer step on the image, in place; the evaluation is that of the image before it."""
    evaluations: list[Evaluation] = []

    def closure() -> Tensor:
        evaluation = objective.evaluate(image)
        if not evaluations:
            evaluations.append(evaluation)
        image.grad = evaluation.gradient
        return evaluation.total

    optimizer.step(closure)  # type: ignore[arg-type]
    if clamp:
        image.clamp_(0, 1)
    return evaluations[0]


class _Watch:
    """Remembers the best image of a scale and notices when a run has left it for good."""

    def __init__(self, rate: float) -> None:
        self.rate, self.retries = rate, 0
        self.total, self.first = math.inf, math.inf
        self.image: Tensor = torch.empty(0)
        self.losses: dict[str, float] = {}

    def diverged(self, losses: dict[str, float], image: Tensor) -> bool:
        """Whether this image is lost; the best one so far is kept."""
        total = sum(losses.values())
        if not math.isfinite(total):
            return True
        if total < self.total:
            self.total, self.image, self.losses = total, image, losses
        self.first = min(self.first, total) if math.isinf(self.first) else self.first
        return total > EXPLODED * self.first > 0

    def step_back(self, total: float) -> str:
        """Halve the step length and say so; OptimizationError when that has not helped."""
        self.retries += 1
        if not self.losses:
            raise OptimizationError(
                f"the loss of the first image is {total}: its pixels or the network's weights hold "
                "numbers that are not finite; check them with `gramarye doctor`"
            )
        if self.retries > RETRIES:
            raise OptimizationError(
                f"the loss diverged {self.retries} times, at last to {total:.3g}, even with the "
                f"step length at {self.rate:.2g}: lower --learning-rate or --strength"
            )
        self.rate /= 2
        return (
            f"the loss went to {total:.3g}: back to the best image, step length now {self.rate:.2g}"
        )
