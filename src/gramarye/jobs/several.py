"""Many pictures, each a job of its own, made in processes side by side."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence, Sized
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import final

import psutil

from gramarye.errors import GramaryeError
from gramarye.jobs.job import Job
from gramarye.threads import core_count

LEAST = 700 << 20  # bytes that a process takes with PyTorch and a small picture


@final
@dataclass(frozen=True)
class Done:
    """What became of one of several jobs."""

    number: int  # of the job
    output: Path | None  # None where there is no picture
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    problem: str | None = None  # why there is none, in a sentence


def processes_for(jobs: Sized, wished: int | None = None, each: int = LEAST) -> int:
    """How many jobs to do at once: as many as there are cores and memory, or as wished.

    `each` is what one takes, in bytes.
    """
    if wished is not None:
        return max(1, min(wished, len(jobs)))
    room = int(psutil.virtual_memory().available // each)
    return max(1, min(core_count(), room, len(jobs)))


def do_all(jobs: Sequence[Job], processes: int) -> Iterator[Done]:
    """Do the jobs, yielding each as it is done; one that fails does not stop the others.

    Leaving the loop ends it: pictures that were begun are lost, those that are done are there.
    """
    if processes == 1:
        for number, job in enumerate(jobs):
            yield do(number, job)
        return
    context = multiprocessing.get_context("spawn")
    threads = max(1, core_count() // processes)
    pool = ProcessPoolExecutor(processes, context, initializer=begin, initargs=(threads,))
    try:
        waiting = {pool.submit(do, number, job): number for number, job in enumerate(jobs)}
        for future in as_completed(waiting):
            try:
                yield future.result()
            except BrokenProcessPool:
                why = "its process was ended from outside, mostly for want of memory"
                yield Done(waiting[future], None, problem=why)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def begin(threads: int) -> None:
    """What a process does before its first job; Ctrl-C is the parent's to hear."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ["OMP_NUM_THREADS"] = str(threads)  # which both runtimes read


def do(number: int, job: Job) -> Done:
    """One of the jobs, from its files to its picture."""
    from gramarye.jobs.at_once import done_at_once

    try:
        report = done_at_once(job)
        if report is None:
            from gramarye.jobs.opening import open_job

            run = open_job(job)
            for _ in run.steps():
                pass
            report = run.finish()
    except GramaryeError as error:
        return Done(number, None, problem=str(error))
    assert report is not None, "there is one process"
    return Done(number, report.output, report.seconds, report.notes)
