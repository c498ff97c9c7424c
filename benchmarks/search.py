"""Optimization plans compared: work against the losses of the plain run.

    python -m benchmarks.search --plan 256x100,512x60 --plan 256x60,512x70:history=20 fox,facets

One gradient at the full size is one unit of work, at half the size a quarter. For every pair of
pictures (samples, or paths) and every plan: style and content loss, as shares of the plain run's
best (500 steps of L-BFGS at the full size), after so many units; and the units until both, and
their sum, are reached. What follows the colon are settings of the optimizer. The plain runs take
minutes; their losses are kept in --cache. Pictures go to --out, if given.
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from benchmarks.baselines import gatys
from benchmarks.plan import load_network
from benchmarks.runs import Point, point
from benchmarks.time_to_quality import first
from gramarye.config import StylizeConfig, make_config
from gramarye.finishing import finish
from gramarye.handover import enlarge
from gramarye.inputs.inputs import Input, Inputs, match_colors
from gramarye.networks.features import PerceptualNetwork
from gramarye.objective import Objective
from gramarye.optimize import optimize
from gramarye.optimizers.settings import OptimizerSettings
from gramarye.pictures.picture import Picture, load_image
from gramarye.samples import sample_path
from gramarye.scales.resizing import resize, style_at
from gramarye.scales.sizes import fit
from gramarye.stylize import make_objective

PLAIN_STEPS = 500


@dataclass(frozen=True)
class Way:
    """Longest sides and steps, coarse to fine, and how every scale is optimized."""

    name: str
    scales: tuple[tuple[int, int], ...]
    settings: OptimizerSettings

    def units(self) -> float:
        full = self.scales[-1][0]
        return sum(steps * (side / full) ** 2 for side, steps in self.scales)


@dataclass(frozen=True)
class Task:
    """One pair of pictures, and the objective at any size."""

    name: str
    content: Tensor  # its colors moved
    style: Tensor
    network: PerceptualNetwork
    config: StylizeConfig

    def at(self, side: int) -> tuple[Tensor, Tensor, Objective]:
        height, width = fit(self.content.shape[-2], self.content.shape[-1], side)
        content = resize(self.content, height, width)
        style = style_at(self.style, side, self.config.picture.style_scale)
        seen = {"content": content, "style/0": style}
        return content, style, make_objective(self.network, seen, self.config)


def parse_way(text: str) -> Way:
    """`256x100,512x60:history=20`."""
    scales, _, settings = text.partition(":")
    changes = dict(setting.split("=") for setting in filter(None, settings.split(",")))
    sides = [tuple(int(number) for number in scale.split("x")) for scale in scales.split(",")]
    return Way(
        text,
        tuple((side, steps) for side, steps in sides),
        OptimizerSettings.model_validate(changes),
    )


def load_task(pair: str, network: PerceptualNetwork, config: StylizeConfig) -> Task:
    paths = [Path(name) if Path(name).exists() else sample_path(name) for name in pair.split(",")]
    content, style = map(load_image, paths)
    content, (style,) = match_colors(content, [style], config.picture)
    return Task(f"{paths[0].stem}-{paths[1].stem}", content, style, network, config)


def plain_run(task: Task, side: int, cache: Path) -> Point:
    """The best losses of the plain run, from the cache if they are there."""
    file = cache / f"{task.name}-{side}.json"
    if not file.exists():
        content, _, objective = task.at(side)
        steps = [point(losses, 0.0) for losses in gatys(content, objective.losses, PLAIN_STEPS)]
        cache.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"hist": [(p.style, p.content, p.total) for p in steps]}))
    best = min(json.loads(file.read_text())["hist"], key=lambda losses: losses[2])
    return Point(0.0, *best)


def follow(task: Task, way: Way) -> tuple[list[Point], Tensor]:
    """Every step's losses at the last scale, `seconds` being units of work; and the last image."""
    work, full = 0.0, way.scales[-1][0]
    image: Tensor | None = None
    points: list[Point] = []
    for index, (side, steps) in enumerate(way.scales):
        content, style, objective = task.at(side)
        start = content if image is None else enlarge(image, content, [style], seed=index)
        points = []
        for iterate in optimize(start, objective, way.settings, steps):
            work += (side / full) ** 2
            points.append(point(iterate.losses, work))
            image = iterate.image
    assert image is not None
    return points, image


def shares(points: Sequence[Point], plain: Point, units: float) -> tuple[float, float]:
    """Style and content loss of the best image within so many units, over the plain run's."""
    reached = [p for p in points if p.seconds <= units + 1e-6]
    if not reached:
        return math.nan, math.nan
    best = min(reached, key=lambda p: p.total)
    return best.style / plain.style, best.content / plain.content


def mean(values: Sequence[float]) -> float:
    """The geometric mean."""
    return math.exp(sum(map(math.log, values)) / len(values))


def search(
    ways: Sequence[Way],
    tasks: Sequence[Task],
    marks: Sequence[float],
    cache: Path,
    out: Path | None,
) -> None:
    rows: dict[str, list[list[float]]] = {way.name: [] for way in ways}
    for task in tasks:
        for way in ways:
            plain = plain_run(task, way.scales[-1][0], cache)
            points, image = follow(task, way)
            row = [share for mark in marks for share in shares(points, plain, mark)]
            rows[way.name].append(row)
            both = first(p.seconds for p in points if p.reaches(plain))
            total = first(p.seconds for p in points if p.total <= plain.total)
            print(f"{task.name}  {line(way, row)}  both {both:.0f}  sum {total:.0f}", flush=True)
            if out is not None:
                out.mkdir(parents=True, exist_ok=True)
                inputs = Inputs({"content": Input.of(task.content)})
                result = finish(image, inputs, task.config)
                name = way.name.translate(str.maketrans(",:=", "___"))
                Picture.from_tensor(result).save(out / f"{task.name}-{name}.png")
    print(f"style, content at {', '.join(f'{mark:g}' for mark in marks)} units; geometric means")
    for way in ways:
        columns = zip(*rows[way.name], strict=True)
        print(line(way, [mean(column) for column in columns]))


def line(way: Way, row: Sequence[float]) -> str:
    figures = " | ".join(f"{row[i]:.3f} {row[i + 1]:.3f}" for i in range(0, len(row), 2))
    return f"{way.name:44s} {way.units():5.0f} units  {figures}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--plan", action="append", type=parse_way, required=True)
    parser.add_argument("--units", type=float, nargs="+", default=[85.0, 110.0, 150.0])
    parser.add_argument("--cache", type=Path, default=Path("search-cache"))
    parser.add_argument("--out", type=Path)
    parser.add_argument("pairs", nargs="+", metavar="CONTENT,STYLE")
    args = parser.parse_args()
    config = make_config(device="cpu")
    network = load_network(config)
    tasks = [load_task(pair, network, config) for pair in args.pairs]
    search(args.plan, tasks, args.units, args.cache, args.out)


if __name__ == "__main__":
    main()
