"""Resizing, and what an image loses and gains by it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from gramarye.scales.sizes import SMALLEST_SIDE, fit


def resize(image: Tensor, height: int, width: int) -> Tensor:
    """The image (B, C, H, W) at another size: bicubic, antialiased where it shrinks.

    Resizing to the same size is the identity.
    """
    if image.shape[-2:] == (height, width):
        return image
    return F.interpolate(
        image, size=(height, width), mode="bicubic", antialias=True, align_corners=False
    )


def fine_detail(image: Tensor, height: int, width: int) -> Tensor:
    """What the image (B, C, H, W) loses when it is brought to a smaller size and back."""
    if image.shape[-2:] == (height, width):
        return torch.zeros_like(image)
    coarse = resize(resize(image, height, width), *image.shape[-2:])
    return torch.sub(image, coarse, out=coarse)


def style_size(height: int, width: int, longest: int, style_scale: float) -> tuple[int, int]:
    """A style's size beside an image of that longest side: `longest * style_scale`, never enlarged.

    An enlarged style has no fine strokes to give, only blur.
    """
    target = max(round(longest * style_scale), SMALLEST_SIDE)
    if target >= max(height, width):
        return height, width
    h, w = fit(height, width, target)
    return max(h, SMALLEST_SIDE), max(w, SMALLEST_SIDE)


def style_at(style: Tensor, longest: int, style_scale: float) -> Tensor:
    """A style (1, 3, H, W) in the size it has beside an image of that longest side."""
    size = style_size(style.shape[-2], style.shape[-1], longest, style_scale)
    return style if style.shape[-2:] == size else resize(style, *size).clamp(0, 1)
