"""Features of an image, one tile after the other."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import final

from torch import Tensor

from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.passes import Passes, Precision, make_passes
from gramarye.tiles.plan import choose_tiles
from gramarye.tiles.regions import Tile


@final
class FeatureExtractor:
    """A network, how precisely it computes, and the bytes it may take for an image's features."""

    def __init__(
        self,
        network: PerceptualNetwork,
        precision: Precision = "float32",
        memory: int | None = None,
    ) -> None:
        self.network, self.precision, self.memory = network, precision, memory
        self.passes: Passes = make_passes(network, precision)

    def tiles(self, height: int, width: int, layers: Collection[str]) -> tuple[Tile, ...]:
        """The tiles in which an image of that size stays within the memory."""
        plan = choose_tiles(self.network, layers, height, width, self.memory, self.precision)
        return plan.tiles

    def features(
        self, image: Tensor, layers: Collection[str], tiles: Iterable[Tile] | None = None
    ) -> Iterator[tuple[Tile, Mapping[str, Tensor]]]:
        """The features of an image (1, 3, H, W), a tile's window at a time."""
        if not layers:
            return
        for tile in (
            self.tiles(image.shape[-2], image.shape[-1], layers) if tiles is None else tiles
        ):
            yield tile, self.passes(tile.window.of(image), layers, keep=False).features
