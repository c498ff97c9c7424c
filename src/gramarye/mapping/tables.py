"""A smooth 3-D table of colors (a LUT): one color for each color, wherever it is.

Parameters are (1, 3, N, N, N), what is added to a color at each node, by its blue, green and red:
zero is the identity. Between nodes they are interpolated trilinearly.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from gramarye.mapping.grids import CONTRAST

NODES = 17  # along each channel, as in most .cube files
EVEN = 0.03  # of a table's unevenness: for one weight, it is as smooth as a grid
SHAPE = (1, 3, NODES, NODES, NODES)


def through_table(colors: Tensor, table: Tensor) -> Tensor:
    """A picture (1, 3, h, W) with its colors mapped; those outside [0, 1] by the nearest node."""
    there = colors[0].clamp(0, 1).permute(1, 2, 0)[None, None] * 2 - 1  # red is x, blue is z
    change = F.grid_sample(table, there, mode="bilinear", padding_mode="border", align_corners=True)
    return colors + change[:, :, 0]


def nodes(like: Tensor) -> Tensor:
    """The colors of a table's nodes (1, 3, N, N, N), by blue, green and red."""
    line = torch.linspace(0, 1, NODES, dtype=like.dtype, device=like.device)
    blue, green, red = torch.meshgrid(line, line, line, indexing="ij")
    return torch.stack([red, green, blue])[None]


def table_roughness(table: Tensor) -> Tensor:
    """How uneven a table is (1,): the mean square of its second slopes, mixed ones among them.

    The sides are one long. A little of it is how much contrasts change, as of a grid. Zero where
    the table only shifts colors.
    """
    scale = (NODES - 1) ** 2
    total = table.new_zeros(())
    for one in (2, 3, 4):
        total = total + (table.diff(n=2, dim=one) * scale).square().mean()
        for other in range(one + 1, 5):
            mixed = table.diff(dim=one).diff(dim=other) * scale
            total = total + 2 * mixed.square().mean()
    slopes = [table.diff(dim=dim) * (NODES - 1) for dim in (2, 3, 4)]
    contrast = torch.stack([slope.square().mean() for slope in slopes]).mean()
    return (EVEN * total + CONTRAST * contrast)[None]
