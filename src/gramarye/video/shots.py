"""Where a clip is cut: nothing of one shot may be seen in the next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gramarye.video.frames import Pixels, as_image

SMALL = 24, 32  # rows and columns that frames are compared in: motion hardly changes these
LEVELS = 6  # of each color in a histogram
DIFFERENT = 0.08  # mean difference of two frames' colors, from 0 to 1, at a cut at least
OTHER_COLORS = 0.25  # share of the pixels whose color is not there in the other frame
UNUSUAL = 3.0  # times the difference that is usual in the shot


@final
class Cuts:
    """Tells of frame after frame whether a new shot begins with it.

    A cut changes the picture (much more than the frames before did) and the colors there are; a
    fast motion changes the first alone, a fade both by little at a time.
    """

    def __init__(self) -> None:
        self.before: NDArray[np.float32] | None = None
        self.usual = 0.0

    def state(self) -> dict[str, Tensor]:
        """What the next frame is compared with; nothing before the first."""
        if self.before is None:
            return {}
        usual = torch.tensor(self.usual, dtype=torch.float64)
        return {"small": torch.from_numpy(self.before.copy()), "usual": usual}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        if "small" in state:
            self.before, self.usual = state["small"].numpy(), float(state["usual"])

    def __call__(self, pixels: Pixels) -> bool:
        small = as_image(pixels, SMALL)[0].numpy()
        before, self.before = self.before, small
        if before is None:
            return True
        change = float(np.abs(small - before).mean())
        unusual = change > max(DIFFERENT, UNUSUAL * self.usual)
        new = unusual and other_colors(small, before) > OTHER_COLORS
        self.usual = 0.0 if new else max(change, 0.8 * self.usual)
        return new


def other_colors(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """The share of pixels (3, H, W) in [0, 1] whose colors the other picture has not, from 0 to 1.

    Half the distance of their histograms; a color counts for the levels beside its own, too, so
    that a little more light is no other color.
    """
    histograms = [histogram(x) for x in (one, other)]
    return float(np.abs(histograms[0] - histograms[1]).sum() / 2)


def histogram(image: NDArray[np.float32]) -> NDArray[np.float64]:
    place = np.clip(image, 0, 1).reshape(3, -1).astype(np.float64) * (LEVELS - 1)
    low = np.minimum(place.astype(int), LEVELS - 2)
    share = place - low
    found = np.zeros((LEVELS,) * 3)
    for corner in np.ndindex(2, 2, 2):
        up = np.array(corner)[:, None]
        weight = np.where(up, share, 1 - share).prod(0)
        np.add.at(found, tuple(low + up), weight)
    return found / place.shape[1]
