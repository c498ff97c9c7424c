"""What of a clip is painted, and how it is written; apart, so that a command line can offer it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, final

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from gramarye.errors import SettingsError
from gramarye.validation import first_problem

TRIAL = 5  # seconds
STEADY = 0.8
FRAME_STEPS = 16  # of every frame after a shot's first, where it is optimized
OFFSETS = 1, 2, 4  # how far back the frames are that one is held to (Ruder et al. 2016)
FARTHEST = 100  # frames: each that is remembered takes memory
# What only one of the ways asks for.
OF_WAY = {"steady": "instant", "frame_steps": "optimize", "offsets": "optimize"}
NO_CACHE = "off"  # in place of a folder
FRAMES_A_SECOND = 25  # of a folder of frames, which does not say


@final
@dataclass(frozen=True)
class VideoSettings:
    """Times are in seconds from the clip's beginning."""

    start: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    end: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    fps: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] | None = None
    way: Literal["instant", "optimize"] = "instant"
    frame_steps: Annotated[int, Field(ge=1, le=100_000)] = FRAME_STEPS
    offsets: Annotated[
        tuple[Annotated[int, Field(ge=1, le=FARTHEST)], ...], Field(min_length=1)
    ] = OFFSETS
    flow: Path | None = None
    flow_cache: Path | None = None  # or "off"; None is a folder of the user's
    steady: Annotated[float, Field(ge=0, le=1)] = STEADY
    quality: Annotated[int, Field(ge=1, le=100)] = 80
    compare: bool = False
    trial: bool = False
    hdr: Literal["map", "refuse"] = "map"  # of high dynamic range, into standard range

    __pydantic_config__ = ConfigDict(extra="forbid")

    @property
    def first(self) -> Fraction | None:
        return None if self.start is None else exact(self.start)

    @property
    def last(self) -> Fraction | None:
        """Where painting ends: with a trial, five seconds after it began, or earlier."""
        ends = [] if self.end is None else [exact(self.end)]
        if self.trial:
            ends.append((self.first or Fraction(0)) + TRIAL)
        return min(ends, default=None)

    @property
    def rate(self) -> Fraction | None:
        return None if self.fps is None else exact(self.fps)


def make_video_settings(**given: Any) -> VideoSettings:
    """The settings; SettingsError says what is wrong with one."""
    try:
        found = TypeAdapter(VideoSettings).validate_python(given)
    except ValidationError as error:
        problem = first_problem(error, VideoSettings)
        name = str(problem.path[0])
        raise SettingsError(problem.of_setting(name), setting=name) from error
    for name, way in OF_WAY.items():
        if name in given and found.way != way:
            raise SettingsError(
                f"{name} is of way {way}: leave it out, or choose that", setting=name
            )
    if found.flow is not None and found.flow_cache is not None:
        raise SettingsError(
            "flow_cache is for flows that are found, and flow gives them: leave one out",
            setting="flow_cache",
        )
    if found.flow is not None and found.way == "instant" and not found.steady:
        raise SettingsError(
            "flow is of no use with steady 0, which takes nothing along: leave one out",
            setting="flow",
        )
    if any(a >= b for a, b in pairwise(found.offsets)):
        raise SettingsError(
            "offsets are how many frames back, the nearest first, such as 1,2,4: give each once",
            setting="offsets",
        )
    if found.start is not None and found.end is not None and found.end <= found.start:
        raise SettingsError(
            f"end is {found.end:g}, and painting starts at {found.start:g} seconds: give a later "
            "one",
            setting="end",
        )
    return found


def exact(value: float) -> Fraction:
    """As it was written: 29.97 is 2997/100."""
    return Fraction(str(value))


def is_pattern(path: Path) -> bool:
    """Whether a name stands for numbered frames, such as `out/%05d.png`."""
    return "%" in path.name
