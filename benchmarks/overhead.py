"""Overhead: a step of the optimization beside a bare forward and backward pass, and what is in it.

A bare pass goes through the same network, as little of it as reads the same layers: its gradient is
that of the features' squares. There are three. "Bare network" is what PyTorch makes of the network,
autograd and all, in the run's precision; "in float32" is the same as it comes, without autocast;
"our own pass" is that of `networks.passes`, which is quicker than either.

The full VGG-19, with random weights, shows how the share falls where a pass takes longer.

A step is that of `optimize` with L-BFGS's memory full. Three clocks divide it: up to the evaluation
the optimizer moves the image, then the evaluation takes the pass and the losses, and what is left
is bookkeeping.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from benchmarks.baselines import write_random_vgg19
from benchmarks.plan import Plan, Scene, load_scene
from benchmarks.results import Figure, Result
from benchmarks.timing import median_ratio, seconds
from gramarye.networks.passes import AddGradient, Passes, Precision, make_passes
from gramarye.objective import Evaluation, Objective
from gramarye.optimize import Iterate

Parts = tuple[float, float, float]  # seconds: optimizer, evaluation, bookkeeping


class Clocked:
    """The objective, with a clock: when its last evaluation began and ended."""

    def __init__(self, objective: Objective) -> None:
        self.objective, self.began, self.ended = objective, 0.0, 0.0

    def evaluate(self, image: Tensor) -> Evaluation:
        self.began = time.perf_counter()
        evaluation = self.objective.evaluate(image)
        self.ended = time.perf_counter()
        return evaluation


def overhead(plan: Plan) -> Result:
    figures: list[Figure] = []
    details: dict[str, Any] = {}
    for size in plan.pixels:
        add_size(f"{size} px", plan.at(size), figures, details)
    with TemporaryDirectory() as folder:
        size = plan.pixels[0]
        weights = str(write_random_vgg19(Path(folder)))
        full = replace(plan.at(size, network="vgg19", weights=weights), repeats=1, block=1)
        add_size(f"vgg19, {size} px", full, figures, details)
    return Result("overhead", tuple(figures), details)


def add_size(name: str, plan: Plan, figures: list[Figure], details: dict[str, Any]) -> None:
    """Measure at the plan's size and with its network."""
    scene = load_scene(plan.pairs[0], plan)
    steps, bare = in_blocks(scene, plan)
    parts = [tuple(map(statistics.fmean, zip(*block, strict=True))) for block in steps]
    ours = [sum(part) for part in parts]
    moved, evaluated, kept = (list(part) for part in zip(*parts, strict=True))
    own = bare["our own pass"]
    losses = [e - b for e, b in zip(evaluated, own, strict=True)]
    step = f"{name}: step"
    figures += [
        Figure(f"{step} over bare network", median_ratio(ours, bare["bare network"]), goal=1.1),
        Figure(f"{step} over the same in float32", median_ratio(ours, bare["in float32"])),
        Figure(f"{step} over our own pass", median_ratio(ours, own)),
        Figure(step, 1e3 * statistics.median(ours), "ms"),
        *(
            Figure(f"{name}: {way}", 1e3 * statistics.median(times), "ms")
            for way, times in bare.items()
        ),
        Figure(f"{name}: losses and moments over our own pass", median_ratio(losses, own)),
        Figure(f"{name}: optimizer over our own pass", median_ratio(moved, own)),
        Figure(f"{name}: bookkeeping over our own pass", median_ratio(kept, own)),
    ]
    details[name] = {"step_parts": parts, "bare_seconds": bare}


def in_blocks(scene: Scene, plan: Plan) -> tuple[list[list[Parts]], dict[str, list[float]]]:
    """Blocks of steps, and the seconds of each bare pass in the blocks between them."""
    warm, blocks = scene.config.optimizer.history + 2, 2 * plan.repeats + 1
    clock = Clocked(scene.objective())
    iterates = scene.optimize(clock, steps=warm + blocks * (plan.block + 1) + 1)
    passes = make_passes(scene.network, scene.precision)
    ways: dict[str, Callable[[], Tensor]] = {
        "bare network": lambda: by_autograd(scene, scene.precision),
        "in float32": lambda: by_autograd(scene, "float32"),
        "our own pass": lambda: by_passes(scene, passes),
    }
    for _ in range(warm):  # until L-BFGS remembers as many pairs as it will
        next(iterates)
    ours = []
    bare: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(blocks):
        ours.append([timed_step(iterates, clock) for _ in range(plan.block)])
        for name, way in ways.items():
            way()  # the first in a row finds the memory as another way has left it
            bare[name].append(
                seconds(lambda way=way: [way() for _ in range(plan.block)]) / plan.block
            )
        next(iterates)
    return ours, bare


def timed_step(iterates: Iterator[Iterate], clock: Clocked) -> Parts:
    start = time.perf_counter()
    next(iterates)
    end = time.perf_counter()
    return clock.began - start, clock.ended - clock.began, end - clock.ended


def by_autograd(scene: Scene, precision: Precision) -> Tensor:
    """The gradient of the features' squares, halved: the features themselves are their slopes."""
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        image = scene.content.detach().requires_grad_(True)
        features = list(scene.network(image, scene.layers).values())
    (gradient,) = torch.autograd.grad(features, image, [f.detach() for f in features])
    return gradient


@torch.no_grad()
def by_passes(scene: Scene, passes: Passes) -> Tensor:
    """The same by the way there and back of `networks.passes`."""
    made = passes(scene.content, scene.layers, keep=True)
    gradients: dict[str, AddGradient] = {
        layer: partial(Tensor.add_, other=feature)  # type: ignore[misc]
        for layer, feature in made.features.items()
    }
    return made.backward(gradients)
