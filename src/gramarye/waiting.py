"""Processes without a share of a scale wait for the others, from step to step."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from torch import Tensor

from gramarye.distributed.bands import Band
from gramarye.distributed.processes import Processes
from gramarye.errors import OptimizationError
from gramarye.optimize import Iterate
from gramarye.optimizers.snapshot import Snapshot


def in_step(iterates: Iterator[Iterate], band: Band, processes: Processes) -> Iterator[Iterate]:
    """The same iterates; the processes without a share are told of each of them."""
    if band.team.size == processes.size:
        yield from iterates
        return
    try:
        for iterate in iterates:
            processes.largest(0, iterate.step, iterate.steps)
            yield iterate
            del iterate
    except OptimizationError:
        processes.largest(1, 0, 0)
        raise


def waiting_iterates(no_rows: Tensor, processes: Processes) -> Iterator[Iterate]:
    """An iterate without losses for every step of the others."""
    step, steps = 0, -1
    while step != steps:
        failed, step, steps = processes.largest(0, 0, 0)
        if failed:
            raise OptimizationError("the run diverged")
        snapshot = partial(Snapshot, step, {"image": no_rows}, {"last": step == steps})
        yield Iterate(step, steps, {}, no_rows, snapshot=snapshot)
