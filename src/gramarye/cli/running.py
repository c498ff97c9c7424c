"""Doing a job on a terminal: progress and notes on standard error, Ctrl-C as a request to end."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from rich.console import Console

from gramarye.cli.interrupts import stop_politely
from gramarye.cli.networks import fetch_with_progress
from gramarye.cli.progress import show_progress
from gramarye.devices import keep_freed_memory
from gramarye.distributed.environment import launched
from gramarye.distributed.launch import joined, process_device
from gramarye.distributed.processes import ALONE, Processes
from gramarye.errors import SettingsError
from gramarye.forecast import Forecast, describe, forecast, is_long
from gramarye.jobs.job import Job, Report
from gramarye.jobs.opening import open_job
from gramarye.jobs.running import JobRun
from gramarye.optimize import Iterate

LEAST_KEPT = 64 << 20  # bytes of the pieces that a painter's steps take and give back at least


def run_job(job: Job, *, quiet: bool = False, shared: bool = False) -> Report | None:
    """Make the picture, together with others if torchrun started several processes.

    The first of them gets the report. Only commands that are `shared` may run on several.
    """
    keep_freed_memory()
    if not launched():
        return run_on(ALONE, job, quiet=quiet)
    if not shared:
        raise SettingsError(
            "only 'gramarye stylize', 'sketch', 'texture' and 'resume' share a picture among "
            "processes: leave torchrun out"
        )
    with joined(process_device(job.config.machine.device)) as processes:
        return run_on(processes, job, quiet=quiet)


def check_job(job: Job, *, quiet: bool = False) -> None:
    """Raise what doing the job would raise before its first step."""
    open_job(job, fetch=partial(fetch_with_progress, quiet=quiet))


def run_on(processes: Processes, job: Job, *, quiet: bool) -> Report | None:
    console = Console(stderr=True, highlight=False)
    shown = processes.rank == 0 and not quiet
    run = open_job(job, processes=processes, fetch=partial(fetch_with_progress, quiet=not shown))
    if processes.size == 1 and run.plan.first_tiled is not None:
        keep_freed_memory(below=run.plan.first_tiled.bytes)
    if run.plan.config.painter.is_on:  # its tiles are smaller than the picture
        height, width = run.plan.size
        keep_freed_memory(below=max(LEAST_KEPT, 3 * 4 * height * width))
    expected = announce(run, console) if shown else None
    iterates = run.steps()
    if shown:
        steps = None if expected is None else [part.step for part in expected.scales]
        iterates = show_progress(iterates, run.plan, console, steps)
    else:
        iterates = print_notes(iterates, console)
    with stop_politely(run.stop) as interrupts:
        try:
            for _ in iterates:
                pass
            interrupts.saving = True
        except KeyboardInterrupt:
            if run.last is None or processes.size > 1:
                raise
            interrupts.saving = True
        return run.finish()


def announce(run: JobRun, console: Console) -> Forecast | None:
    """Say what a long run will take, or who shares it, before it begins."""
    processes, last = run.processes, run.plan.scales[-1]
    if processes.size > 1:
        message = f"{processes.size} processes, {last.bands.count} of them at the last scale"
        console.print(message, markup=False, soft_wrap=True)
        return None
    # A forecast is of an optimizer's steps.
    if run.plan.config.painter.is_on or not is_long([part.scale for part in run.plan.scales]):
        return None
    expected = forecast(run.plan, run.network)
    console.print(describe(expected, run.plan.history), markup=False, soft_wrap=True)
    return expected


def print_notes(iterates: Iterator[Iterate], console: Console) -> Iterator[Iterate]:
    """The same iterates; what a user should know is printed all the same."""
    for iterate in iterates:
        for note in iterate.notes:
            console.print(f"note: {note}", markup=False, soft_wrap=True)
        yield iterate
        del iterate
