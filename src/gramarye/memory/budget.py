"""Memory: what a scale takes, and how it is kept within a budget.

A budget is what a run may take besides the interpreter with PyTorch, which takes about 350 MiB
before it has done anything.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from operator import itemgetter
from typing import final

import torch

from gramarye.config import StylizeConfig
from gramarye.devices import free_memory
from gramarye.errors import SettingsError
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.passes import Precision, choose_precision
from gramarye.optimizers.history import Precision as HistoryPrecision
from gramarye.scales.sizes import Scale
from gramarye.tiles.plan import FORWARD, TilePlan, choose_tiles

UNITS = {"": 1, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12}
UNITS |= {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}
SHARE_OF_FREE = 0.8  # taken where no budget is given: the machine is somebody's
# What tiles of different sizes leave unused between them, measured: with budgets of 0.06 to
# 0.9 GiB the peak was up to this many times what was planned, and this many bytes, above it.
SCATTER, SCATTER_BYTES = 1.25, 96 * 2**20
# Where L-BFGS keeps its ten pairs, and what moving by them then costs, as a share of a whole pass
# (`python -m benchmarks --only optimizers`, beside an evaluation).
HISTORIES: tuple[tuple[HistoryPrecision, bool, float], ...] = (
    ("float32", False, 0.1),
    ("bfloat16", False, 0.11),
    ("bfloat16", True, 0.4),
)


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
