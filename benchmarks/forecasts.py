"""Forecast against truth: `gramarye forecast --json`, and then the run itself, with `default`."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.plan import Pair, Plan, size_of, write_jpeg
from benchmarks.results import Figure, Result
from benchmarks.timing import gramarye

GOAL = 0.25  # of the truth, either way
FROM = 1.0  # megapixels; below, a run is over before a forecast is worth reading


def forecasts(plan: Plan) -> Result:
    figures, runs = [], []
    for megapixels in plan.megapixels:
        run = told_and_true(plan.pairs[0], megapixels, plan)
        runs.append(run)
        for what, unit in (("seconds", "s"), ("memory", "MiB")):
            told, true = run["forecast"][what], run["truth"][what]
            figures.append(
                Figure(
                    f"{megapixels:g} MP: {what} off by",
                    abs(told / true - 1),
                    goal=GOAL if megapixels >= FROM else None,
                    note=f"forecast {told:.0f} {unit}, truth {true:.0f} {unit}",
                )
            )
    return Result("forecast", tuple(figures), {"runs": runs})


def told_and_true(pair: Pair, megapixels: float, plan: Plan) -> dict[str, Any]:
    options = plan.at(max(size_of(pair[0], megapixels))).options()
    with TemporaryDirectory() as folder:
        pictures = [str(write_jpeg(name, size_of(name, megapixels), Path(folder))) for name in pair]
        told = json.loads(gramarye(["forecast", *pictures, "--json", *options], own_peak=True))
        out = str(Path(folder) / "out.jpg")
        true = json.loads(
            gramarye(
                ["stylize", *pictures, "--out", out, "--json", "--quiet", *options], own_peak=True
            )
        )
    return {
        "megapixels": megapixels,
        "forecast": {"seconds": told["seconds"], "memory": told["memory_mib"]},
        "truth": {"seconds": true["seconds"], "memory": true["peak_memory_mib"]},
        "scales": told["scales"],
    }
