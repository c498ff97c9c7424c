"""A frame of a clip, and frames chosen by their time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gramarye.scales.resizing import resize
from gramarye.scales.sizes import fit

Pixels = NDArray[np.uint8]  # (H, W, 3), sRGB


@final
@dataclass(frozen=True, eq=False)
class Frame:
    """A frame, upright, and when it is shown; times are in seconds and exact.

    `protect` is white where the frame stays as it is; it may have another size.
    """

    pixels: Pixels
    time: Fraction
    duration: Fraction
    protect: Pixels | None = None


@final
@dataclass(frozen=True, eq=False)
class FilmFrame:
    """A frame of a film at the painting's size, and its number, from 1 on."""

    number: int
    pixels: Pixels


def at_times(
    frames: Iterable[Frame], start: Fraction | None, end: Fraction | None, fps: Fraction | None
) -> Iterator[Frame]:
    """The frames shown from `start` on and before `end`, at most `fps` of them a second.

    They keep the times they have: of the frames in one period of `fps` the first is taken.
    """
    period = -1
    origin: Fraction | None = None
    for frame in frames:
        if start is not None and frame.time + frame.duration <= start:
            continue
        if end is not None and frame.time >= end:
            return
        if fps is not None:
            origin = frame.time if origin is None else origin
            here = int((frame.time - origin) * fps + Fraction(1, 100))  # rounded time stamps
            if here <= period:
                continue
            period = here
        yield frame


def even_size(size: tuple[int, int], longest: int | None) -> tuple[int, int]:
    """(height, width) of that longest side, or of its own; even, as codecs share color by twos."""
    height, width = size if longest is None else fit(*size, longest)
    return max(2, height - height % 2), max(2, width - width % 2)


def as_image(pixels: Pixels, size: tuple[int, int]) -> Tensor:
    """Pixels as an image (1, 3, H, W) in [0, 1] of a size."""
    image = torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None].float() / 255
    return resize(image, *size).clamp(0, 1)


def as_pixels(image: Tensor) -> Pixels:
    """An image (1, 3, H, W) in [0, 1] as pixels, rounded to the nearest level."""
    levels = (image[0].detach().cpu() * 255).round().clamp(0, 255).to(torch.uint8)
    found: Pixels = levels.permute(1, 2, 0).contiguous().numpy()
    return found
