"""What a run will take, told before it starts: seconds and peak memory.

The seconds come from a short measurement with the run's own network on the run's own device; the
memory from the same budget the run keeps to.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import final

import torch

from gramarye.config import StylizeConfig
from gramarye.devices import resident_memory
from gramarye.memory.budget import ScaleBudget, budget_scales, show_bytes
from gramarye.networks.features import PerceptualNetwork
from gramarye.objective import Evaluation
from gramarye.optimize import OptimizeConfig, make_optimizer
from gramarye.optimizers.base import AdamState, StrongWolfe, alone
from gramarye.progress import show_seconds
from gramarye.scales.sizes import Scale, plan_scales, style_at, uniform_image
from gramarye.stylize import make_objective, optimize_config
from gramarye.tiles.plan import FORWARD

SMALL, LARGE = 256, 1024  # sides of the probes, in pixels
PER_PICTURE = 1.2e-7  # seconds per pixel to read, match colors, resize and write, measured
OPTIMIZER_SIDE = 512
LONG = 60e6  # steps times pixels


@final
@dataclass(frozen=True)
class ScaleForecast:
    scale: Scale
    budget: ScaleBudget
    step: float  # seconds
    seconds: float  # in all, its targets included


@final
@dataclass(frozen=True)
class Forecast:
    """What a run will take."""

    scales: tuple[ScaleForecast, ...]
    seconds: float
    memory: int  # bytes at the peak, the interpreter included


@final
@dataclass(frozen=True)
class Costs:
    """Seconds per pixel on this device, measured."""

    small: float  # of an evaluation, at SMALL pixels a side
    large: float  # the same at LARGE pixels a side and above

    def evaluation(self, pixels: float) -> float:
        """Seconds per pixel for a tile of so many pixels: in between, as the side's logarithm."""
        low, high = SMALL**2, LARGE**2
        if pixels <= low:
            return self.small
        if pixels >= high:
            return self.large
        share = (torch.tensor(pixels / low).log() / torch.tensor(high / low).log()).item()
        return self.small + share * (self.large - self.small)


def forecast(
    network: PerceptualNetwork,
    content: tuple[int, int],
    styles: Sequence[tuple[int, int]],
    config: StylizeConfig,
    memory: int | None,
    device: torch.device,
) -> Forecast:
    """What a stylization takes, for pictures of these (height, width); takes a second or two."""
    network = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    scales = plan_scales(*content, config)
    budgets = budget_scales(network, scales, config, device, memory)
    before = resident_memory()  # what the measurement takes is free again by then
    costs = measure_costs(network, config, device, largest=scales[-1].pixels)
    parts = []
    for scale, budget in zip(scales, budgets, strict=True):
        tile = max(part.window.area for part in budget.tiles.tiles)
        per_pixel = costs.evaluation(tile)
        moving = measure_moving(optimize_config(config, scale, budget), device)
        evaluation = budget.tiles.work * per_pixel
        step = evaluations(config) * evaluation + scale.pixels * moving
        longest = max(scale.height, scale.width)
        looked_at = scale.pixels + sum(
            seen_pixels(style, longest, config.style_scale) for style in styles
        )
        setup = looked_at * FORWARD * per_pixel + scale.pixels * PER_PICTURE
        parts.append(ScaleForecast(scale, budget, step, (scale.steps + 1) * step + setup))
    files = sum(height * width for height, width in (content, *styles)) + 2 * scales[-1].pixels
    peak = before + max(budget.bytes for budget in budgets)
    seconds = sum(part.seconds for part in parts) + files * PER_PICTURE
    return Forecast(tuple(parts), seconds, peak)


def evaluations(config: StylizeConfig) -> int:
    """How often a step evaluates the objective."""
    searches = config.optimizer == "lbfgs" and config.line_search == "strong-wolfe"
    return StrongWolfe.EVALUATIONS if searches else 1


def is_long(scales: Sequence[Scale]) -> bool:
    """Whether a run is worth a forecast: it will take half a minute or more on most machines."""
    return sum(scale.steps * scale.pixels for scale in scales) > LONG


def describe(told: Forecast, history: int) -> str:
    """The forecast in one line, with what the largest scale gives up for memory."""
    given_up = told.scales[-1].budget.describe(history)
    return f"forecast: {show_seconds(told.seconds)}, {show_bytes(told.memory)} of memory" + (
        f" ({given_up})" if given_up else ""
    )


def seen_pixels(style: tuple[int, int], longest: int, style_scale: float) -> int:
    """The pixels of a style at a scale."""
    small = style_at(torch.empty(1, 1, *style, device="meta"), longest, style_scale)
    return small.shape[-1] * small.shape[-2]


def measure_costs(
    network: PerceptualNetwork, config: StylizeConfig, device: torch.device, largest: int
) -> Costs:
    """Seconds per pixel of an evaluation, of noise: the arithmetic is the same."""

    def per_pixel(side: int) -> float:
        like = torch.empty(0, device=device)
        content, style, image = (uniform_image(side, side, seed, like) for seed in range(3))
        objective = make_objective(network, content, [style], config)
        return typical(lambda: objective.evaluate(image), device) / side**2

    small = per_pixel(SMALL)
    side = min(LARGE, int(largest**0.5))
    return Costs(small, per_pixel(side) if side > SMALL else small)


def measure_moving(config: OptimizeConfig, device: torch.device) -> float:
    """Seconds per pixel that the optimizer takes for a step, its history full."""
    config = replace(config, line_search="none")  # its evaluations are counted elsewhere
    side = OPTIMIZER_SIDE
    image = uniform_image(side, side, 0, torch.empty(0, device=device))
    bowl = 0.1 + uniform_image(side, side, 1, image)  # its curvature, positive everywhere
    optimizer = make_optimizer(None, config, AdamState(), alone)  # type: ignore[arg-type]

    def move() -> None:
        nonlocal image
        image = optimizer.move(image, Evaluation({}, image.sum(), bowl * (image - 0.5)))

    try:
        for _ in range(min(config.history, config.steps) + 1):
            move()
        return typical(move, device) / side**2
    finally:
        optimizer.close()


def typical(work: Callable[[], object], device: torch.device) -> float:
    """The median of three runs, in seconds, after one that is not counted."""
    times = []
    for _ in range(4):
        begin = time.perf_counter()
        work()
        if device.type != "cpu":
            torch.accelerator.synchronize()
        times.append(time.perf_counter() - begin)
    return sorted(times[1:])[1]
