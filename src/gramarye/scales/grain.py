"""Noise like a style's finest detail, for images that were enlarged and have none."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

PERIOD = 512  # pixels after which the grain repeats; it is alike over a few


def spot_noise(
    details: Sequence[Tensor],
    seed: int,
    weights: Sequence[Tensor | None] | None = None,
    period: tuple[int, int] = (PERIOD, PERIOD),
) -> Tensor:
    """Noise with the mean spectrum of the details (1, 3, H, W), and as strong as they.

    The result (1, 3, *period), of mean 0, repeats in both directions, and is drawn on the CPU: one
    seed is one noise on every device.

    It is the asymptotic discrete spot noise of the details (Galerne, Gousseau and Morel 2011,
    definition 2): white noise convolved with them, divided by the square root of their pixels.
    Theirs is as large as the picture; here a detail is wrapped around the period first, which
    samples its spectrum. Where a detail has weights (1, 1, H, W), its mean and its strength are
    those of the pixels as they count.
    """
    generator = torch.Generator().manual_seed(seed)
    total = torch.zeros(1, 3, *period, dtype=torch.float32)
    for detail, counts in zip(details, weights or [None] * len(details), strict=True):
        spot = detail.float().cpu()
        if counts is None:
            spot, pixels = spot - spot.mean(dim=(-2, -1), keepdim=True), float(spot[0, 0].numel())
        else:
            spot, pixels = counted(spot, counts.float().cpu())
        noise = torch.randn(*period, generator=generator, dtype=torch.float32)
        product = torch.fft.rfft2(noise) * torch.fft.rfft2(wrapped(spot, period))
        total += torch.fft.irfft2(product, s=period) / math.sqrt(pixels)
    total /= math.sqrt(max(1, len(details)))
    return total - total.mean(dim=(-2, -1), keepdim=True)


def counted(spot: Tensor, weights: Tensor) -> tuple[Tensor, float]:
    """The spot without its mean, every pixel's square as large as it counts; and their number."""
    pixels = float(weights.sum())
    mean = (spot * weights).sum(dim=(-2, -1), keepdim=True) / pixels
    return (spot - mean) * weights.sqrt(), pixels


def wrapped(image: Tensor, period: tuple[int, int] = (PERIOD, PERIOD)) -> Tensor:
    """The image (1, C, H, W) summed over its places modulo the period: (1, C, *period)."""
    high, wide = period
    height, width = image.shape[-2:]
    image = F.pad(image, (0, -width % wide, 0, -height % high))
    rows, columns = image.shape[-2] // high, image.shape[-1] // wide
    return image.view(1, -1, rows, high, columns, wide).sum(dim=(2, 4))


def style_noise(
    styles: Sequence[Tensor],
    seed: int,
    weights: Sequence[Tensor | None] | None,
    size: tuple[int, int],
) -> Tensor:
    """Noise in [0, 1] of that size (1, 3, H, W), of the styles' mean color, and as `spot_noise`.

    It is the random texture that has the styles' colors and spectrum, and nothing else of them: all
    phases are drawn. Both sides meet their opposites.
    """
    means = []
    for style, counts in zip(styles, weights or [None] * len(styles), strict=True):
        pixels = style.float().cpu()
        counts = torch.ones_like(pixels[:, :1]) if counts is None else counts.float().cpu()
        means.append((pixels * counts).sum(dim=(-2, -1), keepdim=True) / counts.sum())
    noise = spot_noise(styles, seed, weights, size)
    return (noise + torch.stack(means).mean(0)).clamp(0, 1)


def missing(grain: Tensor, variance: float) -> float:
    """What to multiply the grain by, so that with detail of this variance it has the grain's."""
    wanted = float(grain.square().mean())
    return math.sqrt(max(0.0, 1 - variance / wanted)) if wanted > 0 else 0.0


def add_grain(image: Tensor, grain: Tensor, factor: float, top: int = 0) -> None:
    """Add the grain times a factor to the image (1, 3, H, W), over and over, in place.

    `top` is the row of the whole that the image begins with.
    """
    height, width = image.shape[-2:]
    high, wide = grain.shape[-2:]
    for y in range(-(top % high), height, high):
        for x in range(0, width, wide):
            part = image[..., max(y, 0) : y + high, x : x + wide]
            first = max(y, 0) - y
            piece = grain[..., first : first + part.shape[-2], : part.shape[-1]]
            part.add_(piece.to(part.device), alpha=factor)
