"""The floor: what one gradient of the default objective must cost, and what it does cost.

Counted, per pixel of the image, from the network's own geometry, borders left out:

* multiply-adds: each convolution forward, and back to its input; the moments of each style layer,
  a symmetric product, and their way back;
* bytes, with one step for a convolution, its ReLU and its pool, and nothing kept in a cache: a
  step reads its input, writes the activation that the way back needs, and the pooled one if there
  is a pool; its way back reads the gradient and that activation and writes the gradient of its
  input. Moments ride along; a content target is read once.

What does not grow with the picture, such as the heads, is left out. The arithmetic cannot be faster
than a large matrix product on this machine, nor the bytes than a large copy. Both are measured in
turns with the evaluation itself; the floor is the greater of the two times.
"""

from __future__ import annotations

import statistics
from collections.abc import Collection, Mapping
from dataclasses import astuple, dataclass

import torch
from torch import Tensor

from benchmarks.plan import PRECISIONS, Plan, Scene, load_scene
from benchmarks.results import Figure, Result
from benchmarks.timing import in_turns
from gramarye.networks.features import Conv, PerceptualNetwork, Pool
from gramarye.networks.layers import by_shrink, joined
from gramarye.networks.passes import Precision

COPIED = 16  # as many numbers are copied as this many of the matrices hold: 256 MiB, no cache's
FLOAT32 = 4  # bytes


@dataclass(frozen=True)
class Work:
    """What an evaluation does, per pixel of the image."""

    float32: float  # multiply-adds in float32, whatever the precision
    inner: float  # multiply-adds in the precision of the pass
    bytes: float


@dataclass(frozen=True)
class Rates:
    """What this machine does in a second, all threads together."""

    float32: float  # multiply-adds
    inner: float  # multiply-adds in the precision of the pass
    bytes: float  # read and written

    def arithmetic(self, work: Work) -> float:
        """Seconds per pixel."""
        return work.float32 / self.float32 + work.inner / self.inner

    def floor(self, work: Work) -> float:
        """Seconds per pixel; arithmetic and memory at the same time."""
        return max(self.arithmetic(work), work.bytes / self.bytes)


def floor(plan: Plan) -> Result:
    figures, details = [], {}
    for size in plan.pixels:
        scene = load_scene(plan.pairs[0], plan.at(size))
        for precision in PRECISIONS:
            more, taken = measured(scene, precision, plan)
            figures += [
                Figure(f"{size} px, {precision}: {figure.name}", figure.value, figure.unit)
                for figure in more
            ]
            details[f"{size} px, {precision}"] = taken
    return Result("floor", tuple(figures), details)


def measured(
    scene: Scene, precision: Precision, plan: Plan
) -> tuple[list[Figure], dict[str, list[float]]]:
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    style_layers, content_layers = map(scene.config.value, ("style_layers", "content_layers"))
    work = count(scene.network, style_layers, content_layers, precision)
    objective, pixels = scene.objective(precision), scene.content[0, 0].numel()
    a, b = (matrix(plan.probe, seed) for seed in (0, 1))
    inner_a, inner_b = a.to(dtype), b.to(dtype)
    source = a.repeat(COPIED, 1)
    target = torch.empty_like(source)
    taken = in_turns(
        {
            "float32 product": lambda: a @ b,
            "product": lambda: inner_a @ inner_b,
            "copy": lambda: target.copy_(source),
            "evaluation": lambda: objective.evaluate(scene.content),
        },
        rounds=2 * plan.repeats + 1,
    )
    rates = [
        Rates(plan.probe**3 / single, plan.probe**3 / inner, 2 * FLOAT32 * source.numel() / copy)
        for single, inner, copy in zip(
            taken["float32 product"], taken["product"], taken["copy"], strict=True
        )
    ]
    floors = [pixels * rate.floor(work) for rate in rates]
    ratios = [t / f for t, f in zip(taken["evaluation"], floors, strict=True)]

    def median(values: list[float]) -> float:
        return statistics.median(values)

    return [
        Figure("evaluation over floor", median(ratios)),
        Figure("evaluation", 1e3 * median(taken["evaluation"]), "ms"),
        Figure("floor", 1e3 * median(floors), "ms"),
        Figure("arithmetic", 1e3 * median([pixels * r.arithmetic(work) for r in rates]), "ms"),
        Figure("memory", 1e3 * median([pixels * work.bytes / r.bytes for r in rates]), "ms"),
        Figure("multiply-adds per pixel", work.float32 + work.inner),
        Figure("bytes per pixel", work.bytes, "B"),
        Figure("matrix product", 1e-9 * median([r.inner for r in rates]), "G multiply-adds/s"),
        Figure("copy", 1e-9 * median([r.bytes for r in rates]), "GB/s"),
    ], taken


def matrix(side: int, seed: int) -> Tensor:
    return torch.randn(side, side, generator=torch.Generator().manual_seed(seed))


def count(
    network: PerceptualNetwork,
    style_layers: Mapping[str, float],
    content_layers: Mapping[str, float],
    precision: Precision,
) -> Work:
    """The work of one gradient through a chain of convolutions, ReLUs and pools, per pixel."""
    total = Work(0.0, 0.0, 0.0)
    for shrink, names in by_shrink({*style_layers, *content_layers}).items():
        style, content = (
            {name for name in names if joined(name, shrink) in layers}
            for layers in (style_layers, content_layers)
        )
        part = count_at_one_size(network, style, content, precision)
        added = zip(astuple(total), astuple(part), strict=True)
        total = Work(*(a + b / shrink**2 for a, b in added))
    return total


def count_at_one_size(
    network: PerceptualNetwork,
    style_layers: Collection[str],
    content_layers: Collection[str],
    precision: Precision,
) -> Work:
    """The same of layers that look at an image of one size, per pixel of that."""
    itemsize = 2 if precision == "bfloat16" else FLOAT32
    float32, inner, numbers = 0.0, 0.0, 0.0
    image = 2 * 3 * FLOAT32  # read, and its gradient written
    channels, positions = 3, 1.0  # of them per pixel
    first = True
    for step in network.steps[: network.deepest({*style_layers, *content_layers})]:
        if isinstance(step.module, Conv):
            products = step.kernel**2 * channels * step.channels * positions
            inner += products  # the way back
            if first:
                float32 += products  # the image is read in float32
            else:
                inner += products
                numbers += 3 * channels * positions  # read; gradient written, and read
            numbers += 2 * step.channels * positions  # activation written, and read on the way back
            first = False
        positions /= step.stride**2
        channels = step.channels
        if isinstance(step.module, Pool):
            numbers += channels * positions  # written beside the activation
        if step.name in style_layers:
            float32 += channels * (channels + 1) / 2 * positions
            inner += channels**2 * positions
        if step.name in content_layers:
            numbers += channels * positions
    return Work(float32, inner, itemsize * numbers + image)
