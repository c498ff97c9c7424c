"""The guided filter (He, Sun and Tang, "Guided Image Filtering", 2013), and sums over boxes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def box_mean(x: Tensor, radius: int) -> Tensor:
    """The mean over each window (1, C, H, W) of 2 radius + 1 pixels a side, inside the picture."""
    for dim in (-2, -1):
        size = x.shape[dim]
        sums = F.pad(x.double().cumsum(dim), (1, 0, 0, 0) if dim == -1 else (0, 0, 1, 0))
        at = torch.arange(size, device=x.device)
        low, high = (at - radius).clamp_min(0), (at + radius + 1).clamp_max(size)
        counts = (high - low).double()
        total = sums.index_select(dim, high) - sums.index_select(dim, low)
        x = (total / (counts if dim == -1 else counts[:, None])).to(x.dtype)
    return x


def guided_filter(image: Tensor, guide: Tensor, radius: int, eps: float) -> Tensor:
    """The image (B, C, H, W) smoothed where the gray guide (B, 1, H, W) is smooth.

    In every box the result is a linear function of the guide, the one nearest to the image; each
    pixel takes the mean over the boxes it lies in. Where the guide varies by much less than `eps`
    (a variance) the box's mean is taken, where by much more the image is kept. A pixel depends on
    others no further off than twice the radius.
    """
    mean, of_image = box_mean(guide, radius), box_mean(image, radius)
    variance = box_mean(guide * guide, radius) - mean * mean
    slope = (box_mean(guide * image, radius) - mean * of_image) / (variance + eps)
    offset = of_image - slope * mean
    return box_mean(slope, radius) * guide + box_mean(offset, radius)
