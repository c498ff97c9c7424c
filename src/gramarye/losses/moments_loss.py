"""The style loss of one layer: a distance between additive statistics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from gramarye.losses.masks import MaskWeights
from gramarye.losses.positions import Positions, add_gradients_at
from gramarye.losses.statistics import (
    Moments,
    PositionChoice,
    Weights,
    add_sums_gradient,
    at_least_float32,
    moments,
)
from gramarye.tiles.regions import Region, Sums, whole_region

FEW = 1 << 16  # numbers of a layer that are gone through for every region

Distance = Callable[[Moments, Moments], Tensor]  # (B,)


@final
@dataclass(frozen=True)
class MomentsLoss:
    """The distance of one layer's moments from a target; positions may be weighted."""

    separable: ClassVar[bool] = False

    layer: str
    target: Moments
    distance: Distance
    weights: PositionChoice | None = None

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        here = features[self.layer]
        return self.value(self.sums(here, whole_region(here)))

    def weights_of(self, region: Region) -> Weights:
        """The weights (1, 1, h, w) of the region's positions, or those of them that count."""
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


@final
@dataclass(frozen=True)
class RegionMomentsLoss:
    """The sum over regions of their shares times `MomentsLoss`, all distances computed at once.

    `targets` are the regions' (R, ...), and `masks` say which positions are in each of them. Where
    there are few positions, all are gone through for every region: that is less to be done than
    to find those that count.
    """

    separable: ClassVar[bool] = False

    layer: str
    targets: Moments
    distance: Distance
    shares: tuple[float, ...]
    masks: tuple[MaskWeights, ...]

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        here = features[self.layer]
        return self.value(self.sums(here, whole_region(here)))

    def sums(self, features: Tensor, region: Region) -> Sums:
        here = region.inside.of(features)
        if here[0].numel() <= FEW:
            return self.sums_of_few(here, region)
        found = [moments(here, mask.chosen(self.layer, region.whole)) for mask in self.masks]
        return (
            torch.stack([part.second for part in found], 1),  # (B, R, C, C)
            torch.stack([part.first for part in found], 1),
            torch.stack([part.count for part in found], 1),
        )

    def weights(self, region: Region) -> Tensor:
        """How much every position counts in each region (R, 1, N)."""
        return torch.cat([mask(self.layer, region.whole).flatten(2) for mask in self.masks])

    def sums_of_few(self, here: Tensor, region: Region) -> Sums:
        x = at_least_float32(here).flatten(2)[:, None]  # (B, 1, C, N)
        weights = self.weights(region).to(x.dtype)
        weighted = x * weights  # (B, R, C, N)
        count = weights.sum((1, 2)).expand(len(x), -1)
        return weighted @ x.mT, weighted.sum(3), count

    def value(self, sums: Sums) -> Tensor:
        second, first, count = (part.to(self.targets.first.dtype).flatten(0, 1) for part in sums)
        here = Moments(second, first, count.detach())  # which no pixel can change
        images = len(count) // len(self.shares)
        targets = self.targets if images == 1 else self.targets.repeated(images)
        distances = self.distance(here, targets).view(images, -1)
        return distances @ distances.new_tensor(self.shares)

    def add_gradient(self, into: Tensor, features: Tensor, region: Region, slopes: Sums) -> None:
        target, source = region.inside.of(into), region.inside.of(features)
        if source[0].numel() <= FEW:
            target += self.gradient_of_few(source, region, slopes).to(target.dtype)
            return
        some = []
        for number, mask in enumerate(self.masks):
            second, first = slopes[0][:, number], slopes[1][:, number]
            weights = mask.chosen(self.layer, region.whole)
            if isinstance(weights, Positions):
                matrix = (second + second.mT).to(into.dtype)
                some.append((matrix, first.to(into.dtype), weights))
            else:
                add_sums_gradient(target, source, second, first, weights)
        if some:
            add_gradients_at(target, source, some)

    def gradient_of_few(self, here: Tensor, region: Region, slopes: Sums) -> Tensor:
        x = at_least_float32(here).flatten(2)[:, None]  # (B, 1, C, N)
        second, first = (slope.to(x.dtype) for slope in slopes[:2])
        product = (second + second.mT) @ x + first[..., None]  # (B, R, C, N)
        return (product * self.weights(region).to(x.dtype)).sum(1).view(here.shape)
