"""End to end: `default` through the command, from process start to file, and its peak memory.

Content and style are as large as the result. Small ones are made several times.
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.plan import Pair, Plan, size_along, write_jpeg
from benchmarks.results import Figure, Result
from benchmarks.timing import gramarye, seconds

SECONDS = {512: 12.0, 1024: 45.0, 4096: 8 * 60.0}  # the goals
MEMORY = {4096: 4 * 1024.0}  # MiB
ONCE_FROM = 2048  # pixels


def end_to_end(plan: Plan) -> Result:
    figures, details = [], {}
    for size in plan.pixels:
        repeats = plan.repeats if size < ONCE_FROM else 1
        runs = [run(plan.pairs[i % len(plan.pairs)], size, plan) for i in range(repeats)]
        details[f"{size} px"] = runs
        figures += [
            Figure(
                f"{size} px: process start to file",
                statistics.median(run["wall_seconds"] for run in runs),
                "s",
                goal=SECONDS.get(size),
                note=f"median of {repeats}" if repeats > 1 else "once",
            ),
            Figure(
                f"{size} px: peak",
                max(run["peak_memory_mib"] for run in runs),
                "MiB",
                goal=MEMORY.get(size),
            ),
        ]
    return Result("end to end", tuple(figures), details)


def run(pair: Pair, size: int, plan: Plan) -> dict[str, Any]:
    printed: list[str] = []
    with TemporaryDirectory() as folder:
        pictures = [str(write_jpeg(name, size_along(name, size), Path(folder))) for name in pair]
        out = Path(folder) / "out.jpg"
        arguments = ["--out", str(out), "--json", "--quiet", *plan.at(size).options()]
        wall = seconds(
            lambda: printed.append(gramarye(["stylize", *pictures, *arguments], own_peak=True))
        )
        assert out.exists()
    report = json.loads(printed[0])
    return {
        "wall_seconds": wall,
        "peak_memory_mib": report["peak_memory_mib"],
        "width": report["width"],
        "height": report["height"],
    }
