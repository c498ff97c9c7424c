"""Memory: what a scale takes, and how it is kept within a budget.

A budget is what a run may take besides the interpreter with PyTorch, which takes about 350 MiB
before it has done anything.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from operator import itemgetter
from typing import final

import torch

from gramarye.devices import free_memory
from gramarye.errors import SettingsError
from gramarye.losses.kind import Needs
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.passes import Precision
from gramarye.optimizers.history import IN_MEMORY, PairStorage
from gramarye.optimizers.settings import OptimizerSettings
from gramarye.scales.rows import Rows, length
from gramarye.tiles.plan import FORWARD, TilePlan, choose_tiles
from gramarye.units import show_bytes, show_size

SHARE_OF_FREE = 0.8  # taken where no budget is given: the machine is somebody's
# What tiles of different sizes leave unused between them, measured: with budgets of 0.06 to
# 0.9 GiB the peak was up to this many times what was planned, and this many bytes, above it. Where
# no tile is kept, float32's larger tensors leave larger holes: 1.5 to 1.7 times.
SCATTER, SCATTER_NONE_KEPT, SCATTER_BYTES = 1.25, 1.7, 96 * 2**20
# What oneDNN holds besides for bfloat16 convolutions of many shapes on processors with AMX,
# measured on a Xeon: 10 to 120 MiB more than the same processor took without AMX.
AMX_BYTES = 120 * 2**20
# Where L-BFGS keeps its ten pairs, and what moving by them then costs, as a share of a whole pass
# (`python -m benchmarks --only optimizers`, beside an evaluation).
STORAGES: tuple[tuple[bool, bool, float], ...] = (  # in bfloat16, on disk
    (False, False, 0.1),
    (True, False, 0.11),
    (True, True, 0.4),
)


@final
@dataclass(frozen=True)
class ScaleBudget:
    """How one scale is run within a budget."""

    storage: PairStorage  # of L-BFGS's pairs
    stored: bool  # whether the content's features are kept, or computed anew in every step
    tiles: TilePlan
    tile_bytes: int | None  # what the evaluation may take; None is any number
    bytes: int  # the expected peak besides the interpreter

    @property
    def tiled(self) -> bool:
        return len(self.tiles.tiles) > 1

    def describe(self, history: int) -> str:
        """In words, what has been given up for memory; empty if nothing.

        The steps that L-BFGS remembers are its pairs; what a tile's gradient needs is kept from its
        forward pass, or computed twice.
        """
        words = []
        if self.storage.folder is not None:
            words.append(f"the last {history} steps remembered on disk")
        elif self.storage.bfloat16:
            words.append(f"the last {history} steps remembered in 16 bits")
        if not self.stored:
            words.append("content features computed anew in every step")
        if (count := len(self.tiles.tiles)) > 1:
            again = count - self.tiles.kept
            words.append(f"{count} tiles" + (f", {again} of them twice a step" if again else ""))
        return "; ".join(words)


def memory_budget(memory: int | None, device: torch.device) -> int:
    """The bytes a run may take: what was asked for, or most of what is free on the device."""
    return int(SHARE_OF_FREE * free_memory(device)) if memory is None else memory


def budget_scale(
    network: PerceptualNetwork,
    size: tuple[int, int],
    rows: Rows,
    needs: Needs,
    optimizer: OptimizerSettings,
    precision: Precision,
    memory: int | None,
    beside: int = 0,
) -> ScaleBudget:
    """How to run a process's rows of a scale of that size within `memory` bytes, as fast as can be.

    Of the memory, `beside` bytes are taken by the pictures.

    The history may be made smaller or go to disk, kept features may be computed anew, and tiles
    take what is left: of all such ways, the one that takes the least time. SettingsError if none is
    within the budget.
    """
    height, width = size
    memory = None if memory is None else memory - beside
    layers = needs.all_layers
    pixels = length(rows) * width
    vector = 3 * 4 * pixels  # the image, or anything of its size
    features = kept_features(network, needs.features, precision) * pixels
    options = product((True, False), STORAGES[: None if optimizer.remembers else 1])
    plans: list[tuple[float, ScaleBudget]] = []
    for stored, (rounded, on_disk, moving) in options:
        held = optimizer_vectors(optimizer, rounded, on_disk) * vector
        held += features if stored else len(needs.features) * vector
        held += (needs.bytes_per_pixel + copied_features(network, needs.copies)) * pixels
        rest = None if memory is None else int(memory - held)
        divisible = not needs.whole
        tiles = choose_tiles(
            network, layers, height, width, rest, precision, rows, divisible=divisible
        )
        if rest is not None and len(tiles.tiles) > 1:
            scattered = rest - scattered_bytes(precision)
            rest = int(scattered / SCATTER)
            tiles = choose_tiles(network, layers, height, width, rest, precision, rows)
            if scatter(tiles, precision) != SCATTER:
                rest = int(scattered / SCATTER_NONE_KEPT)
                tiles = choose_tiles(network, layers, height, width, rest, precision, rows)
        storage = IN_MEMORY
        if rounded:
            storage = PairStorage(True, tempfile.gettempdir() if on_disk else None)
        plan = ScaleBudget(storage, stored, tiles, rest, int(held + taken(tiles, precision)))
        plans.append((tiles.work / pixels + moving + (0 if stored else FORWARD), plan))
    if memory is None:
        return plans[0][1]
    feasible = [(time, plan) for time, plan in plans if plan.bytes <= memory]
    if not feasible:
        raise SettingsError(
            too_large(min(plan.bytes for _, plan in plans), memory, beside, size, needs)
        )
    return min(feasible, key=itemgetter(0))[1]


def too_large(least: int, memory: int, beside: int, size: tuple[int, int], needs: Needs) -> str:
    """What to say of a scale that no way of running it brings into the budget."""
    height, width = size
    whole = ""
    if needs.whole:
        whole = f", as {' and '.join(sorted(needs.whole))} cannot be taken in tiles"
    pictures = f", of which the pictures take {show_bytes(beside)}" if beside else ""
    return (
        f"{show_size(width, height)} pixels take at least {show_bytes(least)} of memory{whole}, "
        f"and the budget is {show_bytes(memory + beside)}{pictures}: choose a smaller --size or "
        "allow more with --memory"
    )


def kept_features(
    network: PerceptualNetwork, features: Mapping[str, frozenset[str]], precision: Precision
) -> float:
    """The bytes per pixel of the features that terms keep."""
    found = (network.geometry(layer) for layers in features.values() for layer in layers)
    floats = sum(geometry.channels / geometry.stride**2 for geometry in found)
    return floats * (2 if precision == "bfloat16" else 4)


def copied_features(network: PerceptualNetwork, copies: Mapping[str, float]) -> float:
    """The bytes per pixel of what terms make of features, in float32, of a picture of one size."""
    found = ((network.geometry(layer), times) for layer, times in copies.items())
    return sum(4 * times * geometry.channels / geometry.stride**2 for geometry, times in found)


def scatter(tiles: TilePlan, precision: Precision) -> float:
    """How many times what was planned several tiles may take."""
    return SCATTER if tiles.kept or precision == "bfloat16" else SCATTER_NONE_KEPT


def scattered_bytes(precision: Precision) -> int:
    """How many bytes several tiles may take besides, whatever was planned."""
    amx = precision == "bfloat16" and torch.cpu._is_amx_tile_supported()
    return SCATTER_BYTES + (AMX_BYTES if amx else 0)


def taken(tiles: TilePlan, precision: Precision) -> float:
    """What a plan takes, the holes between its tensors included."""
    if len(tiles.tiles) == 1:
        return tiles.bytes
    return scatter(tiles, precision) * tiles.bytes + scattered_bytes(precision)


def optimizer_vectors(optimizer: OptimizerSettings, rounded: bool, on_disk: bool) -> float:
    """How many vectors of the image's size the optimizer holds at once, the image among them."""
    averaged = 2 if optimizer.average else 0
    if optimizer.name == "gradient-descent":
        return 4 + averaged  # the image, the best so far, the last one shown, the gradient
    if optimizer.name == "adam":
        return 6 + averaged  # and two moments
    if optimizer.searches:
        return 9 + 2 * optimizer.history  # torch's own
    pairs = 0.0 if on_disk else 2 * optimizer.history * (0.5 if rounded else 1)
    # And the previous gradient, and room for one more: freed images and tiles of unlike sizes leave
    # holes between them, 0 to 1 image in all, measured from 11 to 100 megapixels.
    return 6 + averaged + pairs
