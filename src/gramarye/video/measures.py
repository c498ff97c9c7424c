"""How steady a clip is, in numbers.

The warping error is the mean squared difference of a frame from another, moved by the optical flow
of the film, where that holds (Lai et al. 2018, section 4.2; Ruder et al. 2016, section 5.3). A
frozen picture has none: a figure is worth something only beside the film's own, and beside how near
the picture is to its style.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from gramarye.errors import InputError
from gramarye.video.flow import Flow, FlowFinder, reliable, warped
from gramarye.video.frames import FilmFrame, Pixels


def warping_error(
    image: Pixels, before: Pixels, backward: Flow, mask: NDArray[np.bool_] | None = None
) -> float:
    """The mean squared difference, of values in [0, 1], from the moved frame before.

    Of frames (H, W, 3), where the mask (H, W) says; 0 where it leaves nothing. NaN in the flow is
    unknown, and left out.
    """
    known = np.isfinite(backward).all(-1)
    counted = known if mask is None else np.logical_and(mask, known)
    moved = warped(before.astype(np.float32), np.nan_to_num(backward)) / 255
    apart = np.square(image.astype(np.float32) / 255 - moved).mean(-1)
    return float(apart[counted].mean()) if counted.any() else 0.0


@final
@dataclass(frozen=True)
class Steadiness:
    """Root mean warping errors over a clip, of values in [0, 1], beside the film's own.

    `short` are neighboring frames, `long` those ten apart (None in a shorter clip).
    """

    short: float
    film_short: float
    long: float | None
    film_long: float | None

    @property
    def ratio(self) -> float:
        """How many times the film's own error; infinite for a film that has none."""
        return self.short / self.film_short if self.film_short else float("inf")

    @property
    def long_ratio(self) -> float | None:
        """The same of frames ten apart; None where there are none, or the film has no error."""
        return self.long / self.film_long if self.long is not None and self.film_long else None


@final
@dataclass(frozen=True)
class Motion:
    """How a film moves between two of its frames: a flow (H, W, 2) and where (H, W) it holds.

    The flow is of the later frame to the earlier; of the earlier to the later where it is
    `forward`, as most ground truth is.
    """

    flow: Flow
    holds: NDArray[np.bool_]
    forward: bool = False


Motions = Callable[[FilmFrame, FilmFrame], Motion]  # between a frame and an earlier one


def estimated(find: Callable[[Pixels, Pixels], Flow] | None = None) -> Motions:
    """Motions by a flow that is estimated both ways; by DIS, unless `find` is given."""
    finder = find or FlowFinder()

    def between(here: FilmFrame, before: FilmFrame) -> Motion:
        backward = finder(here.pixels, before.pixels)
        return Motion(backward, reliable(backward, finder(before.pixels, here.pixels)))

    return between


@final
@dataclass(frozen=True)
class FrameErrors:
    """Root warping errors of a frame, of values in [0, 1]; None where there is none to compare."""

    short: float | None
    film_short: float | None
    long: float | None
    film_long: float | None


@final
class Steadying:
    """Measures frame after frame how steady a painting is; keeps the last `apart` frames alone."""

    def __init__(self, between: Motions, apart: int = 10) -> None:
        self.between = between
        self.window: deque[tuple[FilmFrame, Pixels]] = deque(maxlen=apart)
        self.every: list[FrameErrors] = []

    def add(self, film: FilmFrame, painted: Pixels, *, cut: bool = False) -> FrameErrors:
        """The errors of the next frame of a film and its painting, of one size.

        Nothing is compared over a cut.
        """
        if cut:
            self.window.clear()
        pairs = [self.window[-1] if self.window else None]
        pairs.append(self.window[0] if len(self.window) == self.window.maxlen else None)
        found: list[float | None] = []
        for earlier in pairs:
            errors = None if earlier is None else self.errors((film, painted), earlier)
            found += [None, None] if errors is None else [errors[1], errors[0]]
        self.window.append((film, painted))
        self.every.append(FrameErrors(*found))
        return self.every[-1]

    def errors(
        self, here: tuple[FilmFrame, Pixels], before: tuple[FilmFrame, Pixels]
    ) -> tuple[float, float]:
        """The root errors of the film and of the painting between two frames."""
        motion = self.between(here[0], before[0])
        one, other = (before, here) if motion.forward else (here, before)
        of_film = warping_error(one[0].pixels, other[0].pixels, motion.flow, motion.holds)
        of_painted = warping_error(one[1], other[1], motion.flow, motion.holds)
        return float(np.sqrt(of_film)), float(np.sqrt(of_painted))

    def steadiness(self) -> Steadiness | None:
        """Of all frames so far; None where there were no two of one shot."""
        names = ("short", "film_short", "long", "film_long")
        means = [root_mean_square([getattr(e, name) for e in self.every]) for name in names]
        short, film_short, long, film_long = means
        if short is None or film_short is None:
            return None
        return Steadiness(short, film_short, long, film_long)


def root_mean_square(values: Sequence[float | None]) -> float | None:
    """Of the values there are; None where there is none."""
    known = [value for value in values if value is not None]
    return float(np.sqrt(np.mean(np.square(known)))) if known else None


def steadiness(
    film: Sequence[Pixels],
    painted: Sequence[Pixels],
    *,
    apart: int = 10,
    find: Callable[[Pixels, Pixels], Flow] | None = None,
) -> Steadiness:
    """How steady painted frames are beside their film's, of the same number and size.

    InputError where they are not. `find` gives the flow of a frame to another, in place of DIS.
    """
    if len(film) != len(painted) or any(
        a.shape != b.shape for a, b in zip(film, painted, strict=True)
    ):
        raise InputError("the two clips have frames of another number or size: compare a pair")
    meter = Steadying(estimated(find), apart)
    for number, (one, other) in enumerate(zip(film, painted, strict=True), 1):
        meter.add(FilmFrame(number, one), other)
    found = meter.steadiness()
    if found is None:
        raise InputError(f"{len(film)} frames move nowhere: give a clip of two at least")
    return found


def sharpness(image: Pixels) -> float:
    """The mean difference of pixels side by side (H, W, 3), in levels of 8 bits."""
    return float(np.abs(np.diff(image.astype(np.float32), axis=1)).mean())


def drift(frames: Sequence[Pixels]) -> float:
    """How far the last frame of a still scene is from the first: the mean, in levels of 8 bits."""
    if not frames:
        raise InputError("there is no frame: give a clip")
    return float(np.abs(frames[-1].astype(np.float32) - frames[0].astype(np.float32)).mean())
