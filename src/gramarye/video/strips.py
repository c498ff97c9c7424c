"""A sheet of a clip's frames, for a first look at all of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch

from gramarye.pictures.contact_sheet import Cell, contact_sheet
from gramarye.pictures.picture import Picture, load_image
from gramarye.scales.sizes import fit
from gramarye.video.frames import Pixels, as_image, as_pixels
from gramarye.video.run import VideoRun, frame_file
from gramarye.video.unfinished import decoded

CELL, IN_A_ROW = 320, 4  # longest side of a frame in pixels; frames side by side


def save_strip(run: VideoRun, path: Path, most: int) -> Path:
    """Write at most so many frames of what a run has painted, evenly over all of it."""
    count = run.state.frames
    chosen = {round(i * (count - 1) / max(1, most - 1)) for i in range(min(most, count))}
    chosen = chosen if count > most else set(range(count))
    images = []
    for number, pixels in enumerate(painted(run)):
        if number in chosen:
            images.append(as_image(pixels, fit(pixels.shape[0], pixels.shape[1], CELL)))
    row = min(IN_A_ROW, len(images))
    images += [torch.ones_like(images[0])] * (-len(images) % row)
    rows = [[Cell(x) for x in images[i : i + row]] for i in range(0, len(images), row)]
    sheet = contact_sheet(rows, width=CELL * row)
    return Picture.from_tensor(sheet).save(path, quality=90).path


def painted(run: VideoRun) -> Iterator[Pixels]:
    """The frames that a run has written, in order."""
    if run.format is not None:
        for frame in decoded(run.parts.paths(run.state.parts)):
            yield frame.to_ndarray(format="rgb24")
        return
    for number in range(run.state.frames):
        yield as_pixels(load_image(frame_file(run.out, number + 1)))
