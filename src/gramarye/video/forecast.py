"""What painting a clip will take: seconds and memory, measured at its first frames."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import islice
from typing import final

from gramarye.devices import resident_memory
from gramarye.errors import InputError
from gramarye.peaks import peak_memory
from gramarye.surroundings import plain_torch
from gramarye.video.frames import as_pixels
from gramarye.video.run import VideoRun

MEASURED = 3  # frames: the first looks at the styles, too, and has none before it
# Of x264 and VP9 as they are set up, measured at 1280 x 720 on one core of an AMD EPYC.
CODING = 4e-8  # seconds per pixel
CODER = 220  # bytes per pixel of a frame: those the coder looks ahead at


@final
@dataclass(frozen=True)
class VideoForecast:
    """What a run will take; frames and seconds are None where the clip does not say its length.

    Width and height are the painting's, in pixels; memory is in bytes at the peak, the interpreter
    included.
    """

    frames: int | None
    width: int
    height: int
    frame_seconds: float
    seconds: float | None
    memory: int


@plain_torch()
def forecast_clip(run: VideoRun) -> VideoForecast:
    """What the run of a clip takes, measured by painting its first frames, which are dropped.

    InputError where there is no frame to paint.
    """
    began = time.perf_counter()
    painter = run.painter(kept=False)  # flows as of a clip that was never painted
    each: list[float] = []
    for frame in islice(run.wanted(), MEASURED):
        as_pixels(painter.paint(frame).image)
        now = time.perf_counter()
        each.append(now - began)
        began = now
    if not each:
        raise InputError(f"no frame of '{run.clip.path}' is from --start to --end: choose others")
    height, width = run.size
    pixels = height * width * (2 if run.job.video.compare else 1)
    coded = run.format is not None
    later = each[1:] or each
    frame_seconds = sum(later) / len(later) + (CODING * pixels if coded else 0)
    frames = run.total()
    seconds = None if frames is None else each[0] + max(0, frames - 1) * frame_seconds
    peak = peak_memory()
    memory = resident_memory() if peak is None else round(peak * 2**20)
    memory += CODER * pixels if coded else 0
    return VideoForecast(frames, width, height, frame_seconds, seconds, memory)
