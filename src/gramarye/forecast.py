"""What a run will take, said before it starts: seconds and peak memory.

The seconds come from a short measurement with the run's own network on the run's own device; the
memory from the same budget the run keeps to.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import torch

from gramarye.config import StylizeConfig
from gramarye.devices import resident_memory
from gramarye.handover import uniform_image
from gramarye.inputs.kinds import OWN_CONTENT, PROTECT, kind_of, laid_over, names_of
from gramarye.inputs.sizes import at_scale
from gramarye.memory.budget import ScaleBudget
from gramarye.networks.features import PerceptualNetwork
from gramarye.objective import Evaluation
from gramarye.optimize import make_optimizer
from gramarye.optimizers.adam import AdamState
from gramarye.optimizers.history import PairStorage
from gramarye.optimizers.strong_wolfe import StrongWolfe
from gramarye.plan import Plan, area
from gramarye.scales.sizes import Scale
from gramarye.stylize import make_objective
from gramarye.tiles.plan import FORWARD
from gramarye.units import show_bytes, show_seconds

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
        share = math.log(pixels / low) / math.log(high / low)
        return self.small + share * (self.large - self.small)


def forecast(plan: Plan, network: PerceptualNetwork) -> Forecast:
    """What a planned run takes on one process; measuring takes a second or two."""
    before = resident_memory()  # what the measurement takes is free again by then
    config = plan.config
    looks = StrongWolfe.EVALUATIONS if config.optimizer.searches else 1  # of a step at images
    costs = measure_costs(network, plan)
    parts = []
    for scale, budget in ((s.scale, s.budget) for s in plan.scales):
        assert budget is not None, "a run on one process has a share of every scale"
        tile = max(part.window.area for part in budget.tiles.tiles)
        per_pixel = costs.evaluation(tile)
        moving = measure_moving(config, scale.steps, budget.storage, plan.device)
        evaluation = budget.tiles.work * per_pixel
        step = looks * evaluation + scale.pixels * moving
        seen = at_scale(plan.sizes, scale.size, config.picture).items()
        looked_at = sum(area(size) for name, size in seen if not kind_of(name).gray)
        setup = looked_at * FORWARD * per_pixel + scale.pixels * PER_PICTURE
        parts.append(ScaleForecast(scale, budget, step, (scale.steps + 1) * step + setup))
    files = sum(map(area, plan.sizes.values())) + 2 * area(plan.size)
    peak = before + max(budget.bytes for budget in plan.budgets)
    seconds = sum(part.seconds for part in parts) + files * PER_PICTURE
    return Forecast(tuple(parts), seconds, peak)


def is_long(scales: Sequence[Scale]) -> bool:
    """Whether a run is worth a forecast: it will take half a minute or more on most machines."""
    return sum(scale.steps * scale.pixels for scale in scales) > LONG


def describe(expected: Forecast, history: int) -> str:
    """The forecast in one line, with what the largest scale gives up for memory."""
    given_up = expected.scales[-1].budget.describe(history)
    return (
        f"forecast: {show_seconds(expected.seconds)}, {show_bytes(expected.memory)} of memory"
        + (f" ({given_up})" if given_up else "")
    )


def measure_costs(network: PerceptualNetwork, plan: Plan) -> Costs:
    """Seconds per pixel of an evaluation, of noise: the arithmetic is the same."""
    like = torch.empty(0, device=plan.device)
    names = list(plan.sizes)
    if plan.config.picture.drawing:  # whose areas are regions
        styles = names_of("style", names)
        names += ["content-regions", *(laid_over(style, "regions") for style in styles)]

    def per_pixel(side: int) -> float:
        noise = {}
        for seed, name in enumerate(names):
            picture = uniform_image(side, side, seed, like)
            if kind_of(name).labels:  # three regions, each of them everywhere
                picture = (picture == picture.amax(1, keepdim=True)).float()
            noise[name] = picture[:, :1] if kind_of(name).gray else picture
        if PROTECT in noise:
            noise[OWN_CONTENT] = noise["content"]  # which comes with the inputs of a scale
        objective = make_objective(network, noise, plan.config)
        image = uniform_image(side, side, len(noise), like)
        return typical(lambda: objective.evaluate(image), plan.device) / side**2

    small = per_pixel(SMALL)
    side = min(LARGE, int(area(plan.size) ** 0.5))
    return Costs(small, per_pixel(side) if side > SMALL else small)


def measure_moving(
    config: StylizeConfig, steps: int, storage: PairStorage, device: torch.device
) -> float:
    """Seconds per pixel that the optimizer takes for a step, its history full."""
    # The evaluations of a line search are counted elsewhere.
    settings = config.with_settings(line_search="none").optimizer
    side = OPTIMIZER_SIDE
    image = uniform_image(side, side, 0, torch.empty(0, device=device))
    bowl = 0.1 + uniform_image(side, side, 1, image)  # its curvature, positive everywhere
    optimizer = make_optimizer(None, settings, steps, AdamState(), storage)  # type: ignore[arg-type]

    def move() -> None:
        nonlocal image
        total = image.sum((1, 2, 3))
        image = optimizer.move(image, Evaluation({}, total, bowl * (image - 0.5)))

    try:
        for _ in range(min(settings.history, steps) + 1):
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
