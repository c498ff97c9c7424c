"""A bilateral grid of local affine color maps (Gharbi et al. 2017; Chen, Paris and Durand 2007).

The grid has a node for each of a few places and lightnesses. A pixel's color goes through the
affine map that lies, trilinearly interpolated, at its place and at its own lightness: where the
content has an edge, the map may change at once, and nowhere else. Gharbi et al. let a network
predict the grid and learn the guide; here the grid is optimized, and the guide is the luminance.

Parameters are (1, 12, D, Y, X): for each output channel the change of its row of the matrix and
its shift, about the middle gray, so that zero is the identity: c + M (c - 1/2) + t.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from gramarye.pictures.color import luminance

DEPTH = 8  # nodes along lightness, as Gharbi et al.
MIDDLE = 0.5
# How much rougher a slope along a place is than one along lightness: style losses ask for forms
# that a map has not, and would paint them as clouds over what is even.
PLACE = 10.0
CONTRAST = 0.02  # and how rough a change of contrast is, the same everywhere


def grid_shape(height: int, width: int, cells: int) -> tuple[int, int, int, int, int]:
    """The parameters' shape for a picture of that size: as many nodes as asked for along the
    longest side, in proportion along the other.
    """
    longest = max(height, width)
    rows, columns = (max(2, round(cells * side / longest)) for side in (height, width))
    return 1, 12, DEPTH, rows, columns


def through_grid(colors: Tensor, grid: Tensor, rows: tuple[int, int], height: int) -> Tensor:
    """Rows of a picture of that height (1, 3, h, W) with their colors mapped.

    The nodes at the ends lie on the picture's border, so that a grid is of no size in pixels.
    """
    there = places(colors, rows, height)
    local = F.grid_sample(grid, there, mode="bilinear", padding_mode="border", align_corners=True)
    matrix = local[0].reshape(3, 4, *colors.shape[-2:])
    centered = colors[0] - MIDDLE
    moved = [colors[:, i] + matrix[i, 3] + (matrix[i, :3] * centered).sum(0) for i in range(3)]
    return torch.stack(moved, 1)


def places(colors: Tensor, rows: tuple[int, int], height: int) -> Tensor:
    """Where pixels lie in a grid, (1, 1, h, W, 3): x, y and lightness, each from -1 to 1."""
    top, bottom = rows
    width = colors.shape[-1]
    y = (torch.arange(top, bottom).to(colors) + 0.5) * (2 / height) - 1
    x = (torch.arange(width).to(colors) + 0.5) * (2 / width) - 1
    z = luminance(colors)[0, 0].clamp(0, 1) * 2 - 1  # (h, W)
    return torch.stack([x.expand_as(z), y[:, None].expand_as(z), z], -1)[None, None]


def grid_roughness(grid: Tensor) -> Tensor:
    """How much neighboring maps differ (1,): the mean square of the slopes, along each side.

    The sides are one long: it is of no number of cells. A little of it is how much contrasts
    change, since noise changes with them. Zero where nothing but a shift is done to all colors.
    """
    z, y, x = ((grid.diff(dim=dim) * (grid.shape[dim] - 1)).square().mean() for dim in (2, 3, 4))
    contrast = grid.reshape(3, 4, -1)[:, :3].square().mean()
    total: Tensor = (z + PLACE * (y + x) + CONTRAST * contrast)[None]
    return total
