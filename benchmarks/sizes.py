"""Seconds per step and memory against megapixels, with `vgg19-lite` and the full VGG-19.

`gramarye stylize --json` in a process of its own, content, style and result all of that size, one
scale, and as many steps as fill L-BFGS's memory and three more, which are the ones that count. Its
own peak is the memory (`VmHWM`). The full VGG-19 has random weights: it takes as long. Where even
that takes too long, there are three steps in all, and the figure says so: L-BFGS is then cheaper
than it will be. What a whole `default` run takes is extrapolated: its steps at every scale, in
proportion to their pixels, and the preparations of this run.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.baselines import write_random_vgg19
from benchmarks.plan import Pair, Plan, size_of, write_jpeg
from benchmarks.results import Figure, Result
from benchmarks.timing import gramarye
from gramarye.scales.sizes import plan_scales
from gramarye.units import show_bytes

NETWORKS = ("vgg19-lite", "vgg19")
COUNTED = 3  # steps
FEW_ABOVE = {"vgg19": 16}  # megapixels; a step takes minutes there
INTERPRETER = 350  # MiB, Python with PyTorch: see gramarye.memory.budget
MEMORY_GOALS: dict[tuple[str, float], float] = {
    ("vgg19-lite", 100): 8 * 1024,
    ("vgg19", 16): 6 * 1024,
}  # MiB
RUN_GOALS: dict[tuple[str, float], float] = {("vgg19-lite", 100): 90 * 60}  # seconds


def sizes(plan: Plan) -> Result:
    runs, figures = [], []
    with TemporaryDirectory() as folder:
        weights = {"vgg19": {"weights": str(write_random_vgg19(Path(folder)))}}
        for megapixels in plan.megapixels:
            for network in NETWORKS:
                settings = {"network": network, **weights.get(network, {})}
                found = run(plan.pairs[0], megapixels, plan, settings, Path(folder))
                runs.append(found)
                figures += show(found)
                told = f"{found['step_seconds']:.3g} s a step, {found['peak_memory_mib']:.0f} MiB"
                print(f"{network} at {megapixels:g} MP: {told} ...", end=" ", file=sys.stderr)
                sys.stderr.flush()  # the next may take an hour
    return Result("sizes", tuple(figures), {"runs": runs})


def show(run: dict[str, Any]) -> list[Figure]:
    name = f"{run['network']}, {run['megapixels']:g} MP"
    few = "" if run["full_history"] else f"{run['steps']} steps in all: L-BFGS's memory not full"
    budget = f"--memory {show_bytes(run['memory'])}" if run["memory"] else ""
    allowed = run["memory"] / 2**20 + INTERPRETER if run["memory"] else None
    return [
        Figure(f"{name}: step", run["step_seconds"], "s", note=few),
        Figure(
            f"{name}: peak",
            run["peak_memory_mib"],
            "MiB",
            goal=run["goal_mib"] or allowed,
            note="; ".join(filter(None, (budget, few))),
        ),
        Figure(
            f"{name}: whole run",
            run["run_seconds"],
            "s",
            goal=run["goal_seconds"],
            note="extrapolated from these steps",
        ),
    ]


def run(
    pair: Pair, megapixels: float, plan: Plan, settings: dict[str, str], folder: Path
) -> dict[str, Any]:
    """One short run, and what follows from it."""
    width, height = size_of(pair[0], megapixels)
    size, network = max(width, height), settings["network"]
    history = plan.config().optimizer.history
    full = megapixels <= FEW_ABOVE.get(network, float("inf"))
    steps = history + COUNTED if full else COUNTED
    short = plan.at(size, **settings, min_size=size, steps=steps)
    content, style = (str(write_jpeg(name, size_of(name, megapixels), folder)) for name in pair)
    arguments = ["--out", str(folder / "out.jpg"), "--json", "--quiet", *short.options()]
    printed = gramarye(
        ["stylize", content, style, *arguments], own_peak=True, module="benchmarks.stepwise"
    )
    report, seconds = map(json.loads, printed.splitlines())
    step = step_seconds(seconds)
    memory = short.config().machine.memory
    coarse_to_fine = plan_scales(height, width, size, plan.config().scales)
    scales = [(scale.steps, scale.pixels) for scale in coarse_to_fine]
    return {
        "network": network,
        "megapixels": megapixels,
        "width": report["width"],
        "height": report["height"],
        "steps": steps,
        "full_history": full,
        "memory": memory,
        "seconds": report["seconds"],
        "all_step_seconds": seconds,
        "step_seconds": step,
        "run_seconds": whole_run(report["seconds"], steps, step, scales),
        "equal_steps": equal_steps(scales),
        "peak_memory_mib": report["peak_memory_mib"],
        "goal_mib": MEMORY_GOALS.get((network, megapixels)),
        "goal_seconds": RUN_GOALS.get((network, megapixels)),
    }


def step_seconds(seconds: Sequence[float]) -> float:
    """The median of the last steps; the first holds the preparations."""
    return statistics.median(seconds[1:][-COUNTED:])


def equal_steps(scales: Sequence[tuple[int, int]]) -> float:
    """How many steps of the last scale cost as much as all; scales are (steps, pixels).

    Every scale evaluates its first image too, before its first step.
    """
    return sum((steps + 1) * pixels for steps, pixels in scales) / scales[-1][1]


def whole_run(seconds: float, steps: int, step: float, scales: Sequence[tuple[int, int]]) -> float:
    """The seconds of all scales, given those of a short run at the last and of one of its steps."""
    preparations = max(0.0, seconds - (steps + 1) * step)
    return preparations + equal_steps(scales) * step
