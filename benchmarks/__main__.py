"""`python -m benchmarks`: every measure, or one, as a table and as JSON."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.cold_start import cold_start
from benchmarks.compiled import compiled
from benchmarks.end_to_end import end_to_end
from benchmarks.floor import floor
from benchmarks.forecasts import forecasts
from benchmarks.instant import instant
from benchmarks.machine import describe_machine
from benchmarks.memory import memory
from benchmarks.optimizers import optimizers
from benchmarks.overhead import overhead
from benchmarks.plan import FULL, QUICK, Plan
from benchmarks.precision import precision
from benchmarks.results import Result, show
from benchmarks.scaling import scaling
from benchmarks.sizes import sizes
from benchmarks.tiling import tiling
from benchmarks.time_to_quality import time_to_quality
from gramarye.devices import keep_freed_memory

MEASURES: dict[str, Callable[[Plan], Result]] = {
    "cold-start": cold_start,
    "end-to-end": end_to_end,
    "instant": instant,
    "floor": floor,
    "overhead": overhead,
    "precision": precision,
    "compile": compiled,
    "time-to-quality": time_to_quality,
    "tiling": tiling,
    "memory": memory,
    "sizes": sizes,
    "forecast": forecasts,
    "optimizers": lambda plan: optimizers(plan.pixels, (plan.config().optimizer.history,)),
    "scaling": lambda plan: scaling(max(plan.pixels), plan.block, (1, 2)),
}


def main(argv: Sequence[str] | None = None) -> int:
    args = make_parser().parse_args(argv)
    keep_freed_memory()  # as the command does to its own process; both sides of a ratio have it
    report = measure(args.only or list(MEASURES), make_plan(args), quick=args.quick)
    text = json.dumps(report, indent=2, allow_nan=False)
    if args.json:
        args.json.write_text(text + "\n", "utf-8")
    else:
        print(text)
    return 0


def make_plan(args: argparse.Namespace) -> Plan:
    """The plan with what was asked for in its place."""
    plan = QUICK if args.quick else FULL
    return replace(
        plan,
        megapixels=args.sizes or plan.megapixels,
        pixels=args.pixels or plan.pixels,
        settings={**plan.settings, **({"memory": args.memory} if args.memory else {})},
    )


def measure(names: Sequence[str], plan: Plan, *, quick: bool = False) -> dict[str, Any]:
    """Run the measures, print their table and return everything as JSON has it."""
    machine = describe_machine()
    results = {}
    for name in names:
        print(f"measuring {name} ...", end=" ", file=sys.stderr, flush=True)
        start = time.perf_counter()
        results[name] = MEASURES[name](plan)
        print(f"{time.perf_counter() - start:.0f} s", file=sys.stderr)
    width = None if sys.stdout.isatty() else 140  # wide enough that no row of a file wraps
    show(list(results.values()), machine, Console(highlight=False, width=width))
    return {
        "machine": machine,
        "quick": quick,
        "measures": {name: result.to_dict() for name, result in results.items()},
    }


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure what Gramarye costs on this machine; see docs/performance.md.",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="at 128 px, once: shows that the measures work, not what they say",
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=list(MEASURES),
        metavar="NAME",
        help=f"one measure ({', '.join(MEASURES)}); may be given several times",
    )
    parser.add_argument(
        "--sizes",
        type=numbers(float),
        metavar="MP,...",
        help="megapixels for sizes, forecast and memory [0.25,1,4]; 64 and 100 take long",
    )
    parser.add_argument(
        "--pixels",
        type=numbers(int),
        metavar="PX,...",
        help="longest sides for end-to-end, floor, overhead and precision [512,1024]",
    )
    parser.add_argument(
        "--memory", metavar="AMOUNT", help="memory budget of the runs, such as 4GiB [none]"
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write the JSON here, not below the table"
    )
    return parser


def numbers(kind: type[int] | type[float]) -> Callable[[str], tuple[Any, ...]]:
    """Reads numbers with commas between them."""

    def several(text: str) -> tuple[Any, ...]:
        try:
            found = tuple(kind(part) for part in text.split(","))
        except ValueError:
            found = ()
        if not found or min(found) <= 0:
            raise argparse.ArgumentTypeError(f"{text!r} is not what it should be: 1,4,16 is")
        return found

    return several


if __name__ == "__main__":
    sys.exit(main())
