"""Time to quality: when `default` is as good as 500 plain steps, judged by the same objective.

The plain runs are two: L-BFGS and Adam, at one size, in float32. `default` has its own precision.
One objective in float32 judges all images.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.plan import Pair, Plan, load_network
from benchmarks.results import Figure, Result, finite
from benchmarks.runs import BASELINES, Point, Runs
from gramarye.networks.features import PerceptualNetwork

GOALS = {"L-BFGS": 1 / 6, "Adam": None}


@dataclass(frozen=True)
class Comparison:
    """`default` beside one plain run on one pair."""

    pair: Pair
    plain_seconds: float
    plain: Point  # the plain run's best image
    plain_step: int  # at which that was: far from the last one, the run has gone astray
    default: Point  # where `default` ends
    reached: float  # seconds until `default`, going on if need be, is at both losses; inf: never
    reached_total: float  # and at their weighted sum
    overtaken: float  # seconds the plain run needs to get to the sum `default` ends with

    def to_dict(self) -> dict[str, Any]:
        values = asdict(self)
        seconds = ("reached", "reached_total", "overtaken")
        return values | {name: finite(values[name]) for name in seconds}


def time_to_quality(plan: Plan) -> Result:
    network = load_network(plan.config())
    found = [compare(pair, network, plan, plain_first=i % 2 == 0) for i, pair in order(plan)]
    by_name = {name: [comparisons[name] for comparisons in found] for name in BASELINES}
    return Result(
        "time to quality",
        tuple(
            figure
            for name, comparisons in by_name.items()
            for figure in show(name, comparisons, GOALS[name])
        ),
        {
            "size": plan.size,
            "plain_steps": plan.plain_steps,
            "pairs": {name: [c.to_dict() for c in runs] for name, runs in by_name.items()},
        },
    )


def show(name: str, found: Sequence[Comparison], goal: float | None) -> list[Figure]:
    """The medians over the pairs, of `default` beside one of the plain runs."""

    def median(values: Iterable[float]) -> float | None:
        return finite(statistics.median(values))

    own_steps = sum(c.reached <= c.default.seconds for c in found)
    overtaken = [c for c in found if c.overtaken < math.inf]
    figures = [
        Figure(
            "fraction until both losses are reached",
            median(c.reached / c.plain_seconds for c in found),
            goal=goal,
            note=f"{own_steps} of {len(found)} runs within the default's own steps",
        ),
        Figure(
            "fraction until their weighted sum is",
            median(c.reached_total / c.plain_seconds for c in found),
        ),
        Figure(
            "fraction the default takes in all",
            median(c.default.seconds / c.plain_seconds for c in found),
        ),
        Figure(
            "of the time plain needs to the default's sum",
            median(c.default.seconds / c.overtaken for c in overtaken) if overtaken else None,
            note=f"{len(overtaken)} of {len(found)} get there",
        ),
        Figure(
            "style loss, default over plain", median(c.default.style / c.plain.style for c in found)
        ),
        Figure(
            "content loss, default over plain",
            median(c.default.content / c.plain.content for c in found),
        ),
        Figure(
            "plain run",
            median(c.plain_seconds for c in found),
            "s",
            note=f"best at steps {', '.join(str(c.plain_step) for c in found)}",
        ),
    ]
    return [Figure(f"{name}: {f.name}", f.value, f.unit, goal=f.goal, note=f.note) for f in figures]


def order(plan: Plan) -> Iterator[tuple[int, Pair]]:
    """Every pair once, and again from the first where more repeats are asked for."""
    for i in range(max(plan.repeats, len(plan.pairs))):
        yield i, plan.pairs[i % len(plan.pairs)]


def compare(
    pair: Pair, network: PerceptualNetwork, plan: Plan, *, plain_first: bool
) -> dict[str, Comparison]:
    """All runs, `default` first or last; it goes on, if need be, as long as the plain ones ran."""
    runs = Runs(pair, network, plan)
    if plain_first:
        plain = {name: runs.plain(name) for name in BASELINES}
    ours, image = runs.default()
    if not plain_first:
        plain = {name: runs.plain(name) for name in BASELINES}
    best = {name: min(points, key=lambda p: p.total) for name, points in plain.items()}
    curve, end = list(ours), ours[-1]
    longest = max(points[-1].seconds for points in plain.values())
    if not all(reached(curve, mark) for mark in best.values()):
        for point in runs.go_on(image, after=end.seconds):
            curve.append(point)
            if point.seconds > longest or all(reached(curve, mark) for mark in best.values()):
                break
    return {
        name: Comparison(
            pair=pair,
            plain_seconds=points[-1].seconds,
            plain=best[name],
            plain_step=points.index(best[name]) + 1,
            default=end,
            reached=first(p.seconds for p in curve if p.reaches(best[name])),
            reached_total=first(p.seconds for p in curve if p.total <= best[name].total),
            overtaken=first(p.seconds for p in points if p.total <= end.total),
        )
        for name, points in plain.items()
    }


def reached(curve: Sequence[Point], mark: Point) -> bool:
    """Whether there is an image with both losses, and one with their sum."""
    return any(p.reaches(mark) for p in curve) and any(p.total <= mark.total for p in curve)


def first(values: Iterable[float]) -> float:
    """The first value; infinity where there is none."""
    return next(iter(values), math.inf)
