"""Stopwatch and command runner."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def in_turns(works: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """The seconds of each work in each round, taking turns, after one round that is not counted."""
    taken: dict[str, list[float]] = {name: [] for name in works}
    for count in range(rounds + 1):
        for name, work in works.items():
            now = seconds(work)
            if count:
                taken[name].append(now)
    return taken


def median_ratio(over: Sequence[float], under: Sequence[float]) -> float:
    """The median of the rounds' own ratios."""
    return statistics.median(a / b for a, b in zip(over, under, strict=True))


def gramarye(arguments: Sequence[str], *, own_peak: bool = False, module: str = "gramarye") -> str:
    """What `python -m gramarye ...` prints, from a process of its own.

    On Linux a process started by a large one counts that one's memory as its own peak: execve keeps
    the old peak. `own_peak` puts a small shell between the two.
    """
    command = [sys.executable, "-m", module, *arguments]
    if own_peak and os.name == "posix":
        command = ["/bin/sh", "-c", '"$@" & wait $!', "sh", *command]
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    return done.stdout
