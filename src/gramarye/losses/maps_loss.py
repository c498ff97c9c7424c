"""Style losses of whole feature maps: what sorts, searches or shifts is no function of sums.

They are refused where the image is taken in tiles or shared (`Needs.whole`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import torch.nn.functional as F
from torch import Tensor

from gramarye.losses.seeing import Seeing
from gramarye.losses.statistics import PositionWeights
from gramarye.tiles.regions import whole_region


@final
@dataclass(frozen=True)
class Map:
    """A layer's features as they are seen, and how much each position counts."""

    features: Tensor  # (B, C, H, W), in float32 at least
    weights: Tensor | None = None  # (1, 1, H, W); None is the same everywhere

    def pooled(self, most: int) -> Map:
        """The means of square cells, so many that there are at most `most`; weights alike.

        A mean, not a choice: every position keeps a gradient.
        """
        cell, _ = cells(self.features.shape[2:], most)
        if cell == 1:
            return self
        if self.weights is None:
            return Map(cell_means(self.features, cell))
        weights = self.weights.to(self.features.dtype)
        mass = cell_means(weights, cell)
        sums = cell_means(self.features * weights, cell)
        return Map(sums / mass.clamp_min(1e-6), mass)

    def chosen(self) -> Tensor:
        """Which positions count, (H * W,): those at least half as white as the whitest."""
        if self.weights is None:
            return self.features.new_ones(self.features[0, 0].numel()).bool()
        return at_least_half(self.weights)


def cells(size: Sequence[int], most: int) -> tuple[int, tuple[int, int]]:
    """The least side of square cells of which at most `most` cover a map; rows and columns."""
    height, width = size
    side = 1
    while (rows := -(-height // side)) * (columns := -(-width // side)) > most:
        side += 1
    return side, (rows, columns)


def at_least_half(weights: Tensor) -> Tensor:
    return weights.flatten() >= weights.max() / 2


def nothing(x: Tensor) -> Tensor:
    """A loss of zero (B,), with a gradient of zeros in x (B, ...)."""
    return 0 * x.flatten(1).sum(1)


def cell_means(x: Tensor, cell: int) -> Tensor:
    return F.avg_pool2d(x, cell, ceil_mode=True, count_include_pad=False)


Maps = Mapping[str, Map]  # by layer
MapsDistance = Callable[[Maps], Tensor]  # (B,)
# Of the styles' maps, how much each style counts, and the weights of the layers.
MakeDistance = Callable[[Sequence[Maps], Sequence[float], Mapping[str, float]], MapsDistance]


@final
@dataclass(frozen=True)
class MapsLoss:
    """A distance of feature maps from targets it was made with; it cannot be taken in tiles."""

    seeing: Mapping[str, Seeing]  # by the layers it reads
    distance: MapsDistance
    weights: PositionWeights | None = None

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        return self.distance({layer: self.map(layer, features[layer]) for layer in self.seeing})

    def map(self, layer: str, features: Tensor) -> Map:
        box = whole_region(features).whole
        weights = None if self.weights is None else self.weights(layer, box)
        return Map(self.seeing[layer](features), weights)
