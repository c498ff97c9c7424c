"""`make fuzz MINUTES=60`: files and settings that were altered or made up, for as long as wanted.

Each must give a right result or one sentence: never a traceback, a crash, a hang or more memory
than MEMORY. The cases run in processes of their own, of which this one watches the clock; what
fails is kept in `fuzz-findings/`, with the command that repeats it.
"""

from __future__ import annotations

import argparse
import os
import queue
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

from tests.fuzz.targets import TARGETS

BATCH = 40  # cases of a process: what one leaves behind must not fail another
SLOWEST = 60.0  # seconds of processor time one case may take
LONGEST = 600.0  # seconds on the clock: it waits for something that never comes
FINDINGS = Path("fuzz-findings")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60, help="how long [60]")
    parser.add_argument("--seed", type=int, help="the first seed; else a new one")
    parser.add_argument("--target", choices=sorted(TARGETS), action="append", help="only this")
    options = parser.parse_args()
    end = time.monotonic() + 60 * options.minutes
    seed = random.SystemRandom().randrange(10**9) if options.seed is None else options.seed
    targets = options.target or sorted(TARGETS)
    counts, findings = dict.fromkeys(targets, 0), 0
    while time.monotonic() < end:
        for target in targets:
            done, failure = run_batch(target, seed, end)
            counts[target] += done
            if failure:
                findings += 1
                print(f"{target}, seed {seed}: {failure}", flush=True)
            if time.monotonic() >= end:
                break
        seed += 1
    cases = ", ".join(f"{count} {target}" for target, count in counts.items())
    print(f"{sum(counts.values())} cases ({cases}), {findings} findings")
    return 1 if findings or not all(counts.values()) else 0


def run_batch(target: str, seed: int, end: float) -> tuple[int, str]:
    """How many cases of a batch were run, and what failed."""
    command = [sys.executable, "-m", "tests.fuzz.worker", target, str(seed), str(BATCH)]
    with tempfile.TemporaryDirectory(prefix="gramarye-fuzz-") as folder:
        process = subprocess.Popen(
            command, env={**os.environ, "FUZZ_FOLDER": folder, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        )  # fmt: skip
        lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=read_lines, args=(process, lines), daemon=True).start()
        told: list[str] = []
        done, failure = 0, ""
        while True:
            try:
                line = answer(process, lines)
            except queue.Empty:
                failure = f"no answer after {SLOWEST:.0f} s of computing, or {LONGEST:.0f} s in all"
                break
            if line is None:
                code = process.wait()
                failure = "" if code == 0 else f"exit {code}: " + " ".join(told[-12:])[-3000:]
                break
            if line.startswith("DONE"):
                done += 1
                if time.monotonic() >= end:
                    break
            told.append(line.rstrip())
        process.kill()
        process.wait()
        if failure:
            kept = FINDINGS / f"{target}-{seed}"
            shutil.copytree(folder, kept, dirs_exist_ok=True, ignore_dangling_symlinks=True)
            again = f"{' '.join(command[1:])}\n{failure}\n"
            (kept / "again.txt").write_text(again, encoding="utf-8")
        return done, failure


def answer(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> str | None:
    """The next line; queue.Empty if the process has worked too long on it, or has gone to sleep."""
    start, begun = time.monotonic(), worked(process)
    while True:
        try:
            return lines.get(timeout=1)
        except queue.Empty:
            if worked(process) - begun > SLOWEST or time.monotonic() - start > LONGEST:
                raise


def worked(process: subprocess.Popen[str]) -> float:
    """Seconds of processor time: on a busy machine, an hour on the clock proves nothing."""
    try:
        times = psutil.Process(process.pid).cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system)


def read_lines(process: subprocess.Popen[str], lines: queue.Queue[str | None]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        lines.put(line)
    lines.put(None)


if __name__ == "__main__":
    sys.exit(main())
