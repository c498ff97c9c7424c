"""The machine and the versions a run was made with: figures mean nothing without them."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path
from typing import Any

import torch

import gramarye


def describe_machine() -> dict[str, Any]:
    return {
        "cpu": cpu_model(),
        "cores": usable_cores(),
        "threads": torch.get_num_threads(),
        "load": load_average(),
        "torch": torch.__version__,
        "python": platform.python_version(),
        "system": platform.system(),
        "gramarye": gramarye.__version__,
    }


def cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*:\s*(.+)", info.read_text()) if info.exists() else None
    return found[1] if found else platform.processor() or platform.machine()


def usable_cores() -> int:
    """The cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def load_average() -> float | None:
    """Processes that wanted a core in the last minute: above 0.5, others were at work too."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
