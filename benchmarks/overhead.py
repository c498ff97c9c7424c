"""Overhead: a step of the optimization beside a bare forward and backward pass."""

from __future__ import annotations

import statistics

import torch
from torch import Tensor

from benchmarks.plan import Plan, Scene, load_scene
from benchmarks.results import Figure, Result
from benchmarks.timing import seconds
from gramarye.optimize import optimize
from gramarye.scales import Scale
from gramarye.stylize import make_objective, optimize_config


def overhead(plan: Plan) -> Result:
    scene = load_scene(plan.pairs[0], plan)
    config = scene.config
    layers = frozenset(config.content_layers) | frozenset(config.style_layers)
    objective = make_objective(scene.network, scene.content, [scene.style], config)
    warm, blocks = config.history + 2, 2 * plan.repeats + 1
    height, width = scene.content.shape[-2:]
    scale = Scale(height, width, steps=warm + blocks * plan.block + 1)
    steps = optimize(scene.content, objective, optimize_config(config, scale))
    for _ in range(warm):  # until L-BFGS remembers as many pairs as it will
        next(steps)
    bare_pass(scene, layers)
    ours, bare = [], []
    for _ in range(blocks):
        ours.append(seconds(lambda: [next(steps) for _ in range(plan.block)]) / plan.block)
        bare.append(
            seconds(lambda: [bare_pass(scene, layers) for _ in range(plan.block)]) / plan.block
        )
    ratios = [a / b for a, b in zip(ours, bare, strict=True)]
    return Result(
        "overhead",
        (
            Figure("step over bare pass", statistics.median(ratios), goal=1.2),
            Figure("step", 1e3 * statistics.median(ours), "ms"),
            Figure("bare forward and backward", 1e3 * statistics.median(bare), "ms"),
        ),
        {"size": plan.size, "step_seconds": ours, "bare_seconds": bare},
    )


def bare_pass(scene: Scene, layers: frozenset[str]) -> Tensor:
    """The gradient of the features' squares: as little as reads the same layers."""
    image = scene.content.detach().clone().requires_grad_(True)
    features = scene.network(image, layers)
    total = torch.stack([f.square().sum() for f in features.values()]).sum()
    return torch.autograd.grad(total, image)[0]
