"""The strip: the same photographs, painted again and again as the training goes on."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gramarye.pictures.contact_sheet import Cell, contact_sheet
from gramarye.scales.resizing import resize
from gramarye.scales.sizes import fit

SHEET = 900  # pixels of the strip's width
ROWS = 8  # of the strip, at most


def at_most(image: Tensor, longest: int) -> Tensor:
    """The image (1, 3, H, W), no longer than that."""
    height, width = image.shape[-2:]
    if max(height, width) <= longest:
        return image
    return resize(image, *fit(height, width, longest)).clamp(0, 1)


def pixels(image: Tensor) -> Tensor:
    return (image * 255).round().clamp(0, 255).to(torch.uint8)


def thinned(rows: list[list[Tensor]]) -> list[list[Tensor]]:
    """At most `ROWS` rows: the photographs, the first, every second between, and the last."""
    if len(rows) <= ROWS:
        return rows
    return [*rows[:2], *rows[3:-1:2], rows[-1]]


def strip_of(rows: Sequence[Sequence[Tensor]]) -> Tensor:
    """The photographs and, below, what became of them as the training went on."""
    cells = [[Cell(image.float() / 255) for image in row] for row in rows]
    return contact_sheet(cells, SHEET)
