"""Precision: what bfloat16 saves, and what it costs the picture.

An evaluation and a whole run of `default` in bfloat16 and in float32, taking turns. The last images
of both runs are judged by one objective in float32.
"""

from __future__ import annotations

import statistics
from functools import partial
from typing import Any

import torch
from torch import Tensor

from benchmarks.plan import PRECISIONS, Pair, Plan, Scene, load_pair, load_scene
from benchmarks.results import Figure, Result
from benchmarks.timing import in_turns, median_ratio, seconds
from gramarye.networks.passes import Precision
from gramarye.objective import Objective
from gramarye.stylize import stylize_steps

NAMES = "bfloat16 over float32"


def precision(plan: Plan) -> Result:
    if "bfloat16" not in PRECISIONS:
        return Result("precision", (Figure(NAMES, None, note="no instructions for bfloat16"),))
    evaluations = [
        evaluation_ratio(load_scene(plan.pairs[0], plan.at(size)), plan) for size in plan.pixels
    ]
    runs = [compare(pair, plan, i) for i, pair in enumerate(plan.pairs)]
    sums = [run["bfloat16"]["sum"] / run["float32"]["sum"] for run in runs]
    return Result(
        "precision",
        (
            *(
                Figure(f"{size} px: evaluation, {NAMES}", ratio)
                for size, ratio in zip(plan.pixels, evaluations, strict=True)
            ),
            Figure(
                f"whole run, {NAMES}",
                statistics.median(
                    run["bfloat16"]["seconds"] / run["float32"]["seconds"] for run in runs
                ),
            ),
            Figure(
                f"sum of losses at the end, {NAMES}",
                statistics.median(sums),
                note=f"judged in float32; pairs: {', '.join(f'{ratio:.4f}' for ratio in sums)}",
            ),
        ),
        {"size": plan.size, "runs": runs},
    )


def evaluation_ratio(scene: Scene, plan: Plan) -> float:
    objectives = {name: scene.objective(name) for name in PRECISIONS}

    def evaluate(objective: Objective) -> None:
        for _ in range(plan.block):
            objective.evaluate(scene.content)

    taken = in_turns(
        {name: partial(evaluate, objective) for name, objective in objectives.items()},
        rounds=2 * plan.repeats + 1,
    )
    return median_ratio(taken["bfloat16"], taken["float32"])


def compare(pair: Pair, plan: Plan, turn: int) -> dict[str, Any]:
    """Both runs on one pair, each first every other time, and their losses."""
    judge = load_scene(pair, plan).objective("float32")
    found: dict[str, Any] = {"pair": pair}
    for name in PRECISIONS if turn % 2 else reversed(PRECISIONS):
        found[name] = run(pair, plan, name, judge)
    return found


def run(pair: Pair, plan: Plan, name: Precision, judge: Objective) -> dict[str, float]:
    config = plan.at(plan.size, precision=name).config()
    content, style = load_pair(pair)
    last: list[Tensor] = []

    def stylize() -> None:
        for iterate in stylize_steps(content, [style], config):
            last[:] = [iterate.image]

    taken = seconds(stylize)
    with torch.no_grad():
        return {"seconds": taken, "sum": sum(map(float, judge.losses(last[0]).values()))}
