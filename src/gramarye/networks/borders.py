"""Features inside a border of one pixel, as the next 3 x 3 convolution reads them."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from gramarye.networks.features import Padding

Border = Padding | Literal["circular"]  # what lies beyond: for circular, the other side


def channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


def bordered_empty(like: Tensor, dtype: torch.dtype) -> Tensor:
    """Memory for a tensor (B, C, H, W) with a border of one pixel: (B, C, H + 2, W + 2)."""
    b, c, h, w = like.shape
    return torch.empty(
        (b, c, h + 2, w + 2), dtype=dtype, device=like.device, memory_format=torch.channels_last
    )


def interior(bordered: Tensor) -> Tensor:
    """All but the border, as a view."""
    return bordered[:, :, 1:-1, 1:-1]


def padded(x: Tensor, mode: Border, dtype: torch.dtype) -> Tensor:
    """x (B, C, H, W) with a border of one pixel around it, in channels-last memory."""
    bordered = bordered_empty(x, dtype)
    interior(bordered).copy_(x)
    fill_border(bordered, mode)
    return bordered


def sources(mode: Border) -> tuple[int, int]:
    """Where the border's first and last row come from: across it, the edge, or the other side."""
    return {"reflect": (2, -3), "replicate": (1, -2), "circular": (-2, 1)}[mode]


def fill_border(bordered: Tensor, mode: Border) -> None:
    """Write the border (B, C, H + 2, W + 2): zeros, or the rows that `sources` names."""
    if mode == "zeros":
        for edge in (bordered[:, :, 0], bordered[:, :, -1], bordered[..., 0], bordered[..., -1]):
            edge.zero_()
        return
    first, last = sources(mode)
    bordered[:, :, 1:-1, 0] = bordered[:, :, 1:-1, first]
    bordered[:, :, 1:-1, -1] = bordered[:, :, 1:-1, last]
    bordered[:, :, 0] = bordered[:, :, first]
    bordered[:, :, -1] = bordered[:, :, last]


def fold_border(bordered: Tensor, mode: Border) -> None:
    """The way back of `fill_border`: the border's gradient goes where the border came from."""
    if mode != "zeros":
        first, last = sources(mode)
        bordered[:, :, first] += bordered[:, :, 0]
        bordered[:, :, last] += bordered[:, :, -1]
        bordered[..., first] += bordered[..., 0]
        bordered[..., last] += bordered[..., -1]
    fill_border(bordered, "zeros")
