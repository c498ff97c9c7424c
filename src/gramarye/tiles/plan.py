"""Which tiles an image is taken in: what a pass through the network takes, and what fits."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import final

from gramarye.networks.features import Conv, PerceptualNetwork
from gramarye.networks.layers import by_shrink
from gramarye.networks.passes import Precision, is_chain
from gramarye.tiles.regions import Tile
from gramarye.tiles.tiling import Layout, plan_tiles, splits

FORWARD = 0.45  # the way there, as a share of a whole pass


@final
@dataclass(frozen=True)
class TilePlan:
    """The tiles of an image, and how many of them are kept between the two walks."""

    tiles: tuple[Tile, ...]
    kept: int
    bytes: int  # what an evaluation takes besides the image and its gradient
    work: float  # pixels through the network and back, margins and second ways there included


@final
@dataclass(frozen=True)
class PassBytes:
    """What a pass takes, in bytes per pixel of its window."""

    kept: float  # from the way there to the way back
    working: float  # besides, while it is on its way


def pass_bytes(
    network: PerceptualNetwork, layers: Collection[str], precision: Precision
) -> PassBytes:
    """What a pass through this network takes; computed from its channels and strides.

    The factors were fitted to measured peaks (`python -m benchmarks --only memory`).
    """
    parts = [
        (bytes_at_one_size(network, names, precision), shrink**2)
        for shrink, names in by_shrink(layers).items()
    ]
    return PassBytes(
        sum(part.kept / area for part, area in parts),
        max(part.working / area for part, area in parts),
    )


def bytes_at_one_size(
    network: PerceptualNetwork, layers: Collection[str], precision: Precision
) -> PassBytes:
    """What a pass takes whose layers look at the image at one size, per pixel of that."""
    itemsize = 2 if precision == "bfloat16" else 4
    stride, channels, outputs, widest = 1, 3, 0.0, 0.0
    steps, chain = network.steps[: network.deepest(layers)], is_chain(network)
    for step in steps:
        stride *= step.stride
        channels = step.channels
        floats = channels / stride**2
        widest = max(widest, floats)
        if isinstance(step.module, Conv) or not chain:
            outputs += floats
    image = 4 * 3 * 4  # the window's copies: normalized, padded, its gradient
    if chain:
        # The first convolution reads the image split into ten channels, which are copied once.
        first = 2 * 10 * itemsize if precision == "bfloat16" else 0
        return PassBytes(1.2 * itemsize * outputs, 3.5 * itemsize * widest + image + first)
    return PassBytes(2.2 * itemsize * outputs + 8 * widest, 4 * itemsize * widest + image)


def choose_tiles(
    network: PerceptualNetwork,
    layers: Collection[str],
    height: int,
    width: int,
    memory: int | None,
    precision: Precision = "float32",
    within: tuple[int, int] | None = None,
    *,
    divisible: bool = True,
) -> TilePlan:
    """The tiles with the least work whose evaluation stays within `memory` bytes.

    If nothing does, the smallest tiles there are; one tile where the image is not `divisible`.
    `within` limits what they own to some rows.
    """
    layout = Layout.of(network, layers, height, width)
    per_pixel = pass_bytes(network, layers, precision) if layers else PassBytes(0, 48)
    top, bottom = within or (0, height)
    best: GridPlan | None = None
    for rows, columns in grids(layout, bottom - top):
        plan = weigh(layout, (top, bottom), rows, columns, memory, per_pixel)
        if best is None or plan.cost(memory) < best.cost(memory):
            best = plan
        if rows * columns == 1 and (not divisible or memory is None or plan.bytes <= memory):
            break
    assert best is not None
    tiles = plan_tiles(network, layers, height, width, best.rows, best.columns, within)
    return TilePlan(tuple(tiles), best.kept, math.ceil(best.bytes), best.work)


@final
@dataclass(frozen=True)
class GridPlan:
    """A number of rows and columns of tiles, and what evaluating them takes."""

    rows: int
    columns: int
    kept: int
    bytes: float
    work: float

    def cost(self, memory: int | None) -> tuple[float, float]:
        """What to minimize: first what is over the budget, then the work."""
        return max(0.0, self.bytes - memory) if memory is not None else 0.0, self.work


def grids(layout: Layout, height: int) -> Iterator[tuple[int, int]]:
    """Numbers of rows and columns of tiles, near-square tiles, from one tile to the smallest."""
    width = layout.size[1]
    reach = sum(layout.margins) // layout.stride * layout.stride
    smallest = max(layout.stride, reach)  # half of a window's side is margin then
    side = float(max(height, width))
    seen = None
    while side >= smallest or seen is None:
        grid = max(1, math.ceil(height / side)), max(1, math.ceil(width / side))
        if grid != seen:
            yield grid
        seen, side = grid, side / 1.15


def weigh(
    layout: Layout,
    within: tuple[int, int],
    rows: int,
    columns: int,
    memory: int | None,
    per_pixel: PassBytes,
) -> GridPlan:
    """The plan of one grid: as many tiles kept as the budget lets."""
    (height, width), stride = layout.size, layout.stride
    heights = [layout.window(*part, height) for part in splits(*within, rows, stride)]
    widths = [layout.window(*part, width) for part in splits(0, width, columns, stride)]
    count = len(heights) * len(widths)
    largest = max(y1 - y0 for y0, y1 in heights) * max(x1 - x0 for x0, x1 in widths)
    total = sum(y1 - y0 for y0, y1 in heights) * sum(x1 - x0 for x0, x1 in widths)
    one = (per_pixel.kept + per_pixel.working) * largest
    kept = count
    if (
        memory is not None
        and per_pixel.kept
        and one + (count - 1) * per_pixel.kept * largest > memory
    ):
        # Some are computed twice: beside those kept there is the one at work.
        kept = max(0, math.floor((memory - one) / (per_pixel.kept * largest)))
        kept = min(kept, count - 1)
    held = min(kept * largest, total) * per_pixel.kept
    spare = one if kept < count else per_pixel.working * largest
    again = total * (count - kept) / count
    return GridPlan(rows, columns, kept, held + spare, total + FORWARD * again)
