"""How steady a clip is, in numbers.

The warping error is the mean squared difference of a frame from another, moved by the optical flow
of the film, where that holds (Lai et al. 2018, section 4.2; Ruder et al. 2016, section 5.3). A
frozen picture has none: a figure is worth something only beside the film's own, and beside how near
the picture is to its style.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from gramarye.errors import InputError
from gramarye.video.flow import Flow, FlowFinder, reliable, warped
from gramarye.video.frames import Pixels


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
    if len(film) < 2:
        raise InputError(f"{len(film)} frames move nowhere: give a clip of two at least")
    find = find or FlowFinder()
    short = [pair(film, painted, i, i - 1, find) for i in range(1, len(film))]
    long = [pair(film, painted, i, i - apart, find) for i in range(apart, len(film))]
    means = [np.sqrt(np.mean(errors, axis=0)) if errors else None for errors in (short, long)]
    assert means[0] is not None
    far = means[1]
    return Steadiness(
        float(means[0][1]),
        float(means[0][0]),
        None if far is None else float(far[1]),
        None if far is None else float(far[0]),
    )


def pair(
    film: Sequence[Pixels],
    painted: Sequence[Pixels],
    here: int,
    there: int,
    find: Callable[[Pixels, Pixels], Flow],
) -> tuple[float, float]:
    """The errors of the film and of the painting between two frames, where the flow holds."""
    backward, forward = find(film[here], film[there]), find(film[there], film[here])
    mask = reliable(backward, forward)
    return (
        warping_error(film[here], film[there], backward, mask),
        warping_error(painted[here], painted[there], backward, mask),
    )


def drift(frames: Sequence[Pixels]) -> float:
    """How far the last frame of a still scene is from the first: the mean, in levels of 8 bits."""
    if not frames:
        raise InputError("there is no frame: give a clip")
    return float(np.abs(frames[-1].astype(np.float32) - frames[0].astype(np.float32)).mean())
