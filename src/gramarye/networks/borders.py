"""Features inside a border of one pixel, as the next 3 x 3 convolution reads them."""

from __future__ import annotations

import torch
from torch import Tensor

from gramarye.networks.features import Padding


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


def padded(x: Tensor, mode: Padding, dtype: torch.dtype) -> Tensor:
    """x (B, C, H, W) with a border of one pixel around it, in channels-last memory."""
    bordered = bordered_empty(x, dtype)
    interior(bordered).copy_(x)
    fill_border(bordered, mode)
    return bordered


def fill_border(bordered: Tensor, mode: Padding) -> None:
    """Write the border (B, C, H + 2, W + 2): zeros, the edge's neighbor, or the edge itself."""
    if mode == "zeros":
        for edge in (bordered[:, :, 0], bordered[:, :, -1], bordered[..., 0], bordered[..., -1]):
            edge.zero_()
        return
    source = 2 if mode == "reflect" else 1
    bordered[:, :, 1:-1, 0] = bordered[:, :, 1:-1, source]
    bordered[:, :, 1:-1, -1] = bordered[:, :, 1:-1, -1 - source]
    bordered[:, :, 0] = bordered[:, :, source]
    bordered[:, :, -1] = bordered[:, :, -1 - source]


def fold_border(bordered: Tensor, mode: Padding) -> None:
    """The way back of `fill_border`: the border's gradient goes where the border came from."""
    if mode != "zeros":
        source = 2 if mode == "reflect" else 1
        bordered[:, :, source] += bordered[:, :, 0]
        bordered[:, :, -1 - source] += bordered[:, :, -1]
        bordered[..., source] += bordered[..., 0]
        bordered[..., -1 - source] += bordered[..., -1]
    fill_border(bordered, "zeros")
