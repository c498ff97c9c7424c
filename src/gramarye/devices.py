"""The device: choosing it once, describing it, and what the run took of it."""

from __future__ import annotations

import os
import platform
import re
import sys
from pathlib import Path

import torch

from gramarye.errors import DeviceError

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


def choose_device(name: str = "auto") -> torch.device:
    """The device of that name; "auto" is the accelerator PyTorch finds, else the CPU."""
    here = available_kinds()
    if name == "auto":
        return torch.device(here[0])
    kind, colon, index = name.partition(":")
    if kind not in here:
        raise DeviceError(
            f"device {name!r} is not here: this machine and this PyTorch have "
            f"{', '.join(here)}; 'auto' takes the best of them"
        )
    last = torch.accelerator.device_count() - 1 if kind != "cpu" else 0
    if colon and (not re.fullmatch("[0-9]{1,4}", index) or int(index) > last):
        raise DeviceError(f"device {name!r} is not here: there are {kind}:0 to {kind}:{last}")
    return torch.device(name if kind != "cpu" else "cpu")


def available_kinds() -> tuple[str, ...]:
    """The kinds of device there are, the fastest first; the CPU is always one."""
    if not torch.accelerator.is_available():
        return ("cpu",)
    accelerator = torch.accelerator.current_accelerator()
    return ("cpu",) if accelerator is None else (accelerator.type, "cpu")


def describe_device(device: torch.device) -> str:
    """What a person would call it: `cuda (NVIDIA H200, 139 GiB)`."""
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        return f"{device} ({properties.name}, {properties.total_memory / 2**30:.0f} GiB)"
    if device.type == "cpu":
        threads = torch.get_num_threads()
        return f"cpu ({platform.machine()}, {os.cpu_count()} cores, {threads} threads in use)"
    return str(device)


def keep_freed_memory(below: int = 1 << 30) -> None:
    """Let this process keep the memory it frees instead of giving it back to the system (glibc).

    Only pieces of fewer than `below` bytes are kept. In tiled runs that should be an image: images
    that lie between the tiles' tensors leave holes when they go, a few images in all.

    Every step frees and takes the same few hundred MiB; getting them anew means that the system
    clears each page again, up to half of the time (docs/performance.md).
    A command may do this to its process; the library never does.
    """
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, min(below, 1 << 30))
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def free_memory(device: torch.device) -> int:
    """The bytes of memory that are free now on the device, or that its limits leave us."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    import psutil

    free = int(psutil.virtual_memory().available)
    limit, used = control_group("memory.max"), control_group("memory.current")
    return free if limit is None or used is None else max(0, min(free, limit - used))


def is_out_of_memory(error: Exception) -> bool:
    # PyTorch raises a plain RuntimeError where the CPU has no memory left.
    text = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in text or "can't allocate" in text


def release_memory(device: torch.device) -> None:
    """Give memory that is free but kept for later back to the device, or to the system."""
    if device.type != "cpu":
        torch.accelerator.memory.empty_cache()
    elif sys.platform.startswith("linux"):
        import ctypes

        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's
        if trim is not None:
            trim(0)


def resident_memory() -> int:
    """The bytes of memory this process holds now."""
    import psutil

    return int(psutil.Process().memory_info().rss)


def control_group(name: str) -> int | None:
    """A number of this process's Linux control group (version 2); None where there is none."""
    file = Path("/sys/fs/cgroup") / name
    text = file.read_text("ascii").strip() if file.is_file() else ""
    return int(text) if text.isdigit() else None
