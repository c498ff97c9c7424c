"""The squared error of features (Gatys et al. 2015, eq. 1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from gramarye.losses.kind import ErrorUnit
from gramarye.losses.statistics import PositionWeights, at_least_float32
from gramarye.tiles.regions import Box, Region, Sums, whole_region


def squared_error(features: Tensor, target: Tensor) -> Tensor:
    """1/2 sum (F - P)^2 (B,) of features (B, C, H, W) (Gatys et al. 2015, eq. 1)."""
    return (features - target).square().sum((1, 2, 3)) / 2


def error_divisor(unit: ErrorUnit, squares: float, entries: float) -> float:
    """What a sum of squared errors is divided by: 2 as in the paper, the number of entries, or P^2.

    `relative` divides by the sum of the target's squares, so that one weight means the same for
    every picture, size and network; a target of zeros counts as one of ones.
    """
    if unit == "sum":
        return 2.0
    return (squares or entries) if unit == "relative" else entries


@final
@dataclass(frozen=True)
class SquaredError:
    """Squared error of one layer's features against a target, divided by a constant.

    Positions may be weighted; the divisor is then made of weighted sums, too. The target is `gain`
    times what is given: sum (alpha F - beta P)^2 is alpha^2 times the error with a gain of
    beta / alpha.
    """

    separable: ClassVar[bool] = True

    layer: str
    target: Tensor | Callable[[Box], Tensor]  # (1, C, H, W), or what gives a box of it
    divisor: float
    weights: PositionWeights | None = None
    gain: float = 1.0

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        here = features[self.layer]
        return self.value(self.sums(here, whole_region(here)))

    def difference(self, features: Tensor, region: Region) -> Tensor:
        """F - gain P over the region."""
        box = region.whole
        target = box.of(self.target) if isinstance(self.target, Tensor) else self.target(box)
        if self.gain != 1:
            target = self.gain * target
        return region.inside.of(features) - target

    def sums(self, features: Tensor, region: Region) -> Sums:
        squares = at_least_float32(self.difference(features, region)).square()
        if self.weights is not None:
            squares = squares * self.weights(self.layer, region.whole)
        return (squares.sum((1, 2, 3)),)

    def value(self, sums: Sums) -> Tensor:
        return sums[0] / self.divisor

    @torch.no_grad()
    def add_gradient(self, into: Tensor, features: Tensor, region: Region, slopes: Sums) -> None:
        difference = self.difference(features, region)
        if self.weights is not None:
            difference.mul_(self.weights(self.layer, region.whole))
        slope = slopes[0].to(into.dtype)[:, None, None, None]
        region.inside.of(into).add_(difference.mul_(2 * slope))


def content_loss(layer: str, target: Tensor, unit: ErrorUnit = "mean") -> SquaredError:
    """The content loss of a layer, for the content's features (1, C, H, W) there."""
    squares = float(target.square().sum())
    return SquaredError(layer, target, error_divisor(unit, squares, target.numel()))
