"""Runs that stop by themselves, for tests of what goes on from there."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from gramarye.jobs.running import JobRun
from gramarye.optimize import Iterate


def stop_after(patch: pytest.MonkeyPatch, step: int, *, run_number: int | None = None) -> None:
    """Make runs stop after so many steps: all, or the one of that number, from 1."""
    counted = JobRun.counted
    numbers = itertools.count(1)

    def stopping(run: JobRun, iterates: Iterator[Iterate]) -> Iterator[Iterate]:
        number = next(numbers)
        for iterate in counted(run, iterates):
            if run.count == step and run_number in (None, number):
                run.stop()
            yield iterate

    patch.setattr(JobRun, "counted", stopping)
