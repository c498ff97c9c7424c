"""What torchrun tells its processes; apart from `launch`, which takes a while to import."""

from __future__ import annotations

import os


def launched() -> bool:
    """Whether torchrun, or something like it, started several processes of which this is one."""
    return {"RANK", "MASTER_ADDR"} <= os.environ.keys() and int(os.environ.get("WORLD_SIZE", 1)) > 1


def local_place() -> tuple[int, int]:
    """Which of the processes on this machine this is, and how many there are here."""
    return int(os.environ.get("LOCAL_RANK", 0)), int(os.environ.get("LOCAL_WORLD_SIZE", 1))


def only_errors() -> None:
    """Let PyTorch's C++ say errors only; to be called before it is imported.

    A process that ends first makes it warn in the others, over pages; what there is to say is said
    by the one that ends.
    """
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
