"""What a clip is, wherever its frames come from."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from gramarye.errors import ImageError
from gramarye.video.frames import Frame

ADVICE = (
    "give a clip (mp4, mov, mkv, webm, gif, webp), a folder of frames or a pattern such as %05d.png"
)

LENGTH = re.compile(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)")


class AbstractClip(ABC):
    """A clip whose frames can be gone through again and again."""

    path: Path
    size: tuple[int, int]  # (height, width) as it is shown: upright, with square pixels
    time_base: Fraction  # that all times are multiples of
    origin: Fraction  # the time that it begins at, for all its streams
    duration: Fraction | None
    count: int | None  # of frames, where the clip says it

    @abstractmethod
    def frames(self) -> Iterator[Frame]:
        """Every frame, its time counted from `origin`."""

    @property
    @abstractmethod
    def notes(self) -> tuple[str, ...]:
        """What a user may not expect, as far as the frames have been gone through."""


def length_of(stream: Any) -> Fraction | None:
    """How long a stream of pictures says that it is, in seconds, apart from the clip's others."""
    if stream.duration:
        return Fraction(stream.duration) * Fraction(stream.time_base)
    found = LENGTH.match(stream.metadata.get("DURATION", ""))  # as Matroska's programs write it
    if found is None:
        return None
    hours, minutes, seconds = found.groups()
    return 3600 * int(hours) + 60 * int(minutes) + Fraction(seconds)


class OnePictureError(ImageError):
    """A file holds a picture in the place of a clip."""


def one_picture(path: Path) -> OnePictureError:
    return OnePictureError(
        f"'{path}' is one picture, and no clip: {ADVICE}; one picture is for 'gramarye instant' or "
        "'stylize', and for 'score' without --video"
    )
