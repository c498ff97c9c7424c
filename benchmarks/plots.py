"""`python -m benchmarks.plots results.json --out docs/images`: the figures of `sizes` as SVG.

Several results are taken together; where two have the same network and size, the later one counts.
Gray text and mid-tone lines on no background: they are legible on white and on black.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

COLORS = ("#2f81e0", "#d9730d", "#2e9e5b", "#b05cc9")
GRAY = "#777777"
STYLE = {
    "svg.fonttype": "none",  # words stay words: they can be searched, and files stay small
    "svg.hashsalt": "gramarye",  # one result, one file
    "font.sans-serif": "DejaVu Sans",  # the font the layout is measured with
    "text.color": GRAY,
    "axes.edgecolor": GRAY,
    "axes.labelcolor": GRAY,
    "xtick.color": GRAY,
    "ytick.color": GRAY,
    "grid.color": GRAY,
    "grid.alpha": 0.25,
}


@dataclass(frozen=True)
class Point:
    x: float
    y: float
    rough: bool = False  # drawn hollow
    goal: float | None = None  # of y, at most


def line_chart(title: str, x_name: str, note: str, lines: Mapping[str, Sequence[Point]]) -> Figure:
    """Lines by name over logarithmic axes; every goal is a dash in its line's color."""
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.add_subplot(xscale="log", yscale="log", xlabel=x_name)
    axes.set_title(title, loc="left", weight="bold")
    axes.set_title(note, loc="right", size="small")
    for (name, points), color in zip(lines.items(), COLORS, strict=False):
        draw_line(axes, name, sorted(points, key=lambda point: point.x), color)
    sizes = sorted({point.x for points in lines.values() for point in points})
    axes.set_xticks(sizes, [f"{size:g}" for size in sizes])
    axes.xaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter("{x:g}")
    axes.grid()
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    return figure


def draw_line(axes: Axes, name: str, points: Sequence[Point], color: str) -> None:
    axes.plot([p.x for p in points], [p.y for p in points], color=color, label=name)
    for point in points:
        fill = "none" if point.rough else color
        axes.plot(point.x, point.y, "o", color=color, markerfacecolor=fill)
        if point.goal is not None:
            axes.plot(point.x, point.goal, "_", color=color, markersize=16, markeredgewidth=3)
            beside = {"xytext": (-12, -4), "textcoords": "offset points", "ha": "right"}
            axes.annotate("goal", (point.x, point.goal), color=color, **beside)


def size_charts(runs: Sequence[Mapping[str, Any]]) -> dict[str, Figure]:
    """The charts of the `sizes` measure by file name."""
    seconds: dict[str, dict[float, Point]] = {}
    memory: dict[str, dict[float, Point]] = {}
    for run in runs:
        name, x, rough = run["network"], run["megapixels"], not run["full_history"]
        whole = run["goal_seconds"]
        per_step = None if whole is None else whole / run["equal_steps"]
        seconds.setdefault(name, {})[x] = Point(x, run["step_seconds"], rough, per_step)
        memory.setdefault(name, {})[x] = Point(x, run["peak_memory_mib"], rough, run["goal_mib"])
    note = "hollow: few steps" if any(not run["full_history"] for run in runs) else ""

    def chart(title: str, found: Mapping[str, Mapping[float, Point]]) -> Figure:
        lines = {name: list(points.values()) for name, points in found.items()}
        return line_chart(title, "megapixels", note, lines)

    return {
        "seconds-per-step.svg": chart("Seconds per step", seconds),
        "memory.svg": chart("Peak memory, MiB", memory),
    }


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.plots", description="Draw the figures of `sizes` as SVG."
    )
    parser.add_argument("results", type=Path, nargs="+", metavar="JSON", help="of benchmarks")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    args = parser.parse_args(argv)
    reports = [json.loads(path.read_text("utf-8"))["measures"] for path in args.results]
    runs = [
        run for report in reports if "sizes" in report for run in report["sizes"]["details"]["runs"]
    ]
    if not runs:
        parser.error("none of these files has the measure 'sizes'")
    args.out.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context(STYLE):
        for name, figure in size_charts(runs).items():
            figure.savefig(args.out / name, transparent=True, metadata={"Date": None})
            print(args.out / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
