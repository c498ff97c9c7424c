"""Pictures, masks and areas brought to a scale's size, some rows of them at a time."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from gramarye.inputs.kinds import CONTENT_ALPHA, PROTECT, laid_over
from gramarye.scales.rows import Rows, cut, resize_rows, source_rows

Size = tuple[int, int]  # height, width
ROUNDING = 1e-3  # of what resizing makes of areas


def brought(picture: Tensor, size: Size, rows: Rows, *, clamp: bool = True) -> Tensor:
    """Some rows of a picture at that size; in [0, 1] again if that is asked for."""
    if picture.shape[-2:] == size:
        return cut(picture, (0, size[0]), rows)
    resized = some_rows(picture, size, rows)
    return resized.clamp(0, 1) if clamp else resized


def area_brought(area: Tensor, size: Size, rows: Rows) -> Tensor:
    """The same of an area, ones and zeros, which it is again but for its edges.

    Rounding must not make a little less than all of what is inside.
    """
    resized = brought(area, size, rows)
    return ((resized - ROUNDING) / (1 - 2 * ROUNDING)).clamp(0, 1)


def split(index: Tensor, count: int, size: Size, rows: Rows) -> Tensor:
    """Some rows of the areas (1, count, h, W) that a picture of their numbers (H, W) has."""
    areas = [(index == number).float()[None, None] for number in range(count)]
    return torch.cat([area_brought(area, size, rows) for area in areas], 1)


def weighed(seen: dict[str, Tensor], alphas: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The pictures at a scale, their masks multiplied by how opaque they are, and free to paint."""
    for name, alpha in alphas.items():
        mask = laid_over(name, "mask")
        seen[mask] = seen[mask] * alpha if mask in seen else alpha
        if name == "content":
            seen[CONTENT_ALPHA] = alpha
    if PROTECT in seen:  # which no loss need look at
        rest = 1 - seen[PROTECT]
        for mask in (CONTENT_ALPHA, "content-mask"):
            seen[mask] = seen[mask] * rest if mask in seen else rest
    return seen


def some_rows(picture: Tensor, size: Size, rows: Rows) -> Tensor:
    """Some rows of a picture (1, C, h, w) that is resized, from the rows they depend on."""
    old = picture.shape[-2]
    source = source_rows(old, size[0], rows)
    return resize_rows(cut(picture, (0, old), source), source[0], old, *size, rows)
