"""Levels as floats and floats as levels, and where a file's rows lie in an upright picture."""

import numpy as np

from gramarye.errors import ImageError
from gramarye.pictures.rows import Array


def check_floats(low: float, high: float, what: str = "the picture") -> None:
    """Refuse a picture of floats between these when they are not finite, or of another range."""
    if not np.isfinite([low, high]).all():
        raise ImageError(f"{what} holds NaN or infinite values: replace them by numbers")
    if low < -0.01 or high > 1.01:  # resampling overshoots a little, another range does not
        raise ImageError(
            f"{what} holds floats from {low:.4g} to {high:.4g}; they have to lie in [0, 1]: "
            "scale them (8-bit values: divide by 255)"
        )


def write_floats(out: Array, samples: Array) -> None:
    """Samples into float32 of the same shape: whole levels as fractions, floats clipped to [0, 1].

    The division is rounded to float32 once, so a level has one value, whatever the layout.
    """
    if samples.dtype in (np.uint8, np.uint16):
        np.divide(samples, np.iinfo(samples.dtype).max, out=out, dtype=np.float32)
    else:
        np.clip(samples, 0, 1, out=out, casting="same_kind")


def lying(upright: Array, how: int) -> Array:
    """A view of an upright (H, W, ...) array in the file's rows, by EXIF orientation 1 to 8.

    What is written to row 0 of the view lands where the file's first row belongs.
    """
    if how in (2, 3, 6, 7):
        upright = upright[:, ::-1]
    if how in (3, 4, 7, 8):
        upright = upright[::-1]
    if how in (5, 6, 7, 8):
        upright = upright.swapaxes(0, 1)
    return upright
