"""The style loss of one layer: a distance between additive statistics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, final

import torch
from torch import Tensor

from gramarye.losses.masks import MaskWeights
from gramarye.losses.positions import Parts, Positions, add_gradients_at, sums_at
from gramarye.losses.seeing import Seeing
from gramarye.losses.statistics import (
    Moments,
    PositionChoice,
    Weights,
    add_sums_gradient,
    at_least_float32,
    moments,
)
from gramarye.tiles.regions import Box, Region, Sums, whole_region

FEW = 1 << 14  # numbers of a layer that are gone through for every region

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
    to find those that count. With `seeing`, the moments are those of features as they are seen.
    """

    separable: ClassVar[bool] = False

    layer: str
    targets: Moments
    distance: Distance
    shares: tuple[float, ...]
    masks: tuple[MaskWeights, ...]
    seeing: Seeing | None = None
    known: dict[Box, Parts | None] = field(default_factory=dict)
    known_weights: dict[Box, Tensor] = field(default_factory=dict)

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        here = features[self.layer]
        return self.value(self.sums(here, whole_region(here)))

    def seen(self, features: Tensor) -> Tensor:
        return features if self.seeing is None else self.seeing.rows(features)

    def sums(self, features: Tensor, region: Region) -> Sums:
        here = self.seen(region.inside.of(features))
        if here[0].numel() <= FEW:
            return self.sums_of_few(here, region)
        if (parts := self.parts(region)) is not None:
            second, first = sums_at(here, parts)  # (B, R, C, C) and (B, R, C)
            count = torch.stack([part.count for part in parts.positions])
            return second, first, count.to(second.dtype).expand(len(here), -1)
        found = [moments(here, mask.chosen(self.layer, region.whole)) for mask in self.masks]
        return (
            torch.stack([part.second for part in found], 1),
            torch.stack([part.first for part in found], 1),
            torch.stack([part.count for part in found], 1),
        )

    def parts(self, region: Region) -> Parts | None:
        """The positions of all regions; None where one of them has all there are."""
        if region.whole not in self.known:
            found = [mask.chosen(self.layer, region.whole) for mask in self.masks]
            some = [part for part in found if isinstance(part, Positions)]
            self.known[region.whole] = Parts(some) if len(some) == len(found) else None
        return self.known[region.whole]

    def weights(self, region: Region) -> Tensor:
        """How much every position counts in each region (R, 1, N)."""
        if region.whole not in self.known_weights:
            found = [mask(self.layer, region.whole).flatten(2) for mask in self.masks]
            self.known_weights[region.whole] = torch.cat(found)
        return self.known_weights[region.whole]

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
        if self.seeing is None:
            self.add_gradient_of(target, source, region, slopes)
            return
        seen = self.seen(source)
        gradient = torch.zeros_like(seen)
        self.add_gradient_of(gradient, seen, region, slopes)
        target += self.seeing.rows_back(gradient).to(target.dtype)

    def add_gradient_of(self, target: Tensor, source: Tensor, region: Region, slopes: Sums) -> None:
        if source[0].numel() <= FEW:
            target += self.gradient_of_few(source, region, slopes).to(target.dtype)
            return
        if (parts := self.parts(region)) is not None:
            matrices = (slopes[0] + slopes[0].mT).to(target.dtype)
            add_gradients_at(target, source, matrices, slopes[1].to(target.dtype), parts)
            return
        for number, mask in enumerate(self.masks):
            weights = mask.chosen(self.layer, region.whole)
            add_sums_gradient(target, source, slopes[0][:, number], slopes[1][:, number], weights)

    def gradient_of_few(self, here: Tensor, region: Region, slopes: Sums) -> Tensor:
        x = at_least_float32(here).flatten(2)[:, None]  # (B, 1, C, N)
        second, first = (slope.to(x.dtype) for slope in slopes[:2])
        product = (second + second.mT) @ x + first[..., None]  # (B, R, C, N)
        return (product * self.weights(region).to(x.dtype)).sum(1).view(here.shape)
