"""The map a run starts from: the one that color matching makes of the content."""

from __future__ import annotations

import torch
from torch import Tensor

from gramarye.mapping.grids import MIDDLE
from gramarye.mapping.settings import MapSettings
from gramarye.mapping.tables import nodes

CUT_OFF = 1e-3  # values nearer to 0 or 1 were cut off: they say nothing of the map
STEEPEST = 3.0  # of contrasts: a gray day has noise for colors, and JPEG's blocks
FEW = 0.02  # share of pixels that must be left


def starting_map(
    content: Tensor, matched: Tensor, settings: MapSettings, shape: tuple[int, ...]
) -> Tensor:
    """The parameters, of that shape, with which `content` (1, 3, H, W) becomes about `matched`.

    That is the content with its colors moved, by one affine map (Monge-Kantorovich), by one for
    each region, or otherwise: one affine map is fitted by least squares, exactly in the first case.
    The losses do the rest: regions of their own from the start would be edges in the map.
    """
    if torch.equal(content, matched):
        return content.new_zeros(shape, dtype=torch.float32)
    inside = ((matched - 0.5).abs() < 0.5 - CUT_OFF).all(1).flatten()
    if float(inside.float().mean()) < FEW:
        inside = torch.ones_like(inside)
    colors = (content - MIDDLE)[0].flatten(1)[:, inside].double()
    inputs = torch.cat([colors, torch.ones_like(colors[:1])])  # (4, N)
    change = (matched - content)[0].flatten(1)[:, inside].double()
    squares = inputs @ inputs.T
    # A picture of few colors leaves directions open: those change nothing.
    small = 1e-9 * squares.diagonal().mean() * torch.eye(4, dtype=squares.dtype).to(squares)
    affine = gentle(torch.linalg.solve(squares + small, inputs @ change.T).T, colors.mean(1))
    if settings.kind == "lut":
        there = (nodes(content) - MIDDLE)[0].double()
        moved = torch.einsum("ij,jbgr->ibgr", affine[:, :3], there) + affine[:, 3:, None, None]
        return moved[None].float()
    return affine.reshape(1, 12, 1, 1, 1).expand(shape).float().contiguous()


def gentle(change: Tensor, mean: Tensor) -> Tensor:
    """An affine change (3, 4) that makes no contrast steeper than `STEEPEST`; the mean stays."""
    eye = torch.eye(3, dtype=change.dtype, device=change.device)
    left, steepness, right = torch.linalg.svd(change[:, :3] + eye)
    matrix = left @ torch.diag(steepness.clamp_max(STEEPEST)) @ right - eye
    return torch.cat([matrix, (change[:, :3] @ mean + change[:, 3] - matrix @ mean)[:, None]], 1)
