"""Following a run step by step: to its end, or to where somebody or something stops it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import final

from gramarye.errors import OptimizationError
from gramarye.optimize import Iterate


@final
@dataclass(frozen=True)
class Run:
    """How a run went: its last iterate, its steps, whether it ended early, and why it failed."""

    last: Iterate
    steps: int
    stopped: bool = False
    failure: OptimizationError | None = None


def follow(
    iterates: Iterator[Iterate],
    stops: Callable[[Iterate, int], bool],
    *,
    before: int = 0,
    abrupt: bool = False,
) -> Run:
    """Take all steps, or those until `stops` says so, which is asked after each but the last.

    It is told the iterate and the number of steps so far, `before` of them taken by an earlier
    process. Where `abrupt`, Ctrl-C in the middle of a step ends the run with the step before it.
    """
    last, steps = None, before
    try:
        for iterate in iterates:
            last, steps = iterate, steps + 1
            at_end = (last.scale + 1, last.step) == (last.scales, last.steps)
            if not at_end and stops(last, steps):
                return Run(last, steps, stopped=True)
            del iterate
    except KeyboardInterrupt:
        if last is None or not abrupt:
            raise
        return Run(last, steps, stopped=True)
    except OptimizationError as error:
        if last is None:
            raise
        return Run(last, steps, stopped=True, failure=error)
    assert last is not None, "a run has at least one step"
    return Run(last, steps)
