"""Memory: the peak of `gramarye stylize` against the megapixels of its result."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.plan import Pair, Plan, size_of, write_jpeg
from benchmarks.results import Figure, Result
from benchmarks.timing import gramarye


def memory(plan: Plan) -> Result:
    points = [run(plan.pairs[0], megapixels, plan) for megapixels in plan.megapixels]
    figures = [
        Figure(f"peak at {megapixels:g} MP", point["peak_memory_mib"], "MiB")
        for megapixels, point in zip(plan.megapixels, points, strict=True)
    ]
    return Result("memory", (*figures, *slope(points)), {"runs": points})


def slope(points: Sequence[Mapping[str, float]]) -> list[Figure]:
    """What one more megapixel takes, by least squares; nothing where there is one point only."""
    if len(points) < 2:
        return []
    sizes, peaks = ([p[key] for p in points] for key in ("megapixels", "peak_memory_mib"))
    rise, base = statistics.linear_regression(sizes, peaks)
    note = f"least squares: {base:.0f} MiB + {rise:.0f} MiB/MP"
    return [Figure("per megapixel", rise, "MiB/MP", note=note)]


def run(pair: Pair, megapixels: float, plan: Plan) -> dict[str, Any]:
    """One short stylization whose content, style and result all have this many megapixels."""
    # Two pictures per remembered step: the peak is there once L-BFGS's memory is full.
    steps = {"steps": 2, "finer_steps": plan.config().optimizer.history + 2, "step_decay": 1}
    short = plan.at(max(size_of(pair[0], megapixels)), **steps)
    with TemporaryDirectory() as folder:
        content, style = (
            str(write_jpeg(name, size_of(name, megapixels), Path(folder))) for name in pair
        )
        out = str(Path(folder) / "out.jpg")
        arguments = ["--out", out, "--json", "--quiet", *short.options()]
        report = json.loads(gramarye(["stylize", content, style, *arguments], own_peak=True))
    pixels = report["width"] * report["height"]
    return {"megapixels": pixels / 1e6, "peak_memory_mib": report["peak_memory_mib"]}
