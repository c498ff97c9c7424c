"""Resizing, and what an image loses and gains by it."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from gramarye.scales.sizes import style_size


def resize(image: Tensor, height: int, width: int) -> Tensor:
    """The image (B, C, H, W) at another size: bicubic, antialiased where it shrinks.

    Resizing to the same size is the identity.
    """
    if image.shape[-2:] == (height, width):
        return image
    return F.interpolate(
        image, size=(height, width), mode="bicubic", antialias=True, align_corners=False
    )


def resize_around(image: Tensor, height: int, width: int) -> Tensor:
    """`resize` of an image (B, C, H, W) that goes on at one side where it ends at the other."""
    if image.shape[-2:] == (height, width):
        return image
    sides, around = [], image
    for dim, new in ((-2, height), (-1, width)):
        old = image.shape[dim]
        # What is laid on must become whole pixels, and reach as far as the kernel does.
        step = old // math.gcd(old, new)
        more = step * math.ceil((2 * max(1.0, old / new) + 1) / step)
        places = torch.arange(-more, old + more, device=image.device) % old
        around = around.index_select(dim, places)
        sides.append((more * new // old, new))
    (top, height), (left, width) = sides
    size = (height + 2 * top, width + 2 * left)
    return resize(around, *size)[..., top : top + height, left : left + width]


def fine_detail(image: Tensor, height: int, width: int) -> Tensor:
    """What the image (B, C, H, W) loses when it is brought to a smaller size and back."""
    if image.shape[-2:] == (height, width):
        return torch.zeros_like(image)
    coarse = resize(resize(image, height, width), *image.shape[-2:])
    return torch.sub(image, coarse, out=coarse)


def style_at(style: Tensor, longest: int, style_scale: float) -> Tensor:
    """A style (1, 3, H, W) in the size it has beside an image of that longest side."""
    size = style_size(style.shape[-2], style.shape[-1], longest, style_scale)
    return style if style.shape[-2:] == size else resize(style, *size).clamp(0, 1)
