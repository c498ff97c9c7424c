"""One picture on several processes, each with a band of its rows.

A step of a band is a step of the whole image, with three things added: before it, the rows around
the band come from the processes that own them; in the middle, what each process summed up over its
positions is added up; after it, the gradient that spilled into these rows goes back to their
owners. The optimizer holds its own rows only, and its inner products are added up the same way.

A scale that is too small for all processes is run by the first few of them, the smallest by one;
the others wait for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor

from gramarye.budget import ScaleBudget, TilePlan, budget_scale
from gramarye.config import StylizeConfig
from gramarye.distributed.bands import (
    Bands,
    Kernel,
    plan_bands,
    rescale,
    resize_rows,
    seen_from,
    source_rows,
)
from gramarye.distributed.processes import Processes, cut, length
from gramarye.errors import OptimizationError, SettingsError
from gramarye.grain import add_grain, missing
from gramarye.losses.additive import Sums
from gramarye.losses.content import ContentLoss, content_divisor
from gramarye.losses.statistics import Moments, at_least_float32, moments
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.passes import choose_precision
from gramarye.objective import Evaluates, Evaluation, Objective, Walk, additive
from gramarye.optimize import AdamState, Iterate, optimize
from gramarye.scales import Scale, first_image, style_at, style_grain
from gramarye.sources import Load, Pictures
from gramarye.stylize import assemble, make_objective, optimize_config
from gramarye.targets import ComputedTarget, ContentTargets, Lens, exact, style_moments
from gramarye.tiling import Box, Tile, moved


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
) -> Iterator[Iterate]:
    """`stylize_steps` on several processes: each calls this, and gets its rows of every iterate.

    Whose rows they are says the plan, by the iterate's scale. A process without rows gets iterates
    without losses. Contents and styles stay where they are, on the CPU best; `memory` is the budget
    of one process in bytes.
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
        team = processes.first(bands.count)
        seen, styles_now = look(pictures, scale, bands, processes, device)
        owned = cut(seen, bands.windows[processes.rank], bands.owned[processes.rank])
        if rows is None:
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
            iterates = optimize(rows, objective, settings, state, reduce=team.total)
            del objective
        del seen, owned, styles_now
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
            yield Iterate(step, steps, {}, waiting)
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


@final
class BandObjective:
    """An objective of the whole image, evaluated by processes that hold its bands.

    Its images and gradients are those of this process's rows; its losses are those of the whole
    image, the same bits on every process. It does not shrink its tiles when memory runs out: the
    others would not know.
    """

    def __init__(
        self, objective: Objective, bands: Bands, processes: Processes, tiles: TilePlan
    ) -> None:
        objective.check_additive()
        self.objective, self.bands, self.processes = objective, bands, processes
        self.plan = replace(tiles, tiles=tiles_of_band(tiles, bands, processes))
        losses = {term.name: additive(term) for term in objective.terms}
        self.linear = {name for name, loss in losses.items() if loss is not None and loss.linear}

    def evaluate(self, image: Tensor) -> Evaluation:
        """The weighted losses of the whole image, and the gradient in these rows of it."""
        owned, windows = self.bands.owned, self.bands.windows
        around = self.processes.regroup(image.detach(), owned, windows)
        walked = Walk(self.objective, around, self.plan, self.share).evaluation()
        gradient = self.processes.regroup(walked.gradient, windows, owned)  # the spills come home
        losses = self.losses(walked.losses)
        return Evaluation(losses, torch.stack(list(losses.values())).sum(), gradient)

    def share(self, sums: dict[str, Sums]) -> dict[str, Sums]:
        """The sums over all processes."""
        totals = iter(self.processes.totals([part for parts in sums.values() for part in parts]))
        return {name: tuple(next(totals) for _ in parts) for name, parts in sums.items()}

    def losses(self, here: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Linear losses are added up; of the others, which are known to all, the first's count."""
        first = self.processes.rank == 0
        values = [
            value.double() if first or name in self.linear else torch.zeros_like(value).double()
            for name, value in here.items()
        ]
        return dict(zip(here, self.processes.total(torch.stack(values)), strict=True))


def tiles_of_band(tiles: TilePlan, bands: Bands, processes: Processes) -> tuple[Tile, ...]:
    """The tiles, their windows counted from the first row this process sees."""
    top = bands.windows[processes.rank][0]
    return tuple(seen_from(tile, top) for tile in tiles.tiles)


@final
@dataclass(frozen=True)
class BandTarget:
    """The content's features over a band: a target that is asked for by places in the whole."""

    features: Tensor  # (1, C, h, W)
    top: int  # of the layer's rows, the first that is here

    def __call__(self, box: Box) -> Tensor:
        return moved(box, -self.top).of(self.features)


def band_targets(
    lens: Lens,
    content: Tensor,
    bands: Bands,
    processes: Processes,
    budget: ScaleBudget,
    config: StylizeConfig,
) -> ContentTargets:
    """`targets.content_targets` of a content of which each process has the rows it sees."""
    top = bands.windows[processes.rank][0]
    layers = {*config.content_layers, *config.style_layers}
    targets: dict[str, BandTarget] = {}
    squares = {layer: torch.zeros(2, dtype=torch.float64) for layer in config.content_layers}
    found: dict[str, Moments] = {}
    tiles = tiles_of_band(budget.tiles, bands, processes)
    for tile in tiles:
        features = lens.passes(tile.window.of(content), layers, keep=False).features
        for layer in config.content_layers:
            part = tile.regions[layer].inside.of(features[layer])
            size = at_least_float32(part).square().sum().cpu().double()
            squares[layer] += torch.stack([size, size.new_tensor(part.numel())])
            if budget.stored:
                if layer not in targets:
                    targets[layer] = empty_target(tiles, layer, part)
                targets[layer](tile.regions[layer].whole).copy_(part)
        for layer in config.style_layers:
            here = exact(moments(tile.regions[layer].inside.of(features[layer])))
            found[layer] = found[layer] + here if layer in found else here
    losses = {}
    for layer in config.content_layers:
        total, entries = processes.total(squares[layer]).tolist()
        divisor = content_divisor(config.content_loss, total, round(entries))
        target = (
            targets[layer]
            if budget.stored
            else ComputedTarget(lens, content, layer, top, bands.height)
        )
        losses[layer] = ContentLoss(layer, target, divisor)
    totals = {
        layer: Moments(*processes.totals([here.second, here.first, here.count]))
        for layer, here in found.items()
    }
    return ContentTargets(losses, totals)


def empty_target(tiles: Sequence[Tile], layer: str, like: Tensor) -> BandTarget:
    """Room for what all tiles of a band see of a layer."""
    boxes = [tile.regions[layer].whole for tile in tiles]
    top, bottom = min(box.top for box in boxes), max(box.bottom for box in boxes)
    width = tiles[0].regions[layer].size[1]
    return BandTarget(like.new_empty((*like.shape[:2], bottom - top, width)), top)
