"""Stopwatch and command runner."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def gramarye(arguments: Sequence[str], *, own_peak: bool = False) -> str:
    """What `python -m gramarye ...` prints, from a process of its own.

    On Linux a process started by a large one counts that one's memory as its own peak: execve keeps
    the old peak. `own_peak` puts a small shell between the two.
    """
    command = [sys.executable, "-m", "gramarye", *arguments]
    if own_peak and os.name == "posix":
        command = ["/bin/sh", "-c", '"$@" & wait $!', "sh", *command]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    return done.stdout
