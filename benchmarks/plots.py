"""`python -m benchmarks.plots results.json --out docs/images`: the figures of `sizes` as SVG.

Several results are taken together; where two have the same network and size, the later one counts.
Gray text and mid-tone lines on no background: they are legible on white and on black.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 640, 400
LEFT, RIGHT, TOP, BOTTOM = 64, 540, 40, 350  # of the plot itself; names stand right of it
COLORS = ("#2f81e0", "#d9730d", "#2e9e5b", "#b05cc9")
GRAY = "#777777"
FONT = "font-family='system-ui, sans-serif' font-size='13'"


@dataclass(frozen=True)
class Point:
    x: float
    y: float
    rough: bool = False  # drawn hollow
    goal: float | None = None  # of y, at most


def line_chart(title: str, x_name: str, note: str, lines: Mapping[str, Sequence[Point]]) -> str:
    """Lines by name over logarithmic axes; every goal is a dash in its line's color."""
    points = [point for line in lines.values() for point in line]
    xs, ys = sorted({p.x for p in points}), [p.y for p in points]
    ys += [p.goal for p in points if p.goal is not None]
    x0, x1 = xs[0] / 1.2, xs[-1] * 1.2
    y0, y1 = min(ys) / 1.3, max(ys) * 1.3

    def x_at(x: float) -> float:
        return LEFT + (RIGHT - LEFT) * math.log(x / x0) / math.log(x1 / x0)

    def y_at(y: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * math.log(y / y0) / math.log(y1 / y0)

    parts = [text(LEFT, TOP - 16, title, weight="bold"), text(RIGHT, TOP - 16, note, "end")]
    parts.append(text((LEFT + RIGHT) / 2, HEIGHT - 10, x_name, "middle"))
    for x in xs:
        parts.append(rule(x_at(x), TOP, x_at(x), BOTTOM, GRAY, 0.25))
        parts.append(text(x_at(x), BOTTOM + 18, f"{x:g}", "middle"))
    for y in ticks(y0, y1):
        parts.append(rule(LEFT, y_at(y), RIGHT, y_at(y), GRAY, 0.25))
        parts.append(text(LEFT - 8, y_at(y) + 4, f"{y:g}", "end"))
    for line, color in zip(lines.values(), COLORS, strict=False):
        line = sorted(line, key=lambda p: p.x)
        path = " ".join(f"{x_at(p.x):.1f},{y_at(p.y):.1f}" for p in line)
        parts.append(f"<polyline points='{path}' fill='none' stroke='{color}' stroke-width='2'/>")
        for p in line:
            fill = "none" if p.rough else color
            at = f"cx='{x_at(p.x):.1f}' cy='{y_at(p.y):.1f}'"
            parts.append(f"<circle {at} r='4' fill='{fill}' stroke='{color}' stroke-width='2'/>")
            if p.goal is not None:
                x, y = x_at(p.x), y_at(p.goal)
                parts.append(rule(x - 12, y, x + 12, y, color, 1, width=3))
                parts.append(text(x - 16, y + 4, "goal", "end", color))
    ends = [y_at(max(line, key=lambda p: p.x).y) for line in lines.values()]
    for name, y, color in zip(lines, apart(ends), COLORS, strict=False):
        parts.append(text(RIGHT + 10, y + 4, name, color=color, weight="bold"))
    inside = "\n".join(parts)
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' "
        f"width='{WIDTH}' height='{HEIGHT}' role='img' {FONT}>\n"
        f"<title>{escape(title)}</title>\n{inside}\n</svg>\n"
    )


def apart(heights: Sequence[float], least: float = 16) -> list[float]:
    """The heights, moved down where a line of text would lie on another."""
    moved, below = list(heights), -math.inf
    for i in sorted(range(len(moved)), key=lambda i: moved[i]):
        moved[i] = below = max(moved[i], below + least)
    return moved


def ticks(low: float, high: float) -> list[float]:
    """Round numbers from low to high: 1, 2, 5, 10, ..., or the powers of ten where these crowd."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found = [d * 10.0**p for p in powers for d in (1, 2, 5) if low <= d * 10.0**p <= high]
    tens = [y for y in found if math.log10(y).is_integer()]
    return tens if len(found) > 8 and len(tens) > 1 else found


def text(
    x: float, y: float, words: str, anchor: str = "start", color: str = GRAY, weight: str = "normal"
) -> str:
    style = f"fill='{color}' text-anchor='{anchor}' font-weight='{weight}'"
    return f"<text x='{x:.1f}' y='{y:.1f}' {style}>{escape(words)}</text>"


def rule(
    x0: float, y0: float, x1: float, y1: float, color: str, opacity: float, width: float = 1
) -> str:
    ends = f"x1='{x0:.1f}' y1='{y0:.1f}' x2='{x1:.1f}' y2='{y1:.1f}'"
    return f"<line {ends} stroke='{color}' stroke-opacity='{opacity}' stroke-width='{width}'/>"


def size_charts(runs: Sequence[Mapping[str, Any]]) -> dict[str, str]:
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

    def chart(title: str, found: Mapping[str, Mapping[float, Point]]) -> str:
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
    for name, svg in size_charts(runs).items():
        (args.out / name).write_text(svg, "utf-8")
        print(args.out / name)
    return 0


if __name__ == "__main__":
    sys.exit(main())
