"""The style loss of one layer: a distance between additive statistics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal, final

from torch import Tensor

from gramarye.losses.additive import Sums
from gramarye.losses.distances import (
    covariance_distance,
    gram_distance,
    head_covariance_distance,
    head_gram_distance,
    paper_gram_distance,
    wasserstein_distance,
)
from gramarye.losses.statistics import Moments, add_sums_gradient, moments
from gramarye.networks.features import PerceptualNetwork
from gramarye.tiles.tiling import Region

StyleKind = Literal["gram", "gram-paper", "covariance", "wasserstein"]
Distance = Callable[[Moments, Moments], Tensor]

DISTANCES: dict[str, Distance] = {
    "gram": gram_distance,
    "gram-paper": paper_gram_distance,
    "covariance": covariance_distance,
    "wasserstein": wasserstein_distance,
}


HEAD_DISTANCES = {
    "gram": head_gram_distance,
    "gram-paper": head_gram_distance,
    "covariance": head_covariance_distance,
}


@final
@dataclass(frozen=True)
class StyleLoss:
    """The distance of one layer's moments from the style's."""

    layer: str
    target: Moments
    distance: Distance

    @property
    def linear(self) -> bool:
        return False

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        here = moments(features[self.layer])
        return self.distance(here.to(self.target.first.dtype), self.target)

    def sums(self, features: Tensor, region: Region) -> Sums:
        here = moments(region.inside.of(features))
        return here.second, here.first, here.count

    def value(self, sums: Sums) -> Tensor:
        second, first, count = sums
        here = Moments(second, first, count.detach())  # which no pixel can change
        return self.distance(here.to(self.target.first.dtype), self.target)

    def add_gradient(self, into: Tensor, features: Tensor, region: Region, slopes: Sums) -> None:
        second, first, _ = slopes
        add_sums_gradient(region.inside.of(into), region.inside.of(features), second, first)


def style_distance(kind: StyleKind, network: PerceptualNetwork, layer: str) -> Distance:
    """The distance of a kind at a layer, measured through the network's head if it has one."""
    if layer in network.heads and kind in HEAD_DISTANCES:
        # The paper's distance is a quarter of the other: as if its space had twice the channels.
        width = network.widths[layer] * (2 if kind == "gram-paper" else 1)
        head = network.heads[layer]
        head = head if head.device.type == "mps" else head.double()
        return partial(HEAD_DISTANCES[kind], metric=head.mT @ head, width=width)
    return DISTANCES[kind]
