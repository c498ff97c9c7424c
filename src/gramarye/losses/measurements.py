"""What is measured of an input, tile by tile: moments, other sums, whole maps; and masks."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol, final

from torch import Tensor

from gramarye.distributed.bands import Band
from gramarye.errors import SettingsError
from gramarye.losses.maps_loss import Map
from gramarye.losses.masks import MaskWeights
from gramarye.losses.seeing import Seeing
from gramarye.losses.statistic_loss import PositionSums
from gramarye.losses.statistics import Moments, moments
from gramarye.tiles.regions import Box, Sums, Tile, added


class Measurement(Protocol):
    """Something to be measured of an input's features, tile by tile."""

    @property
    def name(self) -> str:
        """The input's name."""

    @property
    def layers(self) -> tuple[str, ...]: ...

    def add(self, tile: Tile, features: Mapping[str, Tensor]) -> None:
        """Take in what a tile owns."""

    def finish(self, band: Band | None) -> None:
        """Add up what the processes have, where each had a band of the input."""


@final
class MomentsMeasurement:
    """Moments, in float64 where the device has it: distances are small differences of them."""

    def __init__(
        self, name: str, layers: Collection[str], weights: MaskWeights | None = None
    ) -> None:
        self.name, self.layers, self.weights = name, tuple(layers), weights
        self.sums: dict[str, Sums] = {}
        self.found: dict[str, Moments] = {}

    def add(self, tile: Tile, features: Mapping[str, Tensor]) -> None:
        for layer in self.layers:
            region = tile.regions[layer]
            weights = None if self.weights is None else self.weights.chosen(layer, region.whole)
            part = moments(region.inside.of(features[layer]), weights)
            sums = part.second, part.first, part.count
            self.sums[layer] = added(self.sums.get(layer), sums)

    def finish(self, band: Band | None) -> None:
        sums = self.sums if band is None else band.share(self.sums)
        for layer, (second, first, count) in sums.items():
            check_something(count, self.name, layer, self.weights)
            self.found[layer] = Moments(second, first, count)


def check_something(count: Tensor, name: str, layer: str, weights: MaskWeights | None) -> None:
    """Raise SettingsError for a mask that leaves nothing of an input.

    A content's mask may be none that was given: what is transparent or protected is out of it, too.
    """
    if weights is not None and not (count > 0).all():
        free = " and not protected" if name == "content" else ""
        raise SettingsError(
            f"{weights.name} leaves nothing of {name}, at {layer}: give one with white where the "
            f"picture is opaque{free}"
        )


@final
class SumsMeasurement:
    """Any sums over positions, in float64 where the device has it."""

    def __init__(
        self, name: str, summed: Collection[PositionSums], weights: MaskWeights | None = None
    ) -> None:
        self.name, self.weights = name, weights
        self.summed = {part.layer: part for part in summed}
        self.layers = tuple(self.summed)
        self.found: dict[str, Sums] = {}

    def add(self, tile: Tile, features: Mapping[str, Tensor]) -> None:
        for layer, summed in self.summed.items():
            region = tile.regions[layer]
            weights = None if self.weights is None else self.weights.chosen(layer, region.whole)
            part = summed(region.inside.of(features[layer]), weights)
            self.found[layer] = added(self.found.get(layer), part)

    def finish(self, band: Band | None) -> None:
        if band is not None:
            self.found.update(band.share(dict(self.found)))
        for layer, sums in self.found.items():
            check_something(sums[-1], self.name, layer, self.weights)


@final
class MapsMeasurement:
    """Whole feature maps; of an input of the image's size only where one process has all of it."""

    def __init__(
        self, name: str, seeing: Mapping[str, Seeing], weights: MaskWeights | None = None
    ) -> None:
        self.name, self.seeing, self.weights = name, seeing, weights
        self.layers = tuple(seeing)
        self.found: dict[str, Map] = {}

    def add(self, tile: Tile, features: Mapping[str, Tensor]) -> None:
        for layer, seeing in self.seeing.items():
            region = tile.regions[layer]
            part = seeing(region.inside.of(features[layer]))
            if layer not in self.found:
                room = part.new_empty((*part.shape[:2], *region.size))
                whole = Box.whole(*region.size)
                weights = None if self.weights is None else self.weights(layer, whole)
                self.found[layer] = Map(room, weights)
            region.whole.of(self.found[layer].features).copy_(part)

    def finish(self, band: Band | None) -> None:
        for layer, found in self.found.items():
            if found.weights is not None:
                check_something(found.weights.sum(), self.name, layer, self.weights)
