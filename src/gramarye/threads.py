"""How many threads there may be, and how they wait for each other; without importing PyTorch."""

from __future__ import annotations

import os

# Turns of GNU OpenMP's loop before a waiting thread sleeps. With more, threads starve each other
# beside another busy program; with none, a run alone takes longer (docs/performance.md).
SPINS = 1000


def share_cores() -> None:
    """Let waiting threads sleep soon, for processors that do something else too.

    To be called before PyTorch is imported; what the user has set stays. Runtimes other than GNU's
    know no number of turns, and let them sleep at once.
    """
    # numpy's own threads, which spin whatever OpenMP is told: its matrices here are small.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
        os.environ.setdefault("GOMP_SPINCOUNT", str(SPINS))


def core_count() -> int:
    """The cores that this process may use, which may be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
