"""Runs that stop by themselves, for tests of what goes on from there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gramarye.jobs.running import JobRun
from gramarye.optimize import Iterate


def stop_after(patch: pytest.MonkeyPatch, step: int) -> None:
    """Make runs stop after so many steps."""
    counted = JobRun.counted

    def stopping(run: JobRun, iterates: Iterator[Iterate]) -> Iterator[Iterate]:
        for iterate in counted(run, iterates):
            if run.count == step:
                run.stop()
            yield iterate

    patch.setattr(JobRun, "counted", stopping)
