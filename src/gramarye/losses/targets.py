"""What terms compare with: statistics and features of the inputs, measured in one look at each.

Every kind of term first asks for what it will need; then each input goes through the network once,
tile by tile, for all of them; then the terms are made. What depends on a measurement, such as where
the bins of a histogram lie, is asked for once that is there, and costs a second look.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import TypeVar, final

import torch
from torch import Tensor

from gramarye.distributed.bands import Band
from gramarye.inputs.kinds import kind_of, names_of
from gramarye.losses.kind import MaskMode
from gramarye.losses.maps_loss import Map
from gramarye.losses.masks import MaskWeights
from gramarye.losses.measurements import (
    MapsMeasurement,
    Measurement,
    MomentsMeasurement,
    SumsMeasurement,
)
from gramarye.losses.seeing import Seeing
from gramarye.losses.statistic_loss import PositionSums
from gramarye.losses.statistics import Moments, at_least_float32
from gramarye.networks.features import PerceptualNetwork
from gramarye.tiles.extractor import FeatureExtractor
from gramarye.tiles.plan import TilePlan
from gramarye.tiles.regions import Box, Sums, Tile
from gramarye.tiles.tiling import Layout

M = TypeVar("M", bound=Measurement)


@final
class Targets:
    """What the terms of one scale ask for.

    `seen` are the inputs at the scale: those of the image's size only in the rows that this process
    sees. Where features are not `stored`, they are computed anew whenever they are needed. What
    terms draw is drawn from `seed`. Where the image is seen round its border (`around`), the others
    are not: `of_others` is how those that are not of its size are looked at.
    """

    def __init__(
        self,
        extractor: FeatureExtractor,
        seen: Mapping[str, Tensor],
        band: Band,
        tiles: TilePlan,
        *,
        stored: bool = True,
        seed: int = 0,
        of_others: FeatureExtractor | None = None,
    ) -> None:
        self.of_others, self.around = of_others or extractor, of_others is not None
        self.extractor, self.seen, self.band, self.stored = extractor, seen, band, stored
        self.tiles, self.seed = band.here(tiles).tiles, seed
        self.asked: dict[str, list[Measurement]] = {}
        self.waiting: list[Callable[[], None]] = []

    @property
    def network(self) -> PerceptualNetwork:
        return self.extractor.network

    def names(self, kind: str) -> list[str]:
        """The inputs of a kind that there are."""
        return names_of(kind, self.seen)

    def moments(
        self, name: str, layers: Collection[str], weights: MaskWeights | None = None
    ) -> dict[str, Moments]:
        """The moments of an input's features by layer, there once they have been measured."""
        return self.ask(MomentsMeasurement(name, layers, weights)).found

    def sums(
        self, name: str, summed: Collection[PositionSums], weights: MaskWeights | None = None
    ) -> dict[str, Sums]:
        """Any sums over the positions of an input's layers, likewise."""
        return self.ask(SumsMeasurement(name, summed, weights)).found

    def maps(
        self, name: str, seeing: Mapping[str, Seeing], weights: MaskWeights | None = None
    ) -> dict[str, Map]:
        """An input's whole feature maps as they are seen, likewise."""
        return self.ask(MapsMeasurement(name, seeing, weights)).found

    def features(
        self, name: str, layers: Collection[str], weights: MaskWeights | None = None
    ) -> dict[str, FeatureTarget]:
        """The features of an input of the image's size by layer, likewise."""
        return self.ask(FeaturesMeasurement(self, name, layers, weights)).found

    def ask(self, measurement: M) -> M:
        """Have an input measured with the next look."""
        self.asked.setdefault(measurement.name, []).append(measurement)
        return measurement

    def then(self, ask: Callable[[], None]) -> None:
        """What must see measurements before it can ask for more: it costs another look."""
        self.waiting.append(ask)

    def pixels(self, name: str) -> Placed:
        """An input of the image's size itself, as a target of the layer "image"."""
        return Placed(self.seen[name], self.band.window[0])

    def weights(self, name: str) -> MaskWeights | None:
        """How much each position of a layer counts, by a mask; None if there is no such input."""
        if name not in self.seen:
            return None
        return self.weighing(name, self.seen[name])

    def weighing(self, name: str, mask: Tensor, mode: MaskMode = "simple") -> MaskWeights:
        """The same by any mask (1, 1, h, w) in place of the input of that name."""
        if kind_of(name).size == "image":
            size, top = self.band.bands.size, self.band.window[0]
            return MaskWeights(name, mask, self.network, size, top, mode)
        height, width = mask.shape[-2:]
        return MaskWeights(name, mask, self.network, (height, width), mode=mode)

    def measure(self) -> None:
        """Look at every input once, and once more for what could only be asked for then."""
        while self.asked or self.waiting:
            self.look()
            waiting, self.waiting = self.waiting, []
            for ask in waiting:
                ask()

    def look(self) -> None:
        for name, measurements in self.asked.items():
            layers = {layer for measurement in measurements for layer in measurement.layers}
            shared = kind_of(name).size == "image"
            tiles = self.tiles if shared else None
            extractor = self.extractor if shared else self.of_others
            for tile, features in extractor.features(self.seen[name], layers, tiles):
                for measurement in measurements:
                    measurement.add(tile, features)
            for measurement in measurements:
                measurement.finish(self.band if shared else None)
        self.asked.clear()


@final
@dataclass(frozen=True)
class FeatureTarget:
    """An input's features at a layer, to be asked for by boxes of positions."""

    part: Callable[[Box], Tensor]
    squares: float  # the sum of their squares, over the whole picture, as positions count
    entries: float  # and how many numbers they are, likewise

    def __call__(self, box: Box) -> Tensor:
        return self.part(box)


@final
class FeaturesMeasurement:
    """Features, stored or to be computed anew, and the sum of their squares."""

    def __init__(
        self,
        targets: Targets,
        name: str,
        layers: Collection[str],
        weights: MaskWeights | None = None,
    ) -> None:
        self.targets, self.name, self.layers = targets, name, tuple(layers)
        self.weights = weights
        self.parts: dict[str, Placed | ComputedTarget] = {}
        self.squares = {layer: torch.zeros(1, 2, dtype=torch.float64) for layer in self.layers}
        self.found: dict[str, FeatureTarget] = {}

    def add(self, tile: Tile, features: Mapping[str, Tensor]) -> None:
        for layer in self.layers:
            region = tile.regions[layer]
            part = region.inside.of(features[layer])
            squares, entries = at_least_float32(part).square(), float(part.numel())
            if self.weights is not None:
                weights = self.weights(layer, region.whole)
                squares, entries = squares * weights, part.shape[1] * float(weights.sum())
            square = squares.sum().cpu().double()
            self.squares[layer] += torch.stack([square, square.new_tensor(entries)])
            if not self.targets.stored:
                continue
            if layer not in self.parts:
                self.parts[layer] = self.room(layer, part)
            self.parts[layer](region.whole).copy_(part)

    def room(self, layer: str, like: Tensor) -> Placed:
        """Memory for what this process owns of a layer, laid out like a part of it.

        Subtracting it from features is then one sweep.
        """
        boxes = [tile.regions[layer].whole for tile in self.targets.tiles]
        top, bottom = min(box.top for box in boxes), max(box.bottom for box in boxes)
        width = self.targets.tiles[0].regions[layer].size[1]
        layout = torch.channels_last if like.stride(1) == 1 else torch.contiguous_format
        shape = (*like.shape[:2], bottom - top, width)
        room = torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=layout)
        return Placed(room, top)

    def finish(self, band: Band | None) -> None:
        assert band is not None, "only inputs of the image's size are compared place by place"
        totals = band.share({layer: (square,) for layer, square in self.squares.items()})
        for layer, (total,) in totals.items():
            squares, entries = total[0].tolist()
            part = self.parts.get(layer) or ComputedTarget(
                self.targets.extractor,
                self.targets.seen[self.name],
                layer,
                band.window[0],
                band.bands.height,
            )
            self.found[layer] = FeatureTarget(part, squares, entries)


@final
@dataclass(frozen=True)
class Placed:
    """Rows of something as large as the whole, asked for by boxes of the whole."""

    rows: Tensor  # (1, C, h, W)
    top: int = 0  # of the whole's rows, the first that is here

    def __call__(self, box: Box) -> Tensor:
        return box.down(-self.top).of(self.rows)


@final
class ComputedTarget:
    """Features that are computed when they are asked for, one box at a time.

    `picture` may be some rows of an input, from `top` on, where its whole `height` is given.
    """

    def __init__(
        self,
        extractor: FeatureExtractor,
        picture: Tensor,
        layer: str,
        top: int = 0,
        height: int | None = None,
    ) -> None:
        self.extractor, self.picture, self.layer = extractor, picture, layer
        self.top, self.size = top, (height or picture.shape[-2], picture.shape[-1])
        self.last: tuple[Box, Tensor] | None = None  # asked for twice: for the loss and its slope

    def __call__(self, box: Box) -> Tensor:
        """The features in a box of the layer's positions."""
        if self.last is None or self.last[0] != box:
            network = self.extractor.network
            stride = network.geometry(self.layer).stride
            tile = Layout.of(network, [self.layer], *self.size).tile(box.times(stride, *self.size))
            window = tile.window.down(-self.top).of(self.picture)
            features = self.extractor.passes(window, [self.layer], keep=False).features
            y, x = tile.window.top // stride, tile.window.left // stride
            inside = Box(box.top - y, box.bottom - y, box.left - x, box.right - x)
            self.last = box, inside.of(features[self.layer])
        return self.last[1]
