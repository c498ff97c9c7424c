"""The style loss of one layer: a distance between additive statistics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, final

from torch import Tensor

from gramarye.losses.statistics import Moments, PositionWeights, add_sums_gradient, moments
from gramarye.tiles.regions import Region, Sums, whole_region

Distance = Callable[[Moments, Moments], Tensor]  # (B,)


@final
@dataclass(frozen=True)
class MomentsLoss:
    """The distance of one layer's moments from a target; positions may be weighted."""

    separable: ClassVar[bool] = False

    layer: str
    target: Moments
    distance: Distance
    weights: PositionWeights | None = None

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        here = features[self.layer]
        return self.value(self.sums(here, whole_region(here)))

    def weights_of(self, region: Region) -> Tensor | None:
        """The weights (1, 1, h, w) of the region's positions."""
        return None if self.weights is None else self.weights(self.layer, region.whole)

    def sums(self, features: Tensor, region: Region) -> Sums:
        here = moments(region.inside.of(features), self.weights_of(region))
        return here.second, here.first, here.count

    def value(self, sums: Sums) -> Tensor:
        second, first, count = sums
        here = Moments(second, first, count.detach())  # which no pixel can change
        return self.distance(here.to(self.target.first.dtype), self.target)

    def add_gradient(self, into: Tensor, features: Tensor, region: Region, slopes: Sums) -> None:
        second, first, _ = slopes
        target, source = region.inside.of(into), region.inside.of(features)
        add_sums_gradient(target, source, second, first, self.weights_of(region))
