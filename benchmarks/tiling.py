"""Tiling: an evaluation in tiles beside the same in one piece, for three memory budgets.

The tiles are those of one grid. With memory for it, all of them are kept between the two walks;
with less, half of them; with the least, none, and each is computed twice. The MiB beside a figure
are what `memory.budget` reckons for that. Times are in turns, the gradients at the content.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import torch

from benchmarks.plan import PRECISIONS, Plan, Scene, load_scene, size_of
from benchmarks.results import Figure, Result
from benchmarks.timing import in_turns, median_ratio
from gramarye.networks.passes import Precision
from gramarye.objective import Evaluation, Objective
from gramarye.tiles.plan import TilePlan, pass_bytes
from gramarye.tiles.tiling import plan_tiles

GRID = 3, 3
KEPT = {"all kept": 1.0, "half kept": 0.5, "none kept": 0.0}
AGREES = 1e-5  # relative, in float32


def tiling(plan: Plan) -> Result:
    pair = plan.pairs[0]
    scene = load_scene(pair, plan.at(max(size_of(pair[0], plan.tiled_megapixels))))
    figures: list[Figure] = []
    details: dict[str, Any] = {}
    for precision in PRECISIONS:
        more, details[precision] = compare(scene, precision, plan)
        figures += more
    return Result("tiling", tuple(figures), {"megapixels": plan.tiled_megapixels, **details})


def compare(scene: Scene, precision: Precision, plan: Plan) -> tuple[list[Figure], dict[str, Any]]:
    objective = scene.objective(precision)
    whole = evaluate(scene, objective, one_piece(scene, precision))
    plans = {name: in_grid(scene, GRID, share, precision) for name, share in KEPT.items()}
    works = {name: partial(evaluate, scene, objective, tiles) for name, tiles in plans.items()}
    works["one piece"] = partial(evaluate, scene, objective, one_piece(scene, precision))
    taken = in_turns(works, plan.repeats)
    figures = []
    for name, tiles in plans.items():
        tiled = evaluate(scene, objective, tiles)
        loss, gradient = differences(tiled, whole)
        goal = AGREES if precision == "float32" else None
        count, mib = len(tiles.tiles), tiles.bytes / 2**20
        figures += [
            Figure(
                f"{precision}, {name}: time over one piece",
                median_ratio(taken[name], taken["one piece"]),
                note=f"{count} tiles, {tiles.kept} kept, {mib:.0f} MiB",
            ),
            Figure(f"{precision}, {name}: loss differs by", loss, goal=goal),
            Figure(f"{precision}, {name}: gradient differs by", gradient, goal=goal),
        ]
    mib = one_piece(scene, precision).bytes / 2**20
    return figures, {"seconds": taken, "one_piece_mib": mib}


def evaluate(scene: Scene, objective: Objective, tiles: TilePlan) -> Evaluation:
    height, width = scene.content.shape[-2:]
    objective.plans[height, width] = tiles
    return objective.evaluate(scene.content)


def one_piece(scene: Scene, precision: Precision) -> TilePlan:
    return in_grid(scene, (1, 1), 1.0, precision)


def in_grid(scene: Scene, grid: tuple[int, int], share: float, precision: Precision) -> TilePlan:
    """The image in rows and columns of tiles, a share of them kept, and the bytes that takes."""
    height, width = scene.content.shape[-2:]
    tiles = tuple(plan_tiles(scene.network, scene.layers, height, width, *grid))
    areas = [tile.window.area for tile in tiles]
    kept = int(share * len(tiles))
    held = sum(areas[len(tiles) - kept :]) + (0 if kept == len(tiles) else max(areas))
    each = pass_bytes(scene.network, scene.layers, precision)
    taken = each.kept * held + each.working * max(areas)
    return TilePlan(tiles, kept, math.ceil(taken), work=sum(areas))


def differences(a: Evaluation, b: Evaluation) -> tuple[float, float]:
    """How far the sum of losses and the gradient are apart, relative to b's; norms."""
    loss = torch.abs(a.total - b.total) / b.total
    gradient = (a.gradient - b.gradient).norm() / b.gradient.norm()
    return float(loss), float(gradient)
