"""Content losses (Gatys et al. 2015, eq. 1) and the class that holds their target."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, final

from torch import Tensor

from gramarye.losses.additive import Sums
from gramarye.losses.statistics import at_least_float32
from gramarye.tiles.tiling import Box, Region, whole_region

ContentKind = Literal["relative", "mean", "sum"]


def squared_error(features: Tensor, target: Tensor) -> Tensor:
    """1/2 sum (F - P)^2 (Gatys et al. 2015, eq. 1)."""
    return (features - target).square().sum() / 2


def content_divisor(kind: ContentKind, squares: float, entries: int) -> float:
    """What a sum of squared errors is divided by: 2 as in the paper, the number of entries, or P^2.

    `relative` divides by the sum of the target's squares, so that one weight means the same for
    every picture, size and network; a target of zeros counts as one of ones.
    """
    if kind == "sum":
        return 2.0
    return (squares or float(entries)) if kind == "relative" else float(entries)


@final
@dataclass(frozen=True)
class ContentLoss:
    """Squared error of one layer's features against the content's, divided by a constant."""

    layer: str
    target: Tensor | Callable[[Box], Tensor]  # (1, C, H, W), or what computes a box of it
    divisor: float

    @property
    def linear(self) -> bool:
        return True

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        here = features[self.layer]
        (total,) = self.sums(here, whole_region(here))
        return self.value((total,))

    def difference(self, features: Tensor, region: Region) -> Tensor:
        """F - P over the region."""
        target = (
            region.whole.of(self.target)
            if isinstance(self.target, Tensor)
            else self.target(region.whole)
        )
        return region.inside.of(features) - target

    def sums(self, features: Tensor, region: Region) -> Sums:
        return (at_least_float32(self.difference(features, region)).square().sum(),)

    def value(self, sums: Sums) -> Tensor:
        return sums[0] / self.divisor

    def add_gradient(self, into: Tensor, features: Tensor, region: Region, slopes: Sums) -> None:
        difference = self.difference(features, region)
        region.inside.of(into).add_(difference.mul_(2 * slopes[0].to(into.dtype)))


def make_content_loss(layer: str, target: Tensor, kind: ContentKind = "mean") -> ContentLoss:
    """The content loss of a layer for the content's features there."""
    squares = float(target.square().sum())
    return ContentLoss(layer, target, content_divisor(kind, squares, target.numel()))
