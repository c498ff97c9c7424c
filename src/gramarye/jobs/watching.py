"""What a user sees of a run while it goes on: progress, previews, every so many steps a picture."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from gramarye.errors import OutputError
from gramarye.jobs.job import Job
from gramarye.memory.forecast import Forecast
from gramarye.optimize import Iterate
from gramarye.pictures.picture import Picture, save_picture
from gramarye.progress import show_progress
from gramarye.scales.sizes import Scale

PREVIEW_EVERY = 2.0  # seconds


def watch(
    iterates: Iterator[Iterate],
    scales: Sequence[Scale],
    job: Job,
    expected: Forecast | None,
    console: Console,
) -> Iterator[Iterate]:
    """The same iterates, with everything around them that the job asks for."""
    if not job.output.quiet:
        steps = None if expected is None else [part.step for part in expected.scales]
        iterates = show_progress(iterates, scales, console, steps)
    if job.output.preview:
        iterates = write_preview(iterates, job.output.preview, console)
    if job.output.save_every:
        iterates = save_steps(iterates, job)
    return iterates


def write_preview(iterates: Iterator[Iterate], path: Path, console: Console) -> Iterator[Iterate]:
    """The same iterates; every few seconds the picture so far goes to the file."""
    due = 0.0
    for iterate in iterates:
        if (begin := time.perf_counter()) >= due:
            try:
                save_picture(Picture.from_tensor(iterate.image), path, quality=85)
            except OutputError as error:  # a lost preview is no reason to lose the picture
                console.print(f"note: no preview: {error}", markup=False, soft_wrap=True)
                due = float("inf")
            else:
                end = time.perf_counter()
                due = end + max(PREVIEW_EVERY, 20 * (end - begin))  # a twentieth at most
        yield iterate


def save_steps(iterates: Iterator[Iterate], job: Job) -> Iterator[Iterate]:
    """The same iterates; every so many steps the picture is saved under a number."""
    every = job.output.save_every or 1
    for number, iterate in enumerate(iterates, start=1):
        if number % every == 0:
            path = job.out.with_name(f"{job.out.stem}-step{number:05}{job.out.suffix}")
            save_picture(Picture.from_tensor(iterate.image), path, quality=job.output.quality)
        yield iterate
