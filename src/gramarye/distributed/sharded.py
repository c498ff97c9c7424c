"""One picture on several processes, each with a band of its rows.

A step of a band is a step of the whole image, with three things added: before it, the rows around
the band come from the processes that own them; in the middle, what each process summed up over its
positions is added up; after it, the gradient that spilled into these rows goes back to their
owners. The optimizer holds its own rows only, and its inner products are added up the same way.

A scale that is too small for all processes is run by the first few of them, the smallest by one;
the others wait for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from gramarye.config import StylizeConfig
from gramarye.distributed.band_objective import BandObjective, band_targets
from gramarye.distributed.bands import (
    Bands,
    Kernel,
    plan_bands,
    rescale,
    resize_rows,
    source_rows,
)
from gramarye.distributed.processes import Processes, cut, length
from gramarye.errors import OptimizationError, SettingsError
from gramarye.memory.budget import ScaleBudget, budget_scale
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.passes import choose_precision
from gramarye.objective import Evaluates
from gramarye.optimize import AdamState, Iterate, optimize
from gramarye.optimizers.snapshot import Snapshot
from gramarye.scales.grain import add_grain, missing
from gramarye.scales.sizes import Scale, first_image, style_at, style_grain
from gramarye.sources import Load, Pictures
from gramarye.stylize import assemble, make_objective, optimize_config
from gramarye.targets import Lens, style_moments


def check_sharding(config: StylizeConfig) -> None:
    """Raise SettingsError for what cannot be done in bands."""
    if config.optimizer == "lbfgs" and config.line_search != "none":
        raise SettingsError(
            f"line search {config.line_search} needs the whole image in one process: leave "
            "--line-search out, or start one process"
        )


def plan_sharding(
    network: PerceptualNetwork,
    scales: Sequence[Scale],
    config: StylizeConfig,
    processes: int,
    smallest: int | None = None,
) -> list[Bands]:
    """Whose rows are whose, at each scale; `smallest` is that of `plan_bands`."""
    layers = {*config.content_layers, *config.style_layers}
    return [
        plan_bands(network, layers, scale.height, scale.width, processes, smallest)
        for scale in scales
    ]


def sharded_steps(
    content: Tensor | Load,
    styles: Sequence[Tensor | Load],
    config: StylizeConfig,
    *,
    processes: Processes,
    network: PerceptualNetwork,
    scales: Sequence[Scale],
    plan: Sequence[Bands],
    device: torch.device,
    memory: int | None = None,
    init: Tensor | None = None,
    resume: tuple[int, Snapshot] | None = None,
) -> Iterator[Iterate]:
    """`stylize_steps` on several processes: each calls this, and gets its rows of every iterate.

    Whose rows they are says the plan, by the iterate's scale. A process without rows gets iterates
    without losses. Contents and styles stay where they are, on the CPU best; `memory` is the budget
    of one process in bytes. `resume` is a scale and this process's snapshot of it, all of the same
    step, from a run with the same plan.
    """
    check_sharding(config)
    network = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    pictures = Pictures(content, styles, config)
    if memory is not None and device.type == "cpu":
        memory -= pictures.bytes
    state = AdamState()
    rows: Tensor | None = None
    for index, (scale, bands) in enumerate(zip(scales, plan, strict=True)):
        if not scale.steps:  # the last may have none: the result is resized to it
            continue
        if resume and index < resume[0]:
            continue
        snapshot = resume[1] if resume and resume[0] == index else None
        team = processes.first(bands.count)
        seen, styles_now = look(pictures, scale, bands, processes, device)
        owned = cut(seen, bands.windows[processes.rank], bands.owned[processes.rank])
        if snapshot is not None:
            rows = snapshot.tensors["image"].to(device)
        elif rows is None:
            rows = first_rows(owned, styles_now, config, bands, processes, init)
        else:
            ratio = max(plan[index - 1].size) / max(bands.size)
            grain = style_grain(styles_now, ratio, config.seed + index) * config.grain
            rows = enlarge_rows(rows, owned, plan[index - 1], bands, processes, grain)
            state = rescaled(state, plan[index - 1], bands, processes, rows)
        iterates = None
        if processes.rank in team:
            objective, budget = prepare(
                network, seen, styles_now, scale, bands, team, config, memory
            )
            settings = optimize_config(config, scale, budget)
            iterates = optimize(
                rows, objective, settings, state, snapshot=snapshot, reduce=team.total
            )
            del objective
        del seen, owned, styles_now
        if snapshot is not None and snapshot.last:
            for _ in iterates or ():  # none, but Adam's state is taken up again
                pass
            continue
        waiting = rows[..., :0, :]
        rows = None  # the optimizer's from here on
        for iterate in in_step(iterates, waiting, processes, team):
            yield replace(iterate, scale=index, scales=len(scales))
            if iterate.step == iterate.steps:
                rows = iterate.image
            del iterate


def look(
    pictures: Pictures, scale: Scale, bands: Bands, processes: Processes, device: torch.device
) -> tuple[Tensor, list[Tensor]]:
    """The rows of the content that this process sees, and the styles, at a scale."""
    window = bands.windows[processes.rank]
    if not length(window):
        like = pictures.content if isinstance(pictures.content, Tensor) else torch.empty(0)
        return like.new_zeros((1, 3, 0, bands.width), device=device), []
    content, styles = pictures.originals()
    old, longest = content.shape[-2], max(scale.height, scale.width)
    source = source_rows(old, scale.height, window)
    part = cut(content, (0, old), source)
    seen = resize_rows(part, source[0], old, scale.height, scale.width, window)
    return seen.to(device), [
        style_at(style, longest, pictures.config.style_scale).to(device) for style in styles
    ]


def first_rows(
    content: Tensor,
    styles: Sequence[Tensor],
    config: StylizeConfig,
    bands: Bands,
    processes: Processes,
    init: Tensor | None,
) -> Tensor:
    """This process's rows of the first image, which is made whole where it is not the content."""
    owned = bands.owned[processes.rank]
    if config.init == "content" or not length(owned):
        return content.clone()
    size = content.new_zeros(()).expand(1, 3, bands.height, bands.width)
    whole = first_image(config.init, size, styles[0], config.seed, init)
    return cut(whole, (0, bands.height), owned).to(content.device, copy=True)


def enlarge_rows(
    rows: Tensor, content: Tensor, old: Bands, new: Bands, processes: Processes, grain: Tensor
) -> Tensor:
    """This process's rows of `scales.enlarge` of an image, from its rows of the content."""
    result = rescale(rows, old, new, processes)
    if old.size == new.size:
        return result
    coarse = rescale(content, new, old, processes)
    detail = content - rescale(coarse, old, new, processes)
    here = [float(torch.linalg.vector_norm(detail)) ** 2, detail.numel()]
    square, entries = processes.total(torch.tensor(here, dtype=torch.float64)).tolist()
    top, _ = new.owned[processes.rank]
    add_grain(detail, grain, missing(grain, square / entries), top)
    return detail + result


def rescaled(
    state: AdamState, old: Bands, new: Bands, processes: Processes, like: Tensor
) -> AdamState:
    """Adam's moments at another size, as `AdamState.resized` has them."""
    (steps,) = processes.largest(round(state.step))
    if not steps:
        return state
    kernel: Kernel = "bilinear"
    none = like.new_zeros((*like.shape[:-2], 0, old.width))
    first, second = (
        rescale(none if moment is None else moment, old, new, processes, kernel)
        for moment in (state.first, state.second)
    )
    return AdamState(first, second, float(steps))


def in_step(
    iterates: Iterator[Iterate] | None, waiting: Tensor, processes: Processes, team: Processes
) -> Iterator[Iterate]:
    """The same iterates; the processes without any take as many steps, with no rows."""
    if team.size == processes.size:
        assert iterates is not None
        yield from iterates
        return
    if iterates is None:
        while True:
            failed, step, steps = processes.largest(0, 0, 0)
            if failed:
                raise OptimizationError("the run diverged")
            snapshot = partial(idle_snapshot, step, steps, waiting)
            yield Iterate(step, steps, {}, waiting, snapshot=snapshot)
            if step == steps:
                return
    try:
        for iterate in iterates:
            processes.largest(0, iterate.step, iterate.steps)
            yield iterate
            del iterate
    except OptimizationError:
        processes.largest(1, 0, 0)
        raise


def idle_snapshot(step: int, steps: int, waiting: Tensor) -> Snapshot:
    """What there is to write down for a process without rows."""
    return Snapshot(step, {"image": waiting}, {"last": step == steps})


def prepare(
    network: PerceptualNetwork,
    seen: Tensor,
    styles: Sequence[Tensor],
    scale: Scale,
    bands: Bands,
    team: Processes,
    config: StylizeConfig,
    memory: int | None,
) -> tuple[Evaluates, ScaleBudget]:
    """The objective of a scale as this process sees it, and how it is run within its memory."""
    precision, owned = choose_precision(config.precision, seen.device), bands.owned[team.rank]
    if memory is not None and team.size > 1:
        memory -= 2 * seen.numel() * seen.element_size()  # the window's image and gradient
    budget = budget_scale(
        network, scale.height, scale.width, config, precision, memory, within=owned
    )
    if team.size == 1:
        return make_objective(network, seen, styles, config, budget), budget
    lens = Lens(network, precision, budget.tile_bytes)
    of_style = style_moments(lens, styles, config.style_layers)
    of_content = band_targets(lens, seen, bands, team, budget, config)
    objective = assemble(lens, of_content, of_style, config)
    return BandObjective(objective, bands, team, budget.tiles), budget
