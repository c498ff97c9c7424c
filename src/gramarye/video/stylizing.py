"""Frames of a clip painted one after the other, from Python."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import Any, Literal, final

from torch import Tensor

from gramarye.errors import InputError
from gramarye.feedforward.settings import SHIPPED
from gramarye.files import user_path
from gramarye.instants import holds_style
from gramarye.pictures.picture import Source, load_picture
from gramarye.scales.sizes import fit
from gramarye.surroundings import undisturbed
from gramarye.video.frames import Frame, as_pixels, at_times
from gramarye.video.masks import ProtectedFrames
from gramarye.video.optimizing import OptimizingPainter
from gramarye.video.reading import open_clip
from gramarye.video.settings import FRAMES_A_SECOND, make_video_settings
from gramarye.video.steady import SteadyPainter
from gramarye.video.ways import flow_source, make_video_config, optimizing_painter, steady_painter


@final
@dataclass(frozen=True, eq=False)
class VideoFrame:
    """A painted frame (1, 3, H, W) in [0, 1], and when it is shown and how long, in seconds."""

    image: Tensor
    time: float
    duration: float
    cut: bool  # whether a shot begins with it


def stylize_video(
    clip: str | PathLike[str] | Iterable[Source],
    style: Source | Sequence[Source] | None = None,
    *,
    way: Literal["instant", "optimize"] = "instant",
    steady: float | None = None,
    start: float | None = None,
    end: float | None = None,
    fps: float | None = None,
    frame_steps: int | None = None,
    offsets: Sequence[int] | None = None,
    flow: str | PathLike[str] | None = None,
    flow_cache: str | PathLike[str] | None = None,
    protect: str | PathLike[str] | None = None,
    **settings: Any,
) -> Iterator[VideoFrame]:
    """The frames of a clip in the style, one by one, steady where the film is steady.

    `clip` is a file, a folder of frames, a pattern such as "in/%05d.png", or pictures one after the
    other, `fps` of them a second (25). Of a file `fps` is how many frames are painted a second at
    most. Settings are those of `instant`; the size is the clip's own unless another is asked for.

    With the way "optimize" (Ruder et al. 2016) they are those of `stylize`; a frame after a shot's
    first takes `frame_steps` (16), and is held to those `offsets` before it (1, 2 and 4) by
    `temporal_weight`. `steady` (0.8) is of the way "instant". `flow` is a folder of .flo files in
    place of the flow found. That is kept in a folder of the user's for other runs, `flow_cache` is
    another, or "off". What is white in the picture `protect` stays as it is; a clip, or a folder of
    frames, is a mask for each frame of a clip that has a name. A painter that has its style in
    itself takes no other.
    """
    given: dict[str, Any] = {
        "start": start,
        "end": end,
        "fps": fps,
        "steady": steady,
        "frame_steps": frame_steps,
    }
    given |= {"offsets": offsets, "flow": flow, "flow_cache": flow_cache}
    video = make_video_settings(way=way, **{k: v for k, v in given.items() if v is not None})
    # What is wrong is told here and not with the first frame.
    make_video_config(video, (64, 64), **settings)
    styles: Sequence[Source] = []
    if style is not None:
        styles = style if isinstance(style, list | tuple) else [style]  # type: ignore[list-item]
    elif not holds_style(settings.get("painter", SHIPPED)):
        raise InputError("there is no style: give a painting, or several")
    pictures = [load_picture(one) for one in styles]
    if isinstance(clip, str | PathLike):
        opened = open_clip(user_path(clip), video.rate)
        masks = None if protect is None else ProtectedFrames(user_path(protect), opened)
        frames = opened.frames() if masks is None else masks.frames()
        rate = video.rate if Path(opened.path).is_file() else None
        size = opened.size
    elif protect is not None:
        raise InputError(
            "protect is for a clip that has a name: give a file, a folder or a pattern, or leave "
            "it out"
        )
    else:
        frames, size = given_frames(clip, video.rate or Fraction(FRAMES_A_SECOND))
        rate = None
    film_size = size
    if "size" in settings:
        size = fit(*size, settings["size"])
    config = make_video_config(video, size, **settings)
    painter: SteadyPainter | OptimizingPainter
    if video.way == "optimize":
        flows = flow_source(video, film_size, untold)
        painter = optimizing_painter(pictures, config, size, video, flows)
    else:
        source = flow_source(video, film_size, untold) if video.steady else None
        painter = steady_painter(pictures, config, size, video.steady, source)
    return painted(painter, at_times(frames, video.first, video.last, rate))


def untold(_: str) -> None:
    """Of a cache of flows, what goes wrong costs time alone."""


@undisturbed
def painted(
    painter: SteadyPainter | OptimizingPainter, frames: Iterable[Frame]
) -> Iterator[VideoFrame]:
    for frame in frames:
        made = painter.paint(frame)
        yield VideoFrame(made.image, float(frame.time), float(frame.duration), made.cut)


def given_frames(
    pictures: Iterable[Source], rate: Fraction
) -> tuple[Iterator[Frame], tuple[int, int]]:
    """Pictures as frames, and (height, width) of the first; InputError where there is none."""
    if not isinstance(pictures, Iterable):
        raise InputError(
            f"a clip cannot be made from {type(pictures).__name__}: give a file, a folder, a "
            "pattern, or pictures one after the other"
        )
    every = (load_picture(picture).pixels for picture in pictures)
    first = next(every, None)
    if first is None:
        raise InputError("the clip has no frame: give pictures one after the other, one at least")
    frames = (
        Frame(as_pixels(image), number / rate, 1 / rate)
        for number, image in enumerate(chain([first], every))
    )
    return frames, (first.shape[-2], first.shape[-1])
