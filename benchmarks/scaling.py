"""`python -m benchmarks.scaling`: seconds per step against the number of processes.

The machine's cores are shared out: with two processes on two cores each computes in one thread, so
that what is compared is one process in all threads with several in some of them. That says what
bands cost (margins done twice, waiting, messages), not what further machines gain.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import nullcontext
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from benchmarks.machine import describe_machine
from benchmarks.plan import load_pair
from benchmarks.results import Figure, Result, show
from gramarye.config import make_config
from gramarye.devices import keep_freed_memory
from gramarye.distributed.environment import launched
from gramarye.distributed.launch import joined
from gramarye.distributed.processes import ALONE
from gramarye.inputs.inputs import Input, Inputs
from gramarye.peaks import peak_memory
from gramarye.plan import make_plan, run_network
from gramarye.scales.rows import length
from gramarye.stylize import steps as stylize_steps

ANY = 1 << 60  # bytes: nothing is given up for memory
WARM = 2  # steps before the clock starts: the first has no history and takes its memory anew


def main(argv: Sequence[str] | None = None) -> int:
    args = make_parser().parse_args(argv)
    if args.worker:
        measure(args.size, args.steps, args.worker)
        return 0
    result = scaling(args.size, args.steps, args.processes)
    show([result], describe_machine(), Console(highlight=False))
    if args.json:
        args.json.write_text(json.dumps(result.to_dict(), indent=2) + "\n", "utf-8")
    return 0


def scaling(size: int, steps: int, counts: Sequence[int]) -> Result:
    """One scale of that size, on each number of processes."""
    with tempfile.TemporaryDirectory() as folder:
        found = {count: launch(count, size, steps, Path(folder)) for count in counts}
    first = found[counts[0]]
    figures = []
    for count, here in found.items():
        rows = f"{here['owned']} rows of {here['height']}, {here['seen']} seen"
        figures.append(Figure(f"seconds per step, {count} processes", here["step"], "s", note=rows))
        figures.append(
            Figure(f"time of {counts[0]} over that of {count}", first["step"] / here["step"])
        )
        figures.append(Figure(f"peak of the first of {count}", here["peak"], "MiB"))
    return Result("scaling", tuple(figures), {str(count): here for count, here in found.items()})


def launch(count: int, size: int, steps: int, folder: Path) -> dict[str, Any]:
    """What the first of `count` processes measures."""
    out = folder / f"{count}.json"
    command = [sys.executable]
    if count > 1:
        command += ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
    command += ["-m", "benchmarks.scaling", "--worker", str(out)]
    command += ["--size", str(size), "--steps", str(steps)]
    threads = max(1, (os.cpu_count() or 1) // count)
    environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    found: dict[str, Any] = json.loads(out.read_text("utf-8"))
    return found


def measure(size: int, steps: int, out: Path) -> None:
    """Run one scale as one of the processes; the first writes what a step took."""
    keep_freed_memory()
    cpu = torch.device("cpu")
    with joined(cpu) if launched() else nullcontext(ALONE) as processes:
        config = make_config(size=size, device="cpu", coarse_to_fine=False, steps=WARM + steps)
        content, style = load_pair(("landscape", "woodblock"))
        inputs = Inputs({"content": Input.of(content), "style/0": Input.of(style)})
        network = run_network(config, cpu)
        plan = make_plan(config, network, inputs.sizes, cpu, memory=ANY, processes=processes)
        (bands,) = (scale.bands for scale in plan.scales)
        iterates = stylize_steps(plan, inputs, network, processes=processes)
        times = [time.perf_counter() for _ in iterates]
        taken = [after - before for before, after in pairwise(times)]
        if processes.rank == 0:
            found = {
                "step": statistics.median(taken[WARM - 1 :]),
                "steps": taken,
                "height": bands.height,
                "width": bands.width,
                "processes": bands.count,
                "owned": length(bands.owned[0]),
                "seen": length(bands.windows[0]),
                "threads": torch.get_num_threads(),
                "peak": peak_memory(),
            }
            out.write_text(json.dumps(found), "utf-8")


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scaling",
        description="Measure a step on one and on several processes; see docs/scaling.md.",
    )
    parser.add_argument("--size", type=int, default=1024, metavar="N", help="longest side [1024]")
    parser.add_argument("--steps", type=int, default=10, metavar="N", help="steps timed [10]")
    parser.add_argument(
        "--processes", type=int, nargs="+", default=[1, 2], metavar="N", help="[1 2]"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write everything here")
    parser.add_argument("--worker", type=Path, metavar="FILE", help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
