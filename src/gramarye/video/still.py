"""What moves in a painting where the film does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import NDArray

from gramarye.video.frames import Pixels
from gramarye.video.rest import difference

UNSEEN = 1 / 255  # of the film's smoothed difference: what is below has not changed
ENOUGH = 0.05  # share of the picture that has to stay for a figure
LEAST = 10  # frames; in fewer, plain areas that move seem to stand still


@final
@dataclass(frozen=True)
class Drift:
    """How far a painting has come where its film stood still for so many frames.

    Mean differences of the last frame from the first, in levels of 8 bits, over a share of the
    picture; the film's own is its noise.
    """

    levels: float
    film_levels: float
    frames: int
    share: float


@final
class StillPlaces:
    """Follows the places (H, W) that a film shows unchanged; the longest stay is what counts."""

    def __init__(self) -> None:
        self.first: tuple[Pixels, Pixels] | None = None
        self.stays: NDArray[np.bool_] | None = None
        self.frames = 0
        self.longest: Drift | None = None

    def add(self, film: Pixels, painted: Pixels, *, cut: bool = False) -> None:
        """The next frame of a film and its painting, of one size."""
        if self.first is None or self.stays is None or cut:
            self.begin(film, painted)
            return
        stays = self.stays & (difference(film, self.first[0]) < UNSEEN)
        share = float(stays.mean())
        if share < ENOUGH:
            self.begin(film, painted)
            return
        self.stays, self.frames = stays, self.frames + 1
        if self.longest is None or self.frames >= self.longest.frames:
            apart = [
                float(np.abs(now.astype(np.float32) - first)[stays].mean())
                for now, first in zip((painted, film), (self.first[1], self.first[0]), strict=True)
            ]
            self.longest = Drift(apart[0], apart[1], self.frames, share)

    def begin(self, film: Pixels, painted: Pixels) -> None:
        self.first, self.frames = (film, painted), 1
        self.stays = np.ones(film.shape[:2], np.bool_)

    @property
    def drift(self) -> Drift | None:
        """Over the longest stay; None where nothing stood still."""
        found = self.longest
        return None if found is None or found.frames < LEAST else found
