"""Frames of a film and of what was painted of it, found by their times, or by their order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import final

from gramarye.errors import ImageError
from gramarye.units import counted, show_size
from gramarye.video.clip import AbstractClip
from gramarye.video.frames import Frame, Pixels
from gramarye.video.reading import FrameFolder

SHAPE = 0.03  # by which a side may differ from the film's shape: sides are even
RETIMED = 0.1  # of the length: from here on a clip of as many frames is shown at another speed


@final
@dataclass(frozen=True, eq=False)
class Pair:
    """A frame of the film, which it is (from 0 on), its time in seconds, and it painted."""

    number: int
    time: Fraction
    film: Pixels
    painted: Pixels


@final
class Pairing:
    """The pairs of a film and a painted clip, gone through once; `notes` say what was left out.

    `start` is the time of the film at which the painted clip begins. Frames are found by their
    times; by their order where one of the two is a folder of frames, which has no times of its own,
    or where as many frames are shown at another speed.
    """

    def __init__(
        self, film: AbstractClip, painted: AbstractClip, start: Fraction | None = None
    ) -> None:
        check_shapes(film, painted)
        self.film, self.painted, self.start = film, painted, start
        self.in_order = in_order(film, painted) and not start
        self.notes: tuple[str, ...] = ()

    def pairs(self) -> Iterator[Pair]:
        return self.by_order() if self.in_order else self.by_time()

    def by_order(self) -> Iterator[Pair]:
        films, paintings = self.film.frames(), self.painted.frames()
        found = 0
        while True:
            film, painted = next(films, None), next(paintings, None)
            if film is None or painted is None:
                break
            found += 1
            yield Pair(found - 1, film.time, film.pixels, painted.pixels)
        left = [
            (clip, sum(1 for _ in frames) + (first is not None))
            for clip, frames, first in (
                (self.film, films, film),
                (self.painted, paintings, painted),
            )
        ]
        for clip, count in left:
            if count:
                self.tell(f"the last {counted(count, 'frame')} of '{clip.path}' are left out")

    def by_time(self) -> Iterator[Pair]:
        """Each painted frame with what the film shows at its time; times may be rounded."""
        films: Iterator[tuple[int, Frame]] = enumerate(self.film.frames())
        if self.start:
            films = (f for f in films if ends(f[1]) > self.start)
        now = next(films, None)
        coming = next(films, None)
        begin = now[1].time if now is not None and self.start else Fraction(0)
        last = -1
        left = again = 0
        for painted in self.painted.frames():
            time = painted.time + begin
            while coming is not None and now is not None:
                if coming[1].time > time + now[1].duration / 3:
                    break
                now, coming = coming, next(films, None)
            # As if another frame of the film began where its last one ends.
            if now is None or (coming is None and ends(now[1]) <= time + now[1].duration / 3):
                left += 1
            elif now[0] == last:
                again += 1  # the painting shows a frame of the film twice
            else:
                last = now[0]
                yield Pair(last, now[1].time, now[1].pixels, painted.pixels)
        for count, why in ((left, "the film has not"), (again, "the film has once")):
            if count:
                frames = counted(count, "frame")
                self.tell(f"{frames} of '{self.painted.path}', which {why}: left out")

    def tell(self, note: str) -> None:
        self.notes = (*self.notes, note)


def ends(frame: Frame) -> Fraction:
    return frame.time + frame.duration


def in_order(film: AbstractClip, painted: AbstractClip) -> bool:
    if isinstance(film, FrameFolder) or isinstance(painted, FrameFolder):
        return True
    same = film.count is not None and film.count == painted.count
    if not same or not film.duration or not painted.duration:
        return False
    return abs(painted.duration - film.duration) > Fraction(RETIMED) * film.duration


def check_shapes(film: AbstractClip, painted: AbstractClip) -> None:
    """ImageError where a painted clip has not its film's shape."""
    (height, width), (h, w) = film.size, painted.size
    if abs(w * height - h * width) <= SHAPE * h * width + 2 * max(height, width):
        return
    doubled = abs(w * height - 2 * h * width) <= 2 * SHAPE * h * width + 4 * max(height, width)
    hint = (
        "; it seems to be one of --compare, the film at its left: paint it without"
        if doubled
        else ""
    )
    raise ImageError(
        f"'{painted.path}' is {show_size(w, h)} pixels and the film {show_size(width, height)}: a "
        f"painted clip has its film's shape; give the film it was painted from{hint}"
    )
