"""The contact sheet: rows of pictures as wide as it, each result with its style in the corner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from gramarye.scales.resizing import resize

GAP = 12  # pixels of white between the pictures
INSET = 0.22  # the style's longest side, of the result's
FRAME = 3  # pixels of white around the style


@final
@dataclass(frozen=True)
class Cell:
    """A picture, and the style to show in its corner; both (1, 3, H, W)."""

    picture: Tensor
    style: Tensor | None = None


def contact_sheet(rows: Sequence[Sequence[Cell]], width: int) -> Tensor:
    """One picture (1, 3, H, width) of all rows, each as high as its pictures fill the width."""
    strips = [join(draw_row(row, width - 2 * GAP), dim=-1) for row in rows]
    return F.pad(join(strips, dim=-2), (GAP, GAP, GAP, GAP), value=1.0)


def draw_row(cells: Sequence[Cell], width: int) -> list[Tensor]:
    """The pictures of a row, of one height, that fill the width with the gaps between them."""
    room = width - GAP * (len(cells) - 1)
    ratios = [cell.picture.shape[-1] / cell.picture.shape[-2] for cell in cells]
    height = max(1, round(room / sum(ratios)))
    edges = [round(room * end / sum(ratios)) for end in accumulate(ratios, initial=0.0)]
    return [draw(cell, height, b - a) for cell, (a, b) in zip(cells, pairwise(edges), strict=True)]


def draw(cell: Cell, height: int, width: int) -> Tensor:
    picture = resize(cell.picture, height, width).clamp(0, 1).clone()
    if cell.style is None:
        return picture
    ratio = INSET * max(height, width) / max(cell.style.shape[-2:])
    h, w = (max(1, round(side * ratio)) for side in cell.style.shape[-2:])
    framed = F.pad(resize(cell.style, h, w).clamp(0, 1), (FRAME,) * 4, value=1.0)
    framed = framed[..., :height, :width]
    picture[..., -framed.shape[-2] :, -framed.shape[-1] :] = framed
    return picture


def join(pictures: Sequence[Tensor], dim: int) -> Tensor:
    """The pictures side by side (dim -1) or one below the other (dim -2), with gaps of white."""
    shape = list(pictures[0].shape)
    shape[dim] = GAP
    gap = torch.ones(shape)
    parts = [part for picture in pictures for part in (gap, picture)]
    return torch.cat(parts[1:], dim)
