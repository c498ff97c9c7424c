"""Two paintings of the same thing blended, without becoming smooth.

The strokes of two frames do not lie on each other: their mean has a fraction of their contrast, and
that of many frames next to none. So the blend's detail is brought back to the contrast, band by
band and place by place, that the new painting has there. What was there before still decides where
the strokes are: of variances 0.8^2 and 0.2^2, the greater part is the former's.
"""

from __future__ import annotations

import numpy as np

from gramarye.video.extra import load_cv2
from gramarye.video.flow import Image, Map

BANDS = (1.0, 3.0)  # pixels, sigmas: finer than the first, between both, and what is coarser
PLACE = 6.0  # pixels, sigma of the neighborhood whose contrast is looked at
GAINS = 0.8, 1.8  # of a frame; those of several multiply
ROUNDING = 1e-5  # of squares: a quarter of a level of 8 bits is no contrast


def blended(new: Image, before: Image, share: Map) -> Image:
    """The new painting (H, W, 3) with a share (H, W), 0 to 1, of the one before, moved to it."""
    mixed = new + share[..., None] * (before - new)
    parts = zip(bands(mixed), bands(new), strict=True)
    (fine, wanted_fine), (middle, wanted_middle), (coarse, _) = parts
    found = coarse + gain(middle, wanted_middle) * middle + gain(fine, wanted_fine) * fine
    kept: Image = found.clip(0, 1)
    return kept


def bands(image: Image) -> tuple[Image, Image, Image]:
    """Parts of the image that add up to it: fine, middle, coarse."""
    blur = load_cv2().GaussianBlur
    finer, coarser = (blur(image, (0, 0), sigma) for sigma in BANDS)
    return image - finer, finer - coarser, coarser


def gain(detail: Image, wanted: Image) -> Image:
    """What gives detail (H, W, 3) the contrast, place by place, of another; (H, W, 1)."""
    here, there = (contrast(x) + ROUNDING for x in (detail, wanted))
    found: Image = np.sqrt(there / here).clip(*GAINS)[..., None]
    return found


def contrast(detail: Image) -> Map:
    """The mean square thereabouts."""
    found: Map = load_cv2().GaussianBlur(np.square(detail).mean(-1), (0, 0), PLACE)
    return found
