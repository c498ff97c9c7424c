"""A line drawing as a content: areas in the colors of a style, and the lines that stay on them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from gramarye.drawings.areas import Areas, find_areas
from gramarye.drawings.ink import ink_color, ink_of, on_white
from gramarye.drawings.palette import Palette, assign_colors, palette_of
from gramarye.errors import ImageError
from gramarye.pictures.oklab import from_oklab, to_oklab
from gramarye.pictures.settings import PictureSettings
from gramarye.scales.resizing import resize
from gramarye.scales.sizes import fit

WORKED = 1024  # longest side at which areas are looked for
SAMPLED = 128  # longest side of a style whose colors are looked for
NOTHING = 1e-3  # of a pixel that is to be painted
SAMPLE = 1 << 18  # pixels of which quantiles are taken
SHADE = 0.06  # of lightness in OKLab: how far an area is lighter above than below
MIDDLE = 0.58  # lightness in OKLab that at least half of a style has: lines must show on it
DARK, LIGHT = 0.25, 0.45  # lightness in OKLab between which a style's pixels begin to count


@final
@dataclass(frozen=True)
class Drawn:
    """What a drawing is for a run, at its own size or a smaller one (`drawn_size`).

    `colored` (1, 3, H, W) is the content. `share` (1, 1, H, W) is how much of each pixel stays:
    the ink, and with paper what is white; `kept` (1, 3, H, W) are its colors times that share.
    Areas are painted as the mass of the style whose color they have: `masses` (h, w) says which,
    and `places` (h, w), style by style, where these are.
    """

    colored: Tensor
    kept: Tensor
    share: Tensor
    masses: Tensor
    places: Sequence[Tensor]
    count: int


def color_drawing(
    drawing: Tensor,
    alpha: Tensor | None,
    styles: Sequence[Tensor],
    weights: Sequence[Tensor],
    settings: PictureSettings,
    mix: Sequence[float] = (),
) -> Drawn:
    """The drawing (1, 3, H, W) in the colors of styles that count by weights (1, 1, h, w).

    The setting `palette` is how far white paper goes towards them, `mix` how much each style
    counts.
    """
    height, width = drawing.shape[-2:]
    size = drawn_size(height, width, settings.size)
    drawn = resize(on_white(drawing.float(), alpha), *size).clamp(0, 1)
    ink = ink_of(drawn)
    dark = ink_color(drawn, ink)
    small = resize(ink, *fit(*size, min(WORKED, max(size)))).clamp(0, 1).cpu()
    areas = find_areas(small, settings.gaps / 100)
    colors = style_colors(styles, weights, settings.area_colors, mix)
    masses = assign_colors(areas, colors, settings.seed)[areas.index]
    painted = paint_areas(areas, colors.colors[masses])
    white = torch.zeros_like(ink)
    if settings.paper:
        around = (areas.index == areas.background()).float()[None, None]
        white = resize(around, *size).clamp(0, 1).to(ink)
        painted = torch.where(around > 0.5, torch.ones_like(painted), painted)
    share = 1 - (1 - ink) * (1 - white)
    if float(share.amin()) > 1 - NOTHING:
        raise ImageError(
            "the drawing leaves nothing to color: it is ink all over, or has no closed area and "
            "its paper is to stay white; give lines on paper, a larger --gaps, or leave --paper out"
        )
    painted = resize(painted, *size).clamp(0, 1).to(ink)
    painted = torch.ones_like(painted).lerp(painted, settings.palette)
    return Drawn(
        painted.lerp(dark, ink).to(drawing.dtype),
        (white * (1 - ink) + ink * dark).to(drawing.dtype),
        share.to(drawing.dtype),
        masses,
        colors.places,
        len(colors.shares),
    )


def drawn_size(height: int, width: int, longest: int) -> tuple[int, int]:
    """The size at which a drawing is held for a result of that longest side.

    A small result has the areas of a large one.
    """
    return fit(height, width, min(max(longest, WORKED), max(height, width)))


def style_colors(
    styles: Sequence[Tensor], weights: Sequence[Tensor], count: int, mix: Sequence[float]
) -> Palette:
    """The main colors of the styles, from small copies of them."""
    small: list[Tensor] = []
    counts: list[Tensor] = []
    for style, weight in zip(styles, weights, strict=True):
        size = fit(style.shape[-2], style.shape[-1], min(SAMPLED, max(style.shape[-2:])))
        small.append(resize(style.float(), *size).clamp(0, 1).cpu())
        own = resize(weight.float(), *size).clamp(0, 1).cpu()
        share = mix[len(counts)] if len(mix) == len(styles) else 1.0
        counts.append(own * (share / own.sum().clamp_min(1e-9)))
    return palette_of(small, counts, count)


def paint_areas(areas: Areas, lab: Tensor) -> Tensor:
    """Pixels of OKLab (H, W, 3) as sRGB (1, 3, H, W), every area a little lighter above and darker
    below.
    """
    height, width = areas.index.shape
    rows = torch.arange(height, dtype=torch.float64)[:, None].expand(height, width)
    flat = areas.index.flatten()
    top = torch.full((areas.count,), float(height), dtype=torch.float64)
    top.scatter_reduce_(0, flat, rows.flatten(), "amin")
    low = torch.zeros(areas.count, dtype=torch.float64)
    low.scatter_reduce_(0, flat, rows.flatten(), "amax")
    place = (rows - top[areas.index]) / (low - top)[areas.index].clamp_min(1)  # 0 above, 1 below
    lab = lab.clone()
    lab[..., 0] += SHADE * (0.5 - place).to(lab)
    return from_oklab(lab.permute(2, 0, 1)[None]).clamp(0, 1)


def lifted(style: Tensor) -> Tensor:
    """A style (1, 3, H, W) that is light enough for lines to show on; a light one as it is.

    A dark one is lightened by a power of its lightness, which takes the median to the middle, and
    is the more vivid for it, as in better light.
    """
    lab = to_oklab(style.float())
    light = lab[:, :1].clamp(0, 1)
    step = max(1, light.numel() // SAMPLE)
    median = float(light.flatten()[::step].median().clamp(0.05, 0.95))
    if median >= MIDDLE:
        return style
    lighter = light ** (math.log(MIDDLE) / math.log(median))
    vivid = (lighter / light.clamp_min(1e-3)).sqrt().clamp(max=2)
    lab = torch.cat([lighter, lab[:, 1:] * vivid], 1)
    return from_oklab(lab).clamp(0, 1).to(style.dtype)


def beside_lines(style: Tensor, alpha: Tensor | None) -> Tensor:
    """How far each pixel of a style (1, 3, H, W) counts for what lies between lines.

    The dark does not: the drawing has lines of its own, and areas that are to be seen under them.
    Where that leaves less than a fifth of a style, its lightest fifth counts.
    """
    light = to_oklab(style.float())[:, :1]
    step = max(1, light.numel() // SAMPLE)
    bright = float(torch.quantile(light.flatten()[::step], 0.8))
    shift = min(0.0, bright - LIGHT)
    counts = ((light - (DARK + shift)) / (LIGHT - DARK)).clamp(0, 1)
    counts = F.avg_pool2d(counts, 3, 1, 1, count_include_pad=False).to(style.dtype)
    return counts if alpha is None else counts * alpha
