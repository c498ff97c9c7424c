"""Whole runs on one pair, each with its clock, judged by one objective in float32."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from benchmarks.baselines import Losses, adam, gatys
from benchmarks.plan import Pair, Plan, Scene, at_full_size, load_pair
from gramarye.networks.features import PerceptualNetwork
from gramarye.objective import Objective
from gramarye.optimize import Iterate
from gramarye.stylize import stylize_steps

BASELINES: dict[str, Callable[[Tensor, Losses, int], Iterator[dict[str, float]]]] = {
    "L-BFGS": gatys,
    "Adam": adam,
}


@dataclass(frozen=True)
class Point:
    """How far a run was after so many seconds: losses of the full-size objective."""

    seconds: float
    style: float
    content: float
    total: float

    def reaches(self, other: Point) -> bool:
        return self.style <= other.style and self.content <= other.content


@final
class Runs:
    """The runs one pair allows. Colors and targets are on each run's own clock."""

    def __init__(self, pair: Pair, network: PerceptualNetwork, plan: Plan) -> None:
        self.content, self.style = load_pair(pair)
        self.network, self.config, self.steps = network, plan.config(), plan.plain_steps
        self.judge = self.scene().objective("float32")

    def scene(self) -> Scene:
        content, style = at_full_size(self.content, self.style, self.config)
        return Scene(self.config, self.network, content, style)

    def plain(self, name: str) -> list[Point]:
        """All steps at the full size, from the content, with colors as `default` has them."""
        start = time.perf_counter()
        scene = self.scene()
        losses = scene.objective("float32").losses
        return [
            point(named, time.perf_counter() - start)
            for named in BASELINES[name](scene.content, losses, self.steps)
        ]

    def default(self) -> tuple[list[Point], Tensor]:
        """The steps of the last scale, on the clock of the whole run, and the last image."""
        points = []
        iterates = stylize_steps(self.content, [self.style], self.config, network=self.network)
        for iterate, seconds in clocked(iterates):
            if iterate.scale == iterate.scales - 1:
                points.append(judged(self.judge, iterate.image, seconds))
        return points, iterate.image

    def go_on(self, image: Tensor, after: float) -> Iterator[Point]:
        """More steps of the last scale than `default` has; L-BFGS starts without its memory."""
        scene = self.scene()
        iterates = scene.optimize(scene.objective(), self.steps, image)
        for iterate, seconds in clocked(iterates):
            yield judged(self.judge, iterate.image, after + seconds)


def clocked(iterates: Iterator[Iterate]) -> Iterator[tuple[Iterate, float]]:
    """Each iterate with the seconds spent on making it and those before; judging is not on it."""
    seconds = 0.0
    while True:
        start = time.perf_counter()
        iterate = next(iterates, None)
        seconds += time.perf_counter() - start
        if iterate is None:
            return
        yield iterate, seconds


@torch.no_grad()
def judged(judge: Objective, image: Tensor, seconds: float) -> Point:
    return point({name: float(loss) for name, loss in judge.losses(image).items()}, seconds)


def point(losses: Mapping[str, float], seconds: float) -> Point:
    style, content = (
        sum(loss for name, loss in losses.items() if name.startswith(kind))
        for kind in ("style/", "content/")
    )
    return Point(seconds, style, content, sum(losses.values()))
