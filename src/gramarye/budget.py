"""Memory: what a scale takes, and how it is kept within a budget.

A budget is what a run may take besides the interpreter with PyTorch, which takes about 350 MiB
before it has done anything.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from operator import itemgetter
from typing import final

import torch

from gramarye.config import StylizeConfig
from gramarye.devices import free_memory
from gramarye.errors import SettingsError
from gramarye.history import Precision as HistoryPrecision
from gramarye.networks.features import Conv, PerceptualNetwork
from gramarye.networks.passes import Precision, choose_precision, is_chain
from gramarye.scales import Scale
from gramarye.tiling import Layout, Tile, plan_tiles, splits

UNITS = {"": 1, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12}
UNITS |= {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}
SHARE_OF_FREE = 0.8  # taken where no budget is given: the machine is somebody's
# What tiles of different sizes leave unused between them, measured: with budgets of 0.06 to
# 0.9 GiB the peak was up to this many times what was planned, and this many bytes, above it.
SCATTER, SCATTER_BYTES = 1.25, 96 * 2**20
FORWARD = 0.45  # the way there, as a share of a whole pass
# Where L-BFGS keeps its ten pairs, and what moving by them then costs, as a share of a whole pass
# (`python -m benchmarks --only optimizers`, beside an evaluation).
HISTORIES: tuple[tuple[HistoryPrecision, bool, float], ...] = (
    ("float32", False, 0.1),
    ("bfloat16", False, 0.11),
    ("bfloat16", True, 0.4),
)


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
class ScaleBudget:
    """How one scale is run within a budget."""

    history: HistoryPrecision  # of L-BFGS's pairs
    on_disk: bool  # whether they are in a temporary file
    stored: bool  # whether the content's features are kept, or computed anew in every step
    tiles: TilePlan
    tile_bytes: int | None  # what the evaluation may take; None is any number
    bytes: int  # the expected peak besides the interpreter

    @property
    def tiled(self) -> bool:
        return len(self.tiles.tiles) > 1

    def describe(self, history: int) -> str:
        """In words, what has been given up for memory; empty if nothing."""
        told = []
        if self.on_disk:
            told.append(f"L-BFGS's {history} pairs on disk")
        elif self.history == "bfloat16":
            told.append(f"L-BFGS's {history} pairs in bfloat16")
        if not self.stored:
            told.append("content features computed anew in every step")
        if (count := len(self.tiles.tiles)) > 1:
            again = count - self.tiles.kept
            told.append(f"{count} tiles" + (f", {again} of them computed twice" if again else ""))
        return "; ".join(told)


def parse_bytes(text: str) -> int:
    """The bytes in words like 4GiB, 500 MB or 2.5gib; SettingsError for anything else."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", text.lower())
    if found is None or found[2] not in UNITS:
        raise SettingsError(f"memory {text!r} is no amount: write 4GiB, 1.5GB or 800MiB")
    return int(float(found[1]) * UNITS[found[2]])


def memory_budget(memory: str | None, device: torch.device) -> int:
    """The bytes a run may take: what was asked for, or most of what is free on the device."""
    return int(SHARE_OF_FREE * free_memory(device)) if memory is None else parse_bytes(memory)


def budget_scale(
    network: PerceptualNetwork,
    height: int,
    width: int,
    config: StylizeConfig,
    precision: Precision,
    memory: int | None,
    within: tuple[int, int] | None = None,
) -> ScaleBudget:
    """How to run a scale of that size within `memory` bytes, losing as little time as can be.

    The history may be made smaller or go to disk, the content's features may be computed anew, and
    tiles take what is left: of all such ways, the one that takes the least time. SettingsError if
    none is within the budget. `within` are the rows of one process, where there are several.
    """
    layers = {*config.content_layers, *config.style_layers}
    rows = height if within is None else within[1] - within[0]
    vector = 3 * 4 * rows * width  # the image, or anything of its size
    content = sum(
        rows * width * g.channels / g.stride**2
        for g in map(network.geometry, config.content_layers)
    ) * (2 if precision == "bfloat16" else 4)
    plain = config.optimizer != "lbfgs" or config.line_search != "none"
    options = product((True, False), HISTORIES[: 1 if plain else None])
    plans: list[tuple[float, ScaleBudget]] = []
    for stored, (history, on_disk, moving) in options:
        held = optimizer_vectors(config, history, on_disk) * vector
        held += content if stored else vector
        rest = None if memory is None else int(memory - held)
        tiles = choose_tiles(network, layers, height, width, rest, precision, within)
        if rest is not None and len(tiles.tiles) > 1:
            rest = int((rest - SCATTER_BYTES) / SCATTER)
            tiles = choose_tiles(network, layers, height, width, rest, precision, within)
        plan = ScaleBudget(history, on_disk, stored, tiles, rest, int(held + taken(tiles)))
        plans.append((tiles.work / (rows * width) + moving + (0 if stored else FORWARD), plan))
    if memory is None:
        return plans[0][1]
    feasible = [(time, plan) for time, plan in plans if plan.bytes <= memory]
    if not feasible:
        least = min(plan.bytes for _, plan in plans)
        raise SettingsError(
            f"{width} x {rows} pixels take at least {show_bytes(least)} of memory and the "
            f"budget is {show_bytes(memory)}: choose a smaller --size or allow more with --memory"
        )
    return min(feasible, key=itemgetter(0))[1]


def budget_scales(
    network: PerceptualNetwork,
    scales: Sequence[Scale],
    config: StylizeConfig,
    device: torch.device,
    memory: int | None,
) -> list[ScaleBudget]:
    """How to run each of the scales within `memory` bytes, on this device."""
    precision = choose_precision(config.precision, device)
    return [
        budget_scale(network, scale.height, scale.width, config, precision, memory)
        for scale in scales
    ]


def decides(budgets: Sequence[ScaleBudget], config: StylizeConfig) -> bool:
    """Whether any scale gives something up for the budget, so that it decides the last bits."""
    return any(budget.describe(config.history) for budget in budgets)


def taken(tiles: TilePlan) -> float:
    """What a plan takes, the holes between its tensors included."""
    return tiles.bytes if len(tiles.tiles) == 1 else SCATTER * tiles.bytes + SCATTER_BYTES


def optimizer_vectors(config: StylizeConfig, history: HistoryPrecision, on_disk: bool) -> float:
    """How many vectors of the image's size the optimizer holds at once, the image among them."""
    averaged = 2 if config.average else 0
    if config.optimizer == "gradient-descent":
        return 4 + averaged  # the image, the best so far, the last one shown, the gradient
    if config.optimizer == "adam":
        return 6 + averaged  # and two moments
    if config.line_search != "none":
        return 9 + 2 * config.history  # torch's own
    pairs = 0.0 if on_disk else 2 * config.history * (0.5 if history == "bfloat16" else 1)
    # And the previous gradient, and room for one more: freed images and tiles of unlike sizes leave
    # holes between them, 0 to 1 image in all, measured from 11 to 100 megapixels.
    return 6 + averaged + pairs


def show_bytes(amount: float) -> str:
    """3.2 GiB, or 512 MiB."""
    return f"{amount / 2**30:.1f} GiB" if amount >= 2**30 else f"{amount / 2**20:.0f} MiB"


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
    itemsize = 2 if precision == "bfloat16" else 4
    stride, channels, outputs, widest = 1, 3, 0.0, 0.0
    steps = network.steps[: network.deepest(layers)]
    for step in steps:
        stride *= step.stride
        channels = step.channels
        floats = channels / stride**2
        widest = max(widest, floats)
        if isinstance(step.module, Conv) or not is_chain(network):
            outputs += floats
    image = 4 * 3 * 4  # the window's copies: normalized, padded, its gradient
    if is_chain(network):
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
) -> TilePlan:
    """The tiles with the least work whose evaluation stays within `memory` bytes.

    If nothing does, the smallest tiles there are. `within` limits what they own to some rows.
    """
    layout = Layout.of(network, layers, height, width)
    per_pixel = pass_bytes(network, layers, precision) if layers else PassBytes(0, 48)
    top, bottom = within or (0, height)
    best: GridPlan | None = None
    for rows, columns in grids(layout, bottom - top):
        plan = weigh(layout, (top, bottom), rows, columns, memory, per_pixel)
        if best is None or plan.cost(memory) < best.cost(memory):
            best = plan
        if rows * columns == 1 and (memory is None or plan.bytes <= memory):
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
