"""The plan of a run: what is decided before its first step, once, for all who need it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

import torch

from gramarye.config import StylizeConfig
from gramarye.devices import choose_device
from gramarye.distributed.bands import Bands, plan_bands
from gramarye.distributed.processes import ALONE, Processes
from gramarye.drawings.coloring import drawn_size
from gramarye.errors import InputError, SettingsError
from gramarye.fitting import check_large_enough, config_at
from gramarye.inputs.bringing import Size
from gramarye.inputs.kinds import PROTECT, check_sizes, names_of
from gramarye.inputs.sizes import at_scale, canvas_size, least_longest
from gramarye.losses.kind import Needs
from gramarye.losses.temporal import check_warped
from gramarye.losses.terms import needs_of
from gramarye.memory.budget import ScaleBudget, budget_scale, memory_budget
from gramarye.networks import download
from gramarye.networks.catalog import NetworkInfo
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.passes import Precision, choose_precision
from gramarye.networks.registry import load_network
from gramarye.networks.wrapping import check_wraps
from gramarye.scales.rows import length
from gramarye.scales.sizes import Scale, fit, plan_scales
from gramarye.tiles.tiling import total_stride
from gramarye.units import show_bytes, show_value


@final
@dataclass(frozen=True)
class ScalePlan:
    """One scale: its size and steps, whose rows are whose, and how this process runs its own.

    `config` is the run's, without the layers that this scale is too small for (`config_at`).
    """

    scale: Scale
    config: StylizeConfig
    bands: Bands
    budget: ScaleBudget | None  # None for a process without rows


@final
@dataclass(frozen=True)
class Plan:
    """A run as it will be: the same for all its processes but for the budgets."""

    config: StylizeConfig
    device: torch.device
    precision: Precision
    memory: int  # bytes that this process may take besides the interpreter
    sizes: Mapping[str, Size]  # of the inputs
    scales: tuple[ScalePlan, ...]

    @property
    def size(self) -> Size:
        """(height, width) of the result."""
        if self.config.map.is_on:  # which is found at a smaller one
            return fit(*self.sizes["content"], self.config.picture.size)
        return self.scales[-1].scale.size

    @property
    def budgets(self) -> Iterator[ScaleBudget]:
        """Those of the scales that this process has a share of."""
        return (scale.budget for scale in self.scales if scale.budget is not None)

    @property
    def gives_up(self) -> bool:
        """Whether any scale gives something up for memory, so that it decides the last bits."""
        return any(budget.describe(self.history) for budget in self.budgets)

    @property
    def history(self) -> int:
        """The pairs L-BFGS remembers."""
        return self.config.optimizer.history

    @property
    def left_out(self) -> frozenset[str]:
        """The layers that even the result's size has no room for."""
        wanted, here = (needs_of(c.terms).all_layers for c in (self.config, self.scales[-1].config))
        return wanted - here

    @property
    def first_tiled(self) -> Scale | None:
        """The coarsest scale that is taken in tiles."""
        for scale in self.scales:
            if scale.budget is not None and scale.budget.tiled:
                return scale.scale
        return None


def make_plan(
    config: StylizeConfig,
    network: PerceptualNetwork,
    sizes: Mapping[str, Size],
    device: torch.device,
    *,
    held: int = 0,
    memory: int | None = None,
    processes: Processes = ALONE,
    smallest: int | None = None,
    files: Mapping[str, object] | None = None,
    regions: int = 0,
) -> Plan:
    """The plan of a run for inputs of these sizes; InputError for what cannot be run.

    `held` are the bytes that the inputs take throughout, `memory` is the budget in place of the
    config's, and `smallest` the least rows of a band (see `plan_bands`). `files` are the inputs'
    files, for messages, and `regions` how many there are. All scales are planned before the first
    step: a last one that is too large must not cost the others.
    """
    needs = needs_of(config.terms)
    canvas = canvas_size(sizes, config.picture)
    check_sizes(sizes)
    for kind in () if config.painter.is_on else needs.inputs:  # a painter's file may hold the style
        if not names_of(kind, sizes):
            raise InputError(f"there is no {kind}: name one, or give what needs it a weight of 0")
    check_warped(config.terms["temporal"], sizes)
    sizes = {"content": canvas} | dict(sizes)
    if config.picture.init_file is not None and "init" not in sizes:
        raise InputError(
            f"init: {show_value(config.picture.init)} names a file, and there is no picture 'init' "
            "among the inputs: give it as one"
        )
    if processes.size > 1:
        check_shared(config, run_needs(config))
    if config.map.is_on:  # the content and the result, once more each
        held += 2 * 3 * 4 * area(fit(*canvas, config.picture.size))
    memory = memory_budget(config.machine.memory, device) if memory is None else memory
    precision = choose_precision(config.machine.precision, device)
    if config.picture.drawing:
        held += drawn_bytes(*canvas, config.picture.size)
    if memory <= held:
        raise SettingsError(
            f"the pictures take {show_bytes(held)} of memory and the budget is "
            f"{show_bytes(memory)}: give smaller pictures or allow more with --memory"
        )
    lines = [PROTECT] if config.picture.drawing else []
    per_pixel = masks_bytes({*sizes, *lines}, config.picture.area_colors if lines else regions)
    scales = []
    for scale in run_scales(config, network, sizes):
        seen = at_scale(sizes, scale.size, config.picture)
        here = config_at(config, network, seen)
        check_large_enough(here, network, seen, sizes, files or {})
        needs = run_needs(here)
        bands = plan_bands(network, needs.all_layers, *scale.size, processes.size, smallest)
        owned, window = bands.owned[processes.rank], bands.windows[processes.rank]
        budget = None
        if length(owned):
            # A band's image and gradient are as large as its window while they are computed.
            around = 2 * 3 * 4 * length(window) * scale.width if bands.count > 1 else 0
            budget = budget_scale(
                network,
                scale.size,
                owned,
                needs,
                config.optimizer,
                precision,
                memory,
                beside=held + around + per_pixel * length(window) * scale.width,
            )
        scales.append(ScalePlan(scale, here, bands, budget))
    return Plan(config, device, precision, memory, dict(sizes), tuple(scales))


def area(size: Size) -> int:
    return size[0] * size[1]


def run_scales(
    config: StylizeConfig, network: PerceptualNetwork, sizes: Mapping[str, Size]
) -> list[Scale]:
    """The scales of a run; SettingsError for a tileable texture that cannot be one.

    A texture that is larger than its style begins where the style has the least size.
    """
    picture, needs, multiple = config.picture, needs_of(config.terms), 1
    if picture.tileable:
        multiple = total_stride(network, needs.all_layers)
        size = fit(*sizes["content"], picture.size)
        check_wraps(network, *size, multiple, needs.neighbors)
    least = least_longest(sizes, picture, config.scales.min_size)
    longest = min(picture.size, config.map.size) if config.map.is_on else picture.size
    if config.painter.is_on:  # in one pass, which goes from coarse to fine by itself
        once = config.scales.model_copy(update={"coarse_to_fine": False, "steps": 1})
        return plan_scales(*sizes["content"], longest, once)
    return plan_scales(*sizes["content"], longest, config.scales, least=least, multiple=multiple)


def run_needs(config: StylizeConfig) -> Needs:
    """What terms ask of a run, and whether the picture can be divided for it."""
    needs = needs_of(config.terms)
    if not config.picture.tileable:
        return needs
    return needs | Needs(whole=frozenset({"a tileable texture"}))


def drawn_bytes(height: int, width: int, size: int) -> int:
    """What a drawing takes throughout: its colored copy, its lines and how far they cover.

    In float32.
    """
    rows, columns = drawn_size(height, width, size)
    return 4 * (3 + 3 + 1) * rows * columns


def masks_bytes(names: Collection[str], regions: int) -> int:
    """What regions and the like take of memory throughout a scale, per pixel of the image.

    A mask of each region, in float32, and of every pixel its places in its region; the pixels that
    stay, and how far, twice; how much of the style where, twice.
    """
    taken = {PROTECT: 20, "strength-map": 8}
    return (4 * regions + 24 if regions else 0) + sum(taken.get(name, 0) for name in names)


def check_shared(config: StylizeConfig, needs: Needs) -> None:
    """Raise SettingsError for what several processes cannot do together."""
    if config.optimizer.searches:
        raise SettingsError(
            f"line search {config.optimizer.line_search} needs the whole image in one process: "
            "leave --line-search out, or start one process"
        )
    if config.map.is_on:
        raise SettingsError(
            "a color map is found in one process: leave torchrun out, or choose --map none"
        )
    if config.is_painted:
        raise SettingsError(
            "a painter paints in one process: leave torchrun out, or choose --painter optimizer "
            "and another --init"
        )
    if needs.whole:
        raise SettingsError(
            f"{' and '.join(sorted(needs.whole))} cannot be computed in bands: leave it out, or "
            "start one process"
        )


def run_device(config: StylizeConfig) -> torch.device:
    """The device of a run; DeviceError if this machine does not have it."""
    return choose_device(config.machine.device)


def run_network(
    config: StylizeConfig,
    device: torch.device,
    fetch: Callable[[NetworkInfo], Path] = download.fetch,
) -> PerceptualNetwork:
    """The network a config names, on the device, no deeper than its terms need."""
    settings = config.network
    network = load_network(
        settings.name,
        weights=settings.weights,
        layers=None if config.is_painted else needs_of(config.terms).all_layers,
        pooling=settings.pooling,
        padding=settings.padding,
        normalize_weights=settings.normalize_weights,
        fetch=fetch,
    )
    return on_device(network, device)


def on_device(network: PerceptualNetwork, device: torch.device) -> PerceptualNetwork:
    """The network on a device, its weights laid out as they are convolved fastest."""
    # Channels last: oneDNN and cuDNN convolve narrow layers up to twice as fast in this layout.
    network = network.to(device)
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
