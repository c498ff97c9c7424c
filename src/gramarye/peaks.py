"""The most memory a process has held."""

from __future__ import annotations

import platform
import re
import sys
from pathlib import Path


def peak_memory() -> float | None:
    """The most memory this process has held so far, in MiB; None where it cannot be known."""
    if sys.platform == "win32":
        import psutil

        return float(psutil.Process().memory_info().peak_wset) / 2**20
    if platform.system() == "Linux":
        # Not getrusage: its maximum is handed down from the process that started this one.
        status = Path("/proc/self/status").read_text("ascii", errors="replace")
        found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
        return int(found[1]) / 2**10 if found else None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10  # bytes there, KiB here
