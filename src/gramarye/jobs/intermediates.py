"""Pictures of a run on its way: a preview, and one every so many steps."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from gramarye.files import remove_parts
from gramarye.jobs.names import step_path
from gramarye.jobs.output import Output
from gramarye.optimize import Iterate
from gramarye.pictures.picture import Picture, save_picture

# What an iterate's image would be as a result: its colors, its transparency.
PictureOf = Callable[[Tensor], Picture]
PREVIEW_EVERY = 2.0  # seconds


def write_preview(
    iterates: Iterator[Iterate], path: Path, picture_of: PictureOf
) -> Iterator[Iterate]:
    """The same iterates; every few seconds the picture so far goes to the file."""
    remove_parts(path)  # of a run that was killed
    due = 0.0
    for iterate in iterates:
        if (begin := time.perf_counter()) >= due:
            try:
                save_picture(picture_of(iterate.image), path, quality=85, strip=True)
            except Exception as error:  # whatever it is: no reason to lose the picture
                iterate = replace(iterate, notes=(*iterate.notes, f"no preview: {error}"))
                due = float("inf")
            else:
                end = time.perf_counter()
                due = end + max(PREVIEW_EVERY, 20 * (end - begin))  # a twentieth at most
        yield iterate
        del iterate


def save_steps(
    iterates: Iterator[Iterate], out: Path, output: Output, picture_of: PictureOf
) -> Iterator[Iterate]:
    """The same iterates; every so many steps the picture is saved beside the result, numbered."""
    every = output.save_every or 1
    for number, iterate in enumerate(iterates, start=1):
        if number % every == 0:
            path = step_path(out, number)
            remove_parts(path)
            try:
                picture = picture_of(iterate.image)
                save_picture(picture, path, quality=output.quality, strip=output.strip)
            except Exception as error:  # likewise
                iterate = replace(iterate, notes=(*iterate.notes, f"step not saved: {error}"))
        yield iterate
        del iterate
