"""What guards a scale's run: its best image, its divergence, and the average of its images."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from gramarye.errors import OptimizationError
from gramarye.optimizers.snapshot import Numbers

EXPLODED = 50.0  # times the first loss of the scale: no working run comes near it
NOTHING = 1e-9  # of the loss after a step: what the first is where nothing was left to do
RETRIES = 5  # halvings of the step length before a run is given up


@dataclass
class Average:
    """A bias-corrected running mean of images (Kingma and Ba 2015, section 7.2)."""

    decay: float
    total: Tensor | None = None
    share: float = 0.0

    def update(self, image: Tensor) -> Tensor:
        if self.decay == 0:
            return image
        if self.total is None:
            self.total = torch.zeros_like(image)
        self.total.lerp_(image, 1 - self.decay)
        self.share = 1 - self.decay * (1 - self.share)
        return self.total / self.share


class GuardNumbers(Numbers):
    """What a snapshot holds of a guard."""

    rate: float = Field(gt=0, allow_inf_nan=False)
    retries: int = Field(ge=0, le=RETRIES)
    total: float  # infinite before the first image, as is the first's loss
    first: float
    losses: dict[str, float]


@dataclass
class Guard:
    """Remembers the best image of a scale and notices when a run has left it for good."""

    rate: float
    retries: int = 0
    total: float = math.inf
    first: float = math.inf
    losses: dict[str, float] = field(default_factory=dict)
    image: Tensor = field(default_factory=lambda: torch.empty(0))

    def numbers(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "image"}

    def diverged(self, losses: dict[str, float], image: Tensor) -> bool:
        """Whether this image is lost; the best one so far is kept."""
        total = sum(losses.values())
        if not math.isfinite(total):
            return True
        if total < self.total:
            self.total, self.image, self.losses = total, image, losses
        self.first = min(self.first, total) if math.isinf(self.first) else self.first
        return total > EXPLODED * self.first > 0

    def solved(self, losses: dict[str, float]) -> bool:
        """Whether the first loss, next to these, was zero up to rounding: no step can lower it."""
        total = sum(losses.values())
        return math.isfinite(total) and self.first < NOTHING * total

    def step_back(self, total: float) -> str:
        """Halve the step length and say so; OptimizationError when that has not helped.

        Where no step has been any good, the first image may be very near to its target: then the
        step is shortened until a loss that grows with its square would count as no divergence.
        """
        self.retries += 1
        if not self.losses:
            raise OptimizationError(
                f"the loss of the first image is {total}: the weights of the losses are too large, "
                "or the pixels or the network hold numbers that are not finite; choose smaller "
                "weights, or check the network with `gramarye doctor`"
            )
        if self.retries > RETRIES:
            raise OptimizationError(
                f"the loss diverged {self.retries} times, at last to {total:.3g}, even with the "
                f"step length at {self.rate:.2g}: lower --learning-rate or --strength"
            )
        factor = 0.5
        if self.total == self.first and math.isfinite(total):
            factor = min(factor, math.sqrt(EXPLODED * self.first / total))
        self.rate *= factor
        return (
            f"the loss went to {total:.3g}: back to the best image, step length now {self.rate:.2g}"
        )
