"""Overhead: a step of the optimization beside a bare forward and backward pass, and what is in it.

The bare pass goes through the same network in the same way and precision, as little as reads the
same layers: its gradient is that of the features' squares. A step is that of `optimize` with
L-BFGS's memory full. Three clocks divide it: up to the evaluation the optimizer moves the image,
then the evaluation takes the pass and the losses, and what is left is bookkeeping.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from functools import partial

import torch
from torch import Tensor

from benchmarks.plan import Plan, Scene, load_scene
from benchmarks.results import Figure, Result
from benchmarks.timing import median_ratio, seconds
from gramarye.networks.passes import AddGradient, Passes, make_passes
from gramarye.objective import Evaluation, Objective
from gramarye.optimize import Iterate, optimize
from gramarye.scales import Scale
from gramarye.stylize import optimize_config

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
    figures, details = [], {}
    for size in plan.pixels:
        scene = load_scene(plan.pairs[0], plan.at(size))
        steps, bare = in_blocks(scene, plan)
        parts = [tuple(map(statistics.fmean, zip(*block, strict=True))) for block in steps]
        ours = [sum(part) for part in parts]
        moved, evaluated, kept = (list(part) for part in zip(*parts, strict=True))
        losses = [e - b for e, b in zip(evaluated, bare, strict=True)]
        figures += [
            Figure(f"{size} px: step over bare pass", median_ratio(ours, bare), goal=1.10),
            Figure(f"{size} px: step", 1e3 * statistics.median(ours), "ms"),
            Figure(f"{size} px: bare forward and backward", 1e3 * statistics.median(bare), "ms"),
            Figure(f"{size} px: of it losses and moments", median_ratio(losses, bare)),
            Figure(f"{size} px: of it optimizer", median_ratio(moved, bare)),
            Figure(f"{size} px: of it bookkeeping", median_ratio(kept, bare)),
        ]
        details[f"{size} px"] = {"step_parts": parts, "bare_seconds": bare}
    return Result("overhead", tuple(figures), details)


def in_blocks(scene: Scene, plan: Plan) -> tuple[list[list[Parts]], list[float]]:
    """Blocks of steps, and the seconds of a bare pass in the blocks between them."""
    warm, blocks = scene.config.history + 2, 2 * plan.repeats + 1
    height, width = scene.content.shape[-2:]
    scale = Scale(height, width, steps=warm + blocks * plan.block + 1)
    clock = Clocked(scene.objective())
    iterates = optimize(scene.content, clock, optimize_config(scene.config, scale, scene.budget()))
    passes = make_passes(scene.network, scene.precision)
    for _ in range(warm):  # until L-BFGS remembers as many pairs as it will
        next(iterates)
    bare_pass(scene, passes)
    ours, bare = [], []
    for _ in range(blocks):
        ours.append([timed_step(iterates, clock) for _ in range(plan.block)])
        block = seconds(lambda: [bare_pass(scene, passes) for _ in range(plan.block)])
        bare.append(block / plan.block)
    return ours, bare


def timed_step(iterates: Iterator[Iterate], clock: Clocked) -> Parts:
    start = time.perf_counter()
    next(iterates)
    end = time.perf_counter()
    return clock.began - start, clock.ended - clock.began, end - clock.ended


@torch.no_grad()
def bare_pass(scene: Scene, passes: Passes) -> Tensor:
    """The gradient of the features' squares, halved: the features themselves."""
    made = passes(scene.content, scene.layers, keep=True)
    gradients: dict[str, AddGradient] = {
        layer: partial(Tensor.add_, other=feature)  # type: ignore[misc]
        for layer, feature in made.features.items()
    }
    return made.backward(gradients)
