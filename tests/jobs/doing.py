"""Doing a job, or a part of it."""

from collections.abc import Callable

from gramarye.jobs.job import Job, Report
from gramarye.jobs.opening import open_job
from gramarye.jobs.running import JobRun

MakeJob = Callable[..., Job]


def do(job: Job, stop_after: int | None = None) -> Report:
    """Do a job, or the first steps of it."""
    run = open_job(job)
    go(run, stop_after)
    report = run.finish()
    assert report is not None
    return report


def go(run: JobRun, stop_after: int | None = None) -> list[str]:
    """Take a run's steps; what a user should know of them."""
    notes: list[str] = []
    for iterate in run.steps():
        notes += iterate.notes
        if run.count == stop_after:
            run.stop()
    return notes
