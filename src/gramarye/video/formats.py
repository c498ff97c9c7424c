"""The kinds of files that painted clips are written to, and their codecs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

from gramarye.errors import OutputError, did_you_mean
from gramarye.pictures.formats import EXTENSIONS
from gramarye.video.settings import is_pattern


@final
@dataclass(frozen=True)
class ClipFormat:
    """A container, and how its pictures and its sound are coded."""

    container: str
    codec: str
    pixels: str
    options: Callable[[int], Mapping[str, str]]  # by quality, 1 to 100
    sound: str | None  # what sound becomes that the container cannot hold; None has no sound
    comment: bool = True  # whether there is room for the recipe


def x264(quality: int) -> dict[str, str]:
    # 18 at a quality of 80, which is hardly told from the original; without frames that look
    # ahead, so that parts of a clip can be put one after the other.
    return {"crf": str(min(51, round(58 - quality / 2))), "bf": "0", "preset": "medium"}


def vp9(quality: int) -> dict[str, str]:
    return {"crf": str(round(60 - 0.4 * quality)), "b": "0", "row-mt": "1", "cpu-used": "4",
            "auto-alt-ref": "0"}  # fmt: skip


def lossless(quality: int) -> dict[str, str]:
    return {"qp": "0", "bf": "0", "preset": "veryfast"}


FORMATS = {
    ".mp4": ClipFormat("mp4", "libx264", "yuv420p", x264, "aac"),
    ".m4v": ClipFormat("mp4", "libx264", "yuv420p", x264, "aac"),
    ".mov": ClipFormat("mov", "libx264", "yuv420p", x264, "aac"),
    ".mkv": ClipFormat("matroska", "libx264", "yuv420p", x264, "aac"),
    ".webm": ClipFormat("webm", "libvpx-vp9", "yuv420p", vp9, "libopus"),
    # Its 256 colors are chosen at the end.
    ".gif": ClipFormat("gif", "libx264rgb", "rgb24", lossless, None, comment=False),
    ".webp": ClipFormat("webp", "libx264rgb", "rgb24", lossless, None),  # coded at the end, too
}


def clip_format(path: Path) -> ClipFormat | None:
    """The format a name asks for, or None for frames: a folder, or a pattern of pictures.

    OutputError for any other name.
    """
    end = path.suffix.lower()
    if is_pattern(path):
        if end not in EXTENSIONS:
            raise OutputError(f"'{path}' is no pattern of pictures: write it as %05d.png")
        return None
    if not end or path.is_dir():
        return None
    if end not in FORMATS:
        hint = did_you_mean(end, FORMATS)
        raise OutputError(
            f"'{path}' is no name of a clip: let it end in {', '.join(FORMATS)}, or name a folder "
            f"of frames{hint}"
        )
    return FORMATS[end]
