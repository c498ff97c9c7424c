"""A style loss that compares means over positions of anything made of a position's features.

What `moments_loss` does for first and second moments, this does for any statistic: histograms of
projections, Fourier features, powers. Being sums, they are tiled, shared, weighted and mixed as
moments are (design law 1). Gradients are autograd's, or a statistic's own where that is faster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from gramarye.losses.positions import Positions, add_chosen, chosen
from gramarye.losses.seeing import Seeing
from gramarye.losses.statistics import PositionChoice, Weights, mixed
from gramarye.tiles.regions import Region, Sums, whole_region

CHUNK = 1 << 20  # numbers a statistic makes at a time: they stay in the cache, and none is kept

# Of seen features (B, C, N) and weights (1 or B, 1, N) or None: sums over the N, each (B, ...).
Summing = Callable[[Tensor, Tensor | None], Sums]
# Of the same and slopes in the sums: the gradient in the features (B, C, N).
PositionGradient = Callable[[Tensor, Tensor | None, Sequence[Tensor]], Tensor]


@final
@dataclass(frozen=True)
class Statistic:
    """What is summed over positions, and how far two means of it are apart, (B,)."""

    summing: Summing
    distance: Callable[[Sums, Sums], Tensor]
    size: int  # numbers made of one position, for the size of the chunks
    gradient: PositionGradient | None = None  # by hand, where that is faster than autograd


@final
@dataclass(frozen=True)
class PositionSums:
    """A statistic's sums over a region of a layer as it is seen; the last is the count.

    Features are multiplied by `gain` once they are seen.
    """

    layer: str
    statistic: Statistic
    seeing: Seeing
    gain: float = 1.0

    def __call__(self, features: Tensor, weights: Weights) -> Sums:
        """The sums (B, ...) of features (B, C, h, w), weighted by `weights` (1 or B, 1, h, w)."""
        if isinstance(weights, Positions):
            features, weights = column(features, weights)
        parts = [self.of_rows(rows, w) for rows, w in self.rows(features, weights)]
        total = [sum(part[1:], start=part[0]) for part in zip(*parts, strict=True)]
        if weights is None:
            count = total[0].new_full((len(features),), features.shape[2] * features.shape[3])
        else:
            count = weights.to(total[0].dtype).sum((1, 2, 3)).expand(len(features))
        return (*total, count)

    def of_rows(self, features: Tensor, weights: Tensor | None) -> Sums:
        seen = self.gain * self.seeing(features).flatten(2)
        return self.statistic.summing(seen, None if weights is None else weights.flatten(2))

    def rows(
        self, features: Tensor, weights: Tensor | None
    ) -> Iterator[tuple[Tensor, Tensor | None]]:
        """A few rows at a time; at least one part, if an empty one."""
        height, width = features.shape[2:]
        wide = max(self.statistic.size, self.seeing.channels) * max(1, width) * len(features)
        step = max(1, CHUNK // wide)
        for top in range(0, max(1, height), step):
            part = slice(top, min(top + step, height))
            yield features[:, :, part], None if weights is None else weights[:, :, part]

    def add_gradient(
        self, into: Tensor, features: Tensor, weights: Weights, slopes: Sequence[Tensor]
    ) -> None:
        """Add what slopes in the sums mean for the features."""
        if isinstance(weights, Positions):
            here, some = column(features, weights)
            gradient = torch.zeros_like(here)
            self.add_gradient(gradient, here, some, slopes)
            add_chosen(into, weights, gradient[..., 0])
            return
        targets = (rows for rows, _ in self.rows(into, None))
        for target, (rows, w) in zip(targets, self.rows(features, weights), strict=True):
            target += self.gradient_of_rows(rows, w, slopes)

    def gradient_of_rows(
        self, features: Tensor, weights: Tensor | None, slopes: Sequence[Tensor]
    ) -> Tensor:
        if self.statistic.gradient is None:
            with torch.enable_grad():
                leaf = features.detach().requires_grad_(True)
                sums = self.of_rows(leaf, weights)
                given = [slope.to(part.dtype) for slope, part in zip(slopes, sums, strict=True)]
                return torch.autograd.grad(sums, leaf, given)[0]
        seen = self.gain * self.seeing(features).flatten(2)
        flat = None if weights is None else weights.flatten(2)
        gradient = self.gain * self.statistic.gradient(seen, flat, slopes)
        return self.seeing.back(gradient).view(features.shape)


def column(features: Tensor, positions: Positions) -> tuple[Tensor, Tensor]:
    """Those features (B, C, h, w) that count as (B, C, n, 1), and their weights (1, 1, n, 1)."""
    gathered, weights = chosen(features, positions)
    return gathered[..., None], weights[None, None, :, None]


@final
@dataclass(frozen=True)
class StatisticLoss:
    """The distance of one layer's statistic from a target; positions may be weighted."""

    separable: ClassVar[bool] = False

    layer: str
    target: Sums  # means, each (1, ...)
    summed: PositionSums
    weights: PositionChoice | None = None

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        here = features[self.layer]
        return self.value(self.sums(here, whole_region(here)))

    def weights_of(self, region: Region) -> Weights:
        return None if self.weights is None else self.weights(self.layer, region.whole)

    def sums(self, features: Tensor, region: Region) -> Sums:
        return self.summed(region.inside.of(features), self.weights_of(region))

    def value(self, sums: Sums) -> Tensor:
        return self.summed.statistic.distance(
            tuple(part.to(self.target[0].dtype) for part in means(sums)), self.target
        )

    def add_gradient(self, into: Tensor, features: Tensor, region: Region, slopes: Sums) -> None:
        here, target = region.inside.of(features), region.inside.of(into)
        self.summed.add_gradient(target, here, self.weights_of(region), slopes[:-1])


def means(sums: Sums) -> Sums:
    """Sums over positions divided by the count, which no pixel can change."""
    *parts, count = sums
    count = count.detach()
    return tuple(part / count.view(-1, *[1] * (part.ndim - 1)) for part in parts)


def mix_means(parts: Sequence[Sums], weights: Sequence[float] | None = None) -> Sums:
    """The means of several styles as those of one: their weighted mean, whatever their sizes."""
    return mixed([means(part) for part in parts], weights)
