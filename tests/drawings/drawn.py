"""Line drawings made by hand, for tests."""

from __future__ import annotations

import torch
from torch import Tensor


def house(side: int = 64, width: int = 2, gap: int = 0) -> Tensor:
    """The ink of a square with a line across it (1, 1, side, side), its left side with a gap."""
    ink = torch.zeros(1, 1, side, side)
    low, high = side // 4, 3 * side // 4
    for at in (low, side // 2, high):
        ink[..., at : at + width, low : high + width] = 1
    for at in (low, high):
        ink[..., low : high + width, at : at + width] = 1
    if gap:
        middle = (low + side // 2 + width) // 2
        ink[..., middle : middle + gap, low : low + width] = 0
    return ink


def on_paper(ink: Tensor, paper: Tensor | float = 1.0, dark: float = 0.0) -> Tensor:
    """The picture (1, 3, H, W) of ink that lets `dark` of the paper's light through."""
    return (paper * (1 - (1 - dark) * ink)).expand(-1, 3, -1, -1).contiguous()


def halves(one: tuple[float, float, float], other: tuple[float, float, float]) -> Tensor:
    """A style (1, 3, 64, 64) of two colors, the first on the left two thirds."""
    style = torch.tensor(one).view(1, 3, 1, 1).repeat(1, 1, 64, 64)
    style[..., 43:] = torch.tensor(other).view(1, 3, 1, 1)
    return style
