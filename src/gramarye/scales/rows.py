"""Some rows of a resized image, from the rows they depend on: nobody need hold it as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from gramarye.scales.resizing import resize

Rows = tuple[int, int]  # from the first to the last, the last not included
NO_ROWS: Rows = (0, 0)
BAND = 1 << 18  # pixels that are resized at once where none more need be there
BESIDE = 4  # rows of a smaller image: the kernel reaches two of them to each side

Kernel = Literal["bicubic", "bilinear"]
KERNELS: dict[Kernel, tuple[Callable[[Tensor], Tensor], int]]  # and how far it reaches


def length(rows: Rows) -> int:
    return rows[1] - rows[0]


def overlap(a: Rows, b: Rows) -> Rows:
    start, stop = max(a[0], b[0]), min(a[1], b[1])
    return (start, stop) if start < stop else NO_ROWS


def cut(image: Tensor, held: Rows, rows: Rows) -> Tensor:
    """Some of the rows that a tensor (B, C, H, W) holds, as a view."""
    if rows == NO_ROWS:
        return image[..., :0, :]
    return image[..., rows[0] - held[0] : rows[1] - held[0], :]


def resize_rows(
    source: Tensor,
    top: int,
    old: int,
    height: int,
    width: int,
    rows: Rows,
    kernel: Kernel = "bicubic",
) -> Tensor:
    """Some rows of what `resize` makes of a whole image, from the rows they depend on.

    `source` (B, C, h, w) begins at row `top` of the `old` rows of the image, which becomes
    (height, width). Bilinear is what Adam's moments are resized with, and only enlarges.
    """
    if (top, source.shape[-2]) == (0, old) and rows == (0, height):
        if kernel == "bicubic" or source.shape[-2:] == (height, width):
            return resize(source, height, width)
        return F.interpolate(source, size=(height, width), mode=kernel, antialias=True)
    if not length(rows):
        return source.new_zeros((*source.shape[:-2], 0, width))
    if source.shape[-1] != width:
        size = (source.shape[-2], width)
        source = F.interpolate(source, size=size, mode=kernel, antialias=True)
    if old == height:
        return cut(source, (top, top + source.shape[-2]), rows)
    first, weights = row_weights(old, height, rows, kernel)
    first = (first - top).to(source.device)
    weights = weights.to(source.device, source.dtype)
    result = source.new_zeros((*source.shape[:-2], length(rows), width))
    for tap in range(weights.shape[1]):
        index = (first + tap).clamp(max=source.shape[-2] - 1)  # beyond the last, the weight is 0
        result += source[..., index, :] * weights[:, tap, None]
    return result


def bands_of(size: Sequence[int]) -> Iterator[Rows]:
    """The rows of an image of that height and width, about `BAND` pixels at a time."""
    height, width = size
    step = max(1, BAND // width)
    return ((top, min(top + step, height)) for top in range(0, height, step))


def resize_by_rows(image: Tensor, height: int, width: int) -> Tensor:
    """What `resize` makes of an image (B, C, h, w), without more than some rows on the way."""
    old = image.shape[-2]
    result = image.new_empty((*image.shape[:-2], height, width))
    for rows in bands_of((height, width)):
        source = source_rows(old, height, rows)
        part = resize_rows(cut(image, (0, old), source), source[0], old, height, width, rows)
        cut(result, (0, height), rows).copy_(part)
    return result


def shrunk_by_rows(image: Tensor, part: int) -> Tensor:
    """What `resize` makes, bit by bit, of an image (B, C, h, w) at one part of its size.

    Its sides are multiples of the part. Then all rows are weighed alike, wherever a band begins.
    """
    height, width = (side // part for side in image.shape[-2:])
    result = image.new_empty((*image.shape[:-2], height, width))
    for top, bottom in bands_of((height, width)):
        first, last = max(0, top - BESIDE), min(height, bottom + BESIDE)
        seen = resize(image[..., first * part : last * part, :], last - first, width)
        result[..., top:bottom, :] = seen[..., top - first : bottom - first, :]
    return result


def source_rows(old: int, new: int, rows: Rows, kernel: Kernel = "bicubic") -> Rows:
    """The rows of an image of `old` rows that these rows depend on when it gets `new` rows."""
    if not length(rows):
        return NO_ROWS
    if rows == (0, new):
        return 0, old
    ends = [row_weights(old, new, (row, row + 1), kernel) for row in (rows[0], rows[1] - 1)]
    last = int(ends[1][0]) + int((ends[1][1] != 0).nonzero()[:, 1].max()) + 1
    return int(ends[0][0]), max(last, int(ends[0][0]) + 1)


def row_weights(old: int, new: int, rows: Rows, kernel: Kernel) -> tuple[Tensor, Tensor]:
    """The first row each row depends on (n,), and the weights of it and those after it (n, taps).

    As PyTorch's interpolation with antialiasing has them: the kernel is stretched where the image
    shrinks, and ends at the border with its weights made to sum to one.
    """
    shape, reach = KERNELS[kernel]
    scale = old / new
    stretch = max(scale, 1.0)
    center = (torch.arange(*rows, dtype=torch.float64) + 0.5) * scale
    first = (center - reach * stretch + 0.5).long().clamp(min=0)
    last = (center + reach * stretch + 0.5).long().clamp(max=old)
    place = first[:, None] + torch.arange(int((last - first).max()))  # (n, taps)
    weights = shape((place + 0.5 - center[:, None]) / stretch)
    weights = weights * (place < last[:, None])
    return first, weights / weights.sum(dim=1, keepdim=True)


def cubic(x: Tensor, a: float = -0.5) -> Tensor:
    """Keys' cubic convolution kernel (1981, eq. 4 and 15); a = -0.5 is his choice and PyTorch's."""
    x = x.abs()
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = a * (((x - 5) * x + 8) * x - 4)
    return torch.where(x < 1, near, torch.where(x < 2, far, torch.zeros_like(x)))


def triangle(x: Tensor) -> Tensor:
    return (1 - x.abs()).clamp(min=0)


KERNELS = {"bicubic": (cubic, 2), "bilinear": (triangle, 1)}
