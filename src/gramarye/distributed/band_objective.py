"""The objective of a whole image, evaluated by processes that hold a band of its rows each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor

from gramarye.config import StylizeConfig
from gramarye.distributed.bands import Bands, seen_from
from gramarye.distributed.processes import Processes
from gramarye.losses.additive import Sums
from gramarye.losses.content import ContentLoss, content_divisor
from gramarye.losses.statistics import Moments, at_least_float32, moments
from gramarye.memory.budget import ScaleBudget
from gramarye.objective import Evaluation, Objective, Walk, additive
from gramarye.targets import ComputedTarget, ContentTargets, Lens, exact
from gramarye.tiles.plan import TilePlan
from gramarye.tiles.tiling import Box, Tile, moved


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
