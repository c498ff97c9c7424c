"""Cold start: from starting the command to the written picture, beside VGG-19's 500 gradients."""

from __future__ import annotations

import statistics
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.baselines import gatys_losses, gradient, random_vgg19
from benchmarks.plan import Pair, Plan, at_full_size, load_pair
from benchmarks.results import Figure, Result
from benchmarks.timing import gramarye, seconds
from gramarye.samples import sample_path

GRADIENTS = 500  # what style transfer took with the full VGG-19 (Gatys et al.)


def cold_start(plan: Plan) -> Result:
    commands, gradients = [], []
    for i in range(plan.repeats):
        pair = plan.pairs[i % len(plan.pairs)]
        commands.append(command_seconds(pair, plan))
        gradients.append(vgg19_gradient_seconds(pair, plan))
    ratios = [c / (GRADIENTS * g) for c, g in zip(commands, gradients, strict=True)]
    extrapolated = f"extrapolated from {plan.vgg_gradients} gradients, {plan.repeats} times"
    return Result(
        "cold start",
        (
            Figure("process start to file", statistics.median(commands), "s", goal=12),
            Figure(
                f"{GRADIENTS} gradients of VGG-19",
                GRADIENTS * statistics.median(gradients),
                "s",
                note=extrapolated,
            ),
            Figure("fraction of those", statistics.median(ratios), goal=1 / 40, note=extrapolated),
        ),
        {"size": plan.size, "seconds": commands, "vgg19_gradient_seconds": gradients},
    )


def command_seconds(pair: Pair, plan: Plan) -> float:
    content, style = (str(sample_path(name)) for name in pair)
    with TemporaryDirectory() as folder:
        out = Path(folder) / "out.jpg"
        taken = seconds(
            lambda: gramarye(
                ["stylize", content, style, "--out", str(out), "--quiet", *plan.options()]
            )
        )
        assert out.exists()
    return taken


def vgg19_gradient_seconds(pair: Pair, plan: Plan) -> float:
    """The median time of a gradient of the paper's objective, float32, the image in one piece."""
    content, style = at_full_size(*load_pair(pair), plan.config())
    losses = gatys_losses(random_vgg19(), content, style)
    gradient(losses, content)  # the first one also takes memory and picks algorithms
    return statistics.median(
        seconds(lambda: gradient(losses, content)) for _ in range(plan.vgg_gradients)
    )
