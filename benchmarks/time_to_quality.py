"""Time to quality: when `default` is as good as 500 plain steps, judged by the same objective."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from benchmarks.baselines import gatys
from benchmarks.plan import Pair, Plan, at_full_size, load_pair
from benchmarks.results import Figure, Result, finite
from gramarye.config import StylizeConfig
from gramarye.networks.features import PerceptualNetwork
from gramarye.objective import Objective
from gramarye.optimize import optimize
from gramarye.scales import Scale
from gramarye.stylize import config_network, make_objective, optimize_config, stylize_steps


@dataclass(frozen=True)
class Point:
    """How far a run was after so many seconds: losses of the full-size objective."""

    seconds: float
    style: float
    content: float
    total: float

    def reaches(self, other: Point) -> bool:
        return self.style <= other.style and self.content <= other.content


@dataclass(frozen=True)
class Comparison:
    """The two runs on one pair."""

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
    network = config_network(plan.config())
    found = [compare(pair, network, plan, plain_first=i % 2 == 0) for i, pair in order(plan)]

    def median(values: Iterable[float]) -> float | None:
        return finite(statistics.median(values))

    own_steps = [c.reached <= c.default.seconds for c in found]
    return Result(
        "time to quality",
        (
            Figure(
                "fraction until both losses are reached",
                median(c.reached / c.plain_seconds for c in found),
                goal=1 / 6,
                note=f"{sum(own_steps)} of {len(found)} runs within the default's own steps",
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
                median(c.default.seconds / c.overtaken for c in found if c.overtaken < math.inf)
                if any(c.overtaken < math.inf for c in found)
                else None,
                note=f"{sum(c.overtaken < math.inf for c in found)} of {len(found)} get there",
            ),
            Figure(
                "style loss, default over plain",
                median(c.default.style / c.plain.style for c in found),
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
        ),
        {
            "size": plan.size,
            "plain_steps": plan.plain_steps,
            "pairs": [c.to_dict() for c in found],
        },
    )


def order(plan: Plan) -> Iterator[tuple[int, Pair]]:
    """Every pair once, and again from the first where more repeats are asked for."""
    for i in range(max(plan.repeats, len(plan.pairs))):
        yield i, plan.pairs[i % len(plan.pairs)]


def compare(pair: Pair, network: PerceptualNetwork, plan: Plan, *, plain_first: bool) -> Comparison:
    """Both runs, in either order; `default` goes on, if need be, as long as the plain one ran."""
    content, style = load_pair(pair)
    config = plan.config()
    if plain_first:
        plain = plain_run(content, style, network, config, plan.plain_steps)
    ours, image = default_run(content, style, network, config)
    if not plain_first:
        plain = plain_run(content, style, network, config, plan.plain_steps)
    best, end = min(plain, key=lambda point: point.total), ours[-1]
    judge = full_size_objective(content, style, network, config)
    check_judge(judge, image, end)
    curve = list(ours)
    if not any(p.reaches(best) and p.total <= best.total for p in ours):
        for point in go_on(judge, image, config, plan.plain_steps, after=end.seconds):
            curve.append(point)
            if point.reaches(best) or point.seconds > plain[-1].seconds:
                break
    return Comparison(
        pair=pair,
        plain_seconds=plain[-1].seconds,
        plain=best,
        plain_step=plain.index(best) + 1,
        default=end,
        reached=first(p.seconds for p in curve if p.reaches(best)),
        reached_total=first(p.seconds for p in curve if p.total <= best.total),
        overtaken=first(p.seconds for p in plain if p.total <= end.total),
    )


def plain_run(
    content: Tensor, style: Tensor, network: PerceptualNetwork, config: StylizeConfig, steps: int
) -> list[Point]:
    """All steps at the full size, from the content, with colors as `default` has them."""
    start = time.perf_counter()
    objective = full_size_objective(content, style, network, config)
    image, _ = at_full_size(content, style, config)
    return [
        point(losses, time.perf_counter() - start)
        for losses in gatys(image, objective.losses, steps)
    ]


def default_run(
    content: Tensor, style: Tensor, network: PerceptualNetwork, config: StylizeConfig
) -> tuple[list[Point], Tensor]:
    """The steps of the last scale, on the clock of the whole run, and the last image."""
    start = time.perf_counter()
    points = []
    for iterate in stylize_steps(content, [style], config, network=network):
        if iterate.scale == iterate.scales - 1:
            points.append(point(iterate.losses, time.perf_counter() - start))
    return points, iterate.image


def go_on(
    objective: Objective, image: Tensor, config: StylizeConfig, steps: int, after: float
) -> Iterator[Point]:
    """More steps of the last scale than `default` has; L-BFGS starts without its memory."""
    start = time.perf_counter() - after
    scale = Scale(image.shape[-2], image.shape[-1], steps)
    for iterate in optimize(image, objective, optimize_config(config, scale)):
        yield point(iterate.losses, time.perf_counter() - start)


def full_size_objective(
    content: Tensor, style: Tensor, network: PerceptualNetwork, config: StylizeConfig
) -> Objective:
    """The objective of the last scale: the judge of both runs."""
    content, style = at_full_size(content, style, config)
    return make_objective(network, content, [style], config)


def check_judge(judge: Objective, image: Tensor, reported: Point) -> None:
    """The losses `default` reports must be the judge's, or the two runs do not compare."""
    with torch.no_grad():
        judged = point({name: float(loss) for name, loss in judge.losses(image).items()}, 0)
    for ours, theirs in ((reported.style, judged.style), (reported.content, judged.content)):
        assert math.isclose(ours, theirs, rel_tol=1e-2, abs_tol=1e-9), (reported, judged)


def point(losses: Mapping[str, float], seconds: float) -> Point:
    style, content = (
        sum(loss for name, loss in losses.items() if name.startswith(kind))
        for kind in ("style/", "content/")
    )
    return Point(seconds, style, content, sum(losses.values()))


def first(values: Iterable[float]) -> float:
    """The first value; infinity where there is none."""
    return next(iter(values), math.inf)
