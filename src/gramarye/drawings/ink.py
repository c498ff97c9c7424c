"""The ink of a line drawing: how much of it each pixel has, whatever the paper and the light."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from gramarye.pictures.color import luminance
from gramarye.scales.resizing import resize
from gramarye.scales.sizes import fit

LOOKED_AT = 256  # longest side at which the paper's light is found: it changes slowly
WIDEST = 0.1  # of the longest side: what is dark and broader is taken for shadow on the paper
DARKEST = 0.5  # of the brightest paper: darker is no shadow, but filled with ink
SAMPLED = 1 << 18  # pixels of which levels are taken
NOISE = 3.0  # deviations of the paper's noise that are no ink
LEAST, MOST = 0.04, 0.2  # of the paper's light: what noise and shading of paper may take away
FULL = 0.8  # quantile of the ink there is that counts as all black: much of a line is its edges
DARK = 0.12  # luminance of ink at most


def ink_of(drawing: Tensor) -> Tensor:
    """How much ink there is (1, 1, H, W), from 0 for paper to 1, of a picture (1, 3, H, W).

    The lightness is divided by the paper's, which scans and photographs leave gray and uneven.
    Then levels are stretched, so that pencil is as dark as ink: below is what the paper's noise
    has, above what most of a line has.
    """
    gray = luminance(drawing).clamp(0, 1)
    ink = 1 - gray / paper_of(gray)
    low, high = levels_of(ink)
    return ink.sub_(low).div_(high - low).clamp_(0, 1)


def on_white(drawing: Tensor, alpha: Tensor | None) -> Tensor:
    """The drawing with white paper where it is transparent: many are black on nothing."""
    return drawing if alpha is None else 1 - alpha + drawing * alpha


def paper_of(gray: Tensor) -> Tensor:
    """How light the paper is at each pixel (1, 1, H, W): the drawing without what is narrow."""
    size = gray.shape[-2], gray.shape[-1]
    small = resize(gray, *fit(*size, min(LOOKED_AT, max(size)))).clamp(0, 1)
    reach = max(1, round(max(small.shape) * WIDEST / 2))
    padded = F.pad(small, (reach,) * 4, mode="replicate")
    window = 2 * reach + 1
    paper = -F.max_pool2d(-F.pad(F.max_pool2d(padded, window, 1), (reach,) * 4, mode="replicate"),
                          window, 1)  # fmt: skip
    brightest = float(torch.quantile(paper, 0.95))
    paper = paper.clamp_min(max(DARKEST * brightest, 1e-3))
    paper = F.pad(paper, (reach,) * 4, mode="replicate")
    for _ in range(2):  # two boxes are nearly a bell
        paper = F.avg_pool2d(paper, reach | 1, 1)
    margin = [(paper.shape[d] - small.shape[d]) // 2 for d in (-2, -1)]
    paper = paper[..., margin[0] : margin[0] + small.shape[-2],
                  margin[1] : margin[1] + small.shape[-1]]  # fmt: skip
    return resize(paper, *size).clamp_min(1e-3)


def levels_of(ink: Tensor) -> tuple[float, float]:
    """The darkness that is none yet, and that which is all black, of a raw ink map.

    The paper's noise is measured by the median of what is above and below its own median: most of
    a drawing is paper.
    """
    step = max(1, ink.numel() // SAMPLED)
    values = ink.flatten()[::step]
    middle = values.median()
    spread = 1.4826 * (values - middle).abs().median()
    low = min(max(float(middle + NOISE * spread), LEAST), MOST)
    inked = values[values > low + LEAST]
    if not len(inked):
        return low, 1.0
    return low, max(float(torch.quantile(inked, FULL)), low + LEAST)


def ink_color(drawing: Tensor, ink: Tensor) -> Tensor:
    """The color of the ink (1, 3, 1, 1), dark: the mean of where there is most of it."""
    weight = ink.pow(4)
    total = weight.sum()
    if float(total) <= 0:
        return drawing.new_zeros(1, 3, 1, 1)
    color = (drawing * weight).sum((2, 3), keepdim=True) / total
    color = color.clamp(0, 1)
    return color * (DARK / luminance(color).clamp_min(DARK))
