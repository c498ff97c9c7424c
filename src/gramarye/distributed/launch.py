"""Joining the processes that torchrun started, and leaving them again.

On the CPU they talk through gloo. On GPUs tensors there go through NCCL, one device per process,
and everything on the CPU through gloo. The NCCL path could not be tested: no machine with two GPUs
was at hand.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous

from gramarye.devices import choose_device
from gramarye.distributed.environment import local_place
from gramarye.distributed.processes import Processes, connected
from gramarye.errors import DeviceError, ProcessError

# The longest that one process may wait for another. Coarse scales are run by a few processes while
# the others wait from step to step; that one has died is noticed at once, without this.
PATIENCE = timedelta(hours=6)
REPORTED = "reported"  # how often a process has reported what went wrong
REPORT_WAIT = 3.0  # seconds in which a process that failed first does so


def process_device(name: str) -> torch.device:
    """The device of this process: the CPU, or the GPU of its place on the machine."""
    device = choose_device(name)
    if device.type == "cpu":
        return device
    if device.type != "cuda" or ":" in name:
        raise DeviceError(
            f"device {name!r} cannot be shared by several processes: choose cpu, or cuda with a "
            "GPU for each of them"
        )
    place, count = local_place()
    if count > torch.cuda.device_count():
        raise DeviceError(
            f"there are {count} processes on this machine and {torch.cuda.device_count()} GPUs: "
            "start one process per GPU (torchrun --nproc-per-node gpu), or choose --device cpu"
        )
    return torch.device("cuda", place)


@contextmanager
def joined(device: torch.device) -> Iterator[Processes]:
    """Within, the processes can talk to each other.

    Of several that fail, the first tells why, and the others leave with its exit code 1.
    """
    on_gpu = device.type == "cuda"
    if on_gpu:
        torch.cuda.set_device(device)
    with connected():
        store, rank, size = next(iter(rendezvous("env://")))
        dist.init_process_group(
            "cpu:gloo,cuda:nccl" if on_gpu else "gloo",
            store=PrefixStore("gramarye", store),
            rank=rank,
            world_size=size,
            timeout=PATIENCE,
            device_id=device if on_gpu else None,
        )
    try:
        yield Processes(rank, size)
    except (Exception, KeyboardInterrupt) as error:
        if is_reported(store, wait=isinstance(error, ProcessError)):
            raise SystemExit(1) from error
        error.add_note(f"process {rank} of {size}")  # `cli.main` then prints it, whatever the rank
        raise
    finally:
        dist.destroy_process_group()


def is_reported(store: Store, *, wait: bool) -> bool:
    """Whether another process tells what went wrong; if not, this one now does.

    Who only lost the connection waits a little for the one that knows more.
    """
    end = time.monotonic() + (REPORT_WAIT if wait else 0)
    try:
        while time.monotonic() < end:
            if store.add(REPORTED, 0) > 0:
                return True
            time.sleep(0.05)
        return bool(store.add(REPORTED, 1) > 1)
    except RuntimeError:  # the store was the first process's, and is gone with it
        return True
