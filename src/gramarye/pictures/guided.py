"""The guided filter (He, Sun, Tang 2013): a picture that takes its edges from another."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

RADIUS = 0.02  # of the longest side: Luan et al. 2017 smooth over 15 of about 700 pixels
EPS = 1e-4  # of a variance: flatter than two and a half levels of 8 bits counts as flat
ROWS = 256  # filtered at a time


def guided(picture: Tensor, guide: Tensor, radius: int | None = None, eps: float = EPS) -> Tensor:
    """The picture (1, 3, H, W) as affine maps of the guide's colors, one around each pixel.

    In every window, the map is fitted to the picture by least squares; a pixel goes through the
    mean of the maps of its windows. What the guide does not have, such as brushwork, is gone, and
    colors stay. In strips, so that a large picture takes little besides itself; windows end at the
    picture's border.
    """
    height, width = picture.shape[-2:]
    if radius is None:
        radius = max(1, round(RADIUS * max(height, width)))
    result = torch.empty_like(picture)
    for top in range(0, height, ROWS):
        bottom = min(top + ROWS, height)
        first, last = max(0, top - 2 * radius), min(height, bottom + 2 * radius)
        part = filtered(picture[..., first:last, :], guide[..., first:last, :], radius, eps)
        result[..., top:bottom, :] = part[..., top - first : bottom - first, :]
    return result


def filtered(p: Tensor, guide: Tensor, radius: int, eps: float) -> Tensor:
    """`guided` in one piece."""
    mean, mean_p = box_mean(guide, radius), box_mean(p, radius)
    outer = box_mean(guide[:, :, None] * guide[:, None], radius) - mean[:, :, None] * mean[:, None]
    both = box_mean(guide[:, :, None] * p[:, None], radius)  # (1, guide, channel, h, w)
    both = both - mean[:, :, None] * mean_p[:, None]
    eye = torch.eye(3, dtype=p.dtype, device=p.device)
    slopes = torch.linalg.solve(
        outer.movedim((1, 2), (-2, -1)) + eps * eye, both.movedim((1, 2), (-2, -1))
    ).movedim((-2, -1), (1, 2))
    shift = mean_p - (slopes * mean[:, :, None]).sum(1)
    slopes = box_mean(slopes, radius)
    result: Tensor = (slopes * guide[:, :, None]).sum(1) + box_mean(shift, radius)
    return result


def box_mean(x: Tensor, radius: int) -> Tensor:
    """The mean over each window (..., H, W) of 2 radius + 1 pixels a side, inside the picture."""
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
