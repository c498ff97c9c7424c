"""Bands: the rows of an image that each process owns, those it must see, and their resizing.

A band begins at a multiple of the deepest layer's stride, as tiles do, and its process looks at the
rows of a window around it. What a tile is to an image in one piece, a band is to an image on
several machines, and a band may be taken in tiles itself.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Literal, final

import torch
import torch.nn.functional as F
from torch import Tensor

from gramarye.distributed.processes import NONE, Processes, Rows, cut, length
from gramarye.networks.features import PerceptualNetwork
from gramarye.scales.sizes import resize
from gramarye.tiles.tiling import Tile, margins, moved, splits, total_stride

Kernel = Literal["bicubic", "bilinear"]
KERNELS: dict[Kernel, tuple[Callable[[Tensor], Tensor], int]]  # and how far it reaches


@final
@dataclass(frozen=True)
class Bands:
    """Whose rows are whose, by process; those without a share own no rows."""

    height: int
    width: int
    owned: tuple[Rows, ...]
    windows: tuple[Rows, ...]  # what they must see of the image

    @property
    def size(self) -> tuple[int, int]:
        return self.height, self.width

    @property
    def count(self) -> int:
        """How many processes own rows: always the first ones."""
        return sum(length(rows) > 0 for rows in self.owned)


def plan_bands(
    network: PerceptualNetwork,
    layers: Collection[str],
    height: int,
    width: int,
    processes: int,
    smallest: int | None = None,
) -> Bands:
    """The rows in equal bands over as many of the processes as get `smallest` rows each.

    By default, twice the margin: in smaller bands, most of the work would be done twice.
    """
    stride = total_stride(network, layers)
    before, after = margins(network, layers)
    least = 2 * max(before, after) if smallest is None else smallest
    count = max(1, min(processes, height // least))
    owned = list(splits(0, height, count, stride))
    windows = [
        (max(0, top - before) // stride * stride, min(height, bottom + after))
        for top, bottom in owned
    ]
    idle = [NONE] * (processes - len(owned))
    return Bands(height, width, (*owned, *idle), (*windows, *idle))


def seen_from(tile: Tile, top: int) -> Tile:
    """A tile of the whole image for a tensor that begins at row `top` of it.

    What it owns and its places in the layers remain those in the whole image.
    """
    return replace(tile, window=moved(tile.window, -top))


def gather(rows: Tensor, bands: Bands, processes: Processes) -> Tensor:
    """The whole image on the first process; no rows elsewhere."""
    wanted = [(0, bands.height)] + [NONE] * (processes.size - 1)
    return processes.regroup(rows, bands.owned, wanted)


def rescale(
    rows: Tensor, old: Bands, new: Bands, processes: Processes, kernel: Kernel = "bicubic"
) -> Tensor:
    """This process's rows of an image at another size; nobody holds the image as a whole."""
    if old.size == new.size:
        return processes.regroup(rows, old.owned, new.owned)
    wanted = [source_rows(old.height, new.height, rows, kernel) for rows in new.owned]
    source = processes.regroup(rows, old.owned, wanted)
    top = wanted[processes.rank][0]
    return resize_rows(
        source, top, old.height, new.height, new.width, new.owned[processes.rank], kernel
    )


def resize_rows(
    source: Tensor,
    top: int,
    old: int,
    height: int,
    width: int,
    rows: Rows,
    kernel: Kernel = "bicubic",
) -> Tensor:
    """Some rows of what `scales.resize` makes of a whole image, from the rows they depend on.

    `source` (B, C, h, w) begins at row `top` of the `old` rows of the image, which becomes
    (height, width). Bilinear is what Adam's moments are resized with, and only enlarges.
    """
    if kernel == "bicubic" and (top, source.shape[-2]) == (0, old) and rows == (0, height):
        return resize(source, height, width)
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


def source_rows(old: int, new: int, rows: Rows, kernel: Kernel = "bicubic") -> Rows:
    """The rows of an image of `old` rows that these rows depend on when it gets `new` rows."""
    if not length(rows):
        return NONE
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
