"""`python -m benchmarks.optimizers`: our L-BFGS beside torch's, in time, memory and result.

Both move the same image down the same valley, whose own cost is taken off. No limit on the step, so
that both take the same steps. Time is the processor's, on one thread: waiting for a disk is left
out, and so is waiting for a core where others are at work.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import multiprocessing
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from rich.console import Console
from torch import Tensor

from benchmarks.machine import describe_machine
from benchmarks.results import Figure, Result, show
from gramarye.devices import keep_freed_memory
from gramarye.objective import Evaluation
from gramarye.optimizers.history import PairStorage
from gramarye.optimizers.lbfgs import LBFGS

MEASURED = 9  # steps with a full history; the quickest counts, as others may be at work too
TORCH = "torch.optim.LBFGS"
WAYS = (TORCH, "float32", "bfloat16", "float32 on disk", "bfloat16 on disk")


def optimizers(sizes: Sequence[int] = (512, 2048), histories: Sequence[int] = (10, 100)) -> Result:
    figures, details = [], {}
    for size in sizes:
        for history in histories:
            for way in WAYS:
                name = f"{size} px, history {history}, {way}"
                run = apart(way, size, history)
                details[name] = run
                figures += [
                    Figure(f"{name}: step", 1e3 * run["seconds"], "ms"),
                    Figure(f"{name}: memory", run["mib"], "MiB"),
                    Figure(f"{name}: loss", run["loss"]),
                ]
    return Result("optimizers", tuple(figures), details)


def apart(way: str, size: int, history: int) -> dict[str, float]:
    """`measure` in a process of its own, whose memory nothing else has touched."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(measure, (way, size, history))


def measure(way: str, size: int, history: int) -> dict[str, float]:
    """Processor seconds of a step with a full history, MiB beyond the image, and the last loss."""
    torch.set_num_threads(1)
    keep_freed_memory()
    image = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    valley = make_valley(image)
    valley(image)
    gc.collect()
    before, resident = resident_mib(), []
    with TemporaryDirectory() as folder:
        step = torch_step(image, history) if way == TORCH else our_step(image, history, way, folder)
        seconds = []
        for _ in range(history + 1 + MEASURED):
            spent = 0.0

            def timed(x: Tensor) -> Evaluation:
                nonlocal spent
                start = time.process_time()
                evaluation = valley(x)
                spent += time.process_time() - start
                return evaluation

            start = time.process_time()
            now = step(timed)
            seconds.append(time.process_time() - start - spent)
            resident.append(resident_mib())
        return {
            "seconds": min(seconds[-MEASURED:]),
            "mib": max(resident) - before,
            "loss": float(valley(now).total),
        }


def make_valley(image: Tensor) -> Callable[[Tensor], Evaluation]:
    """A curved valley in closed form, as cheap as a gradient can be.

    A sum, not a mean, and with no end in sight: torch forgets all pairs of less than 1e-10.
    """
    stiffness = torch.logspace(-4, 2, image.numel()).view_as(image)

    def evaluate(x: Tensor) -> Evaluation:
        off = x - 0.7
        gradient = stiffness * (off + off**3)
        total = (stiffness * (off.square() / 2 + off.square().square() / 4)).sum((1, 2, 3))
        return Evaluation({"valley": total}, total, gradient)

    return evaluate


Step = Callable[[Callable[[Tensor], Evaluation]], Tensor]


def torch_step(image: Tensor, history: int) -> Step:
    image = image.clone()
    optimizer = torch.optim.LBFGS(
        [image], lr=1, max_iter=1, history_size=history, tolerance_grad=0, tolerance_change=0
    )

    def step(evaluate: Callable[[Tensor], Evaluation]) -> Tensor:
        def closure() -> Tensor:
            evaluation = evaluate(image)
            image.grad = evaluation.gradient
            return evaluation.total

        optimizer.step(closure)
        return image

    return step


def our_step(image: Tensor, history: int, way: str, folder: str) -> Step:
    precision, _, place = way.partition(" on ")
    storage = PairStorage(precision == "bfloat16", folder if place else None)
    optimizer = LBFGS(rate=1.0, history=history, limit=math.inf, storage=storage)

    def step(evaluate: Callable[[Tensor], Evaluation]) -> Tensor:
        nonlocal image
        image = optimizer.move(image, evaluate(image))
        return image

    return step


def resident_mib() -> float:
    """What this process holds now (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.optimizers", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 2048], metavar="PX")
    parser.add_argument("--histories", type=int, nargs="+", default=[10, 100], metavar="PAIRS")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here too")
    args = parser.parse_args(argv)
    machine = describe_machine()
    result = optimizers(args.sizes, args.histories)
    show([result], machine, Console(highlight=False, width=None if sys.stdout.isatty() else 140))
    if args.json:
        report = {"machine": machine, "measures": {result.name: result.to_dict()}}
        args.json.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
