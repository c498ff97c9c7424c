"""Tiles: parts of an image that give, added up, exactly what the whole image gives.

Every tile *owns* a box of pixels and, in every layer, the positions over them; owned boxes do not
overlap and leave nothing out. To compute what it owns, a tile looks at a *window*: its box and a
margin around it. The margin is the reach of the receptive fields, computed from the network's
geometry, and ends at the image's border, where the network pads as it always does.

The gradient of a tile's share of the losses reaches into the margin. The tiles' gradients are added
up there (see `objective`), so that the margin need not be twice as wide for the gradient as for the
statistics, as it must be where a tile's gradient is cut to its own box (Galerne et al. 2024 do
that).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise, product
from typing import final

from gramarye.networks.features import PerceptualNetwork
from gramarye.tiles.regions import IMAGE, Box, Region, Tile

IMAGE_REACH = 1  # pixels a loss on the image may look beyond what its tile owns


@final
@dataclass(frozen=True)
class Layout:
    """What the tiles of one image must know of a network: computed once for all of them."""

    size: tuple[int, int]  # height and width of the image, in pixels
    stride: int  # that tiles are aligned to
    margins: tuple[int, int]  # pixels before and after its own that a tile must see
    layers: Mapping[str, tuple[int, tuple[int, int]]]  # stride, and positions of the whole layer

    @classmethod
    def of(
        cls, network: PerceptualNetwork, layers: Collection[str], height: int, width: int
    ) -> Layout:
        found: dict[str, tuple[int, tuple[int, int]]] = {IMAGE: (1, (height, width))}
        for layer in layers:
            size = (network.positions(layer, height), network.positions(layer, width))
            found[layer] = (network.geometry(layer).stride, size)
        stride = total_stride(network, layers)
        return cls((height, width), stride, margins(network, layers), found)

    def window(self, start: int, stop: int, size: int) -> tuple[int, int]:
        """What a tile must see along one side of the image to compute `start` to `stop`."""
        before, after = self.margins
        return max(0, start - before) // self.stride * self.stride, min(size, stop + after)

    def tile(self, owned: Box) -> Tile:
        """The tile that owns a box of pixels: its window, and its region of every layer."""
        height, width = self.size
        window = Box(
            *self.window(owned.top, owned.bottom, height),
            *self.window(owned.left, owned.right, width),
        )
        regions = {
            layer: region(owned, window, stride, positions, self.size)
            for layer, (stride, positions) in self.layers.items()
        }
        return Tile(owned, window, regions)


def plan_tiles(
    network: PerceptualNetwork,
    layers: Collection[str],
    height: int,
    width: int,
    rows: int = 1,
    columns: int = 1,
    within: tuple[int, int] | None = None,
) -> list[Tile]:
    """The image (height, width) in `rows` x `columns` tiles, or fewer where it is too small.

    The tiles begin at multiples of the deepest layer's stride, so that their pooling windows are
    those of the whole image. `within` limits what is owned to some of the rows, the first of them
    a multiple of the stride: the band of one of several machines.
    """
    layout = Layout.of(network, layers, height, width)
    top, bottom = within or (0, height)
    return [
        layout.tile(Box(y0, y1, x0, x1))
        for (y0, y1), (x0, x1) in product(
            splits(top, bottom, rows, layout.stride), splits(0, width, columns, layout.stride)
        )
    ]


def total_stride(network: PerceptualNetwork, layers: Collection[str]) -> int:
    """The pixels tiles must be aligned to: every layer's stride divides it."""
    return max((network.geometry(layer).stride for layer in layers), default=1)


def splits(start: int, stop: int, parts: int, stride: int) -> Iterator[tuple[int, int]]:
    """Some numbers in equal runs, each but the last a multiple of the stride long."""
    blocks = max(1, (stop - start) // stride)
    parts = min(parts, blocks)
    cuts = [start + stride * (blocks * i // parts) for i in range(parts)] + [stop]
    return pairwise(cuts)


def margins(network: PerceptualNetwork, layers: Collection[str]) -> tuple[int, int]:
    """How many pixels before and after its own a tile must see.

    Position i of a layer sees the pixels from i * stride - offset on, as many as its receptive
    field is wide. A tile that owns positions a to b (not included) owns pixels a * stride to
    b * stride.
    """
    geometries = [network.geometry(layer) for layer in layers]
    before = max((g.offset for g in geometries), default=0)
    after = max((g.receptive_field - g.offset - g.stride for g in geometries), default=0)
    return max(before, IMAGE_REACH), max(after, IMAGE_REACH)


def region(
    owned: Box, window: Box, stride: int, size: tuple[int, int], image: tuple[int, int]
) -> Region:
    """What a tile owns of a layer with `size` positions."""

    def share(start: int, stop: int, count: int, pixels: int) -> tuple[int, int]:
        # The last tile takes the positions of the border too.
        return min(start // stride, count), count if stop == pixels else min(stop // stride, count)

    top, bottom = share(owned.top, owned.bottom, size[0], image[0])
    left, right = share(owned.left, owned.right, size[1], image[1])
    y, x = window.top // stride, window.left // stride
    return Region(
        Box(top - y, bottom - y, left - x, right - x), Box(top, bottom, left, right), size
    )
