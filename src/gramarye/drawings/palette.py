"""The colors of a style, and which area of a drawing gets which of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from gramarye.drawings.areas import Areas
from gramarye.pictures.guided import box_mean
from gramarye.pictures.oklab import to_oklab

ROUNDS = 20  # of k-means, which has settled by then
BROAD = 0.04  # of the longest side: the radius over which the commonest color is a mass's
LEAST_SHARE = 0.05  # of the styles that a mass must have: strokes of few pixels repeat themselves
VIVID = 3.0  # weight of chroma, per tenth, in a color's mean: means of mixed pixels are gray
LEAST_LIGHT, RAISED = 0.42, 0.2  # L of OKLab: on what is darker, lines do not show; and the way up
CONTRAST = 0.25  # distance in OKLab at which neighbors are as different as they need be
CHANCE = 0.15  # of the score: how far the seed decides


@final
@dataclass(frozen=True)
class Palette:
    """The color masses of styles: broad places where one color prevails, the largest first.

    `colors` are in OKLab (K, 3), light enough to draw on, `shares` (K,) how much of the styles each
    mass is, and `places` which of them each pixel of a style belongs to, (h, w), style by style.
    """

    colors: Tensor
    shares: Tensor
    places: Sequence[Tensor]


def palette_of(styles: Sequence[Tensor], weights: Sequence[Tensor], count: int) -> Palette:
    """The masses of `count` colors at most in styles (1, 3, h, w), counted by weights (1, 1, h, w).

    The colors are first those of single pixels, by k-means in OKLab. Then a place belongs to the
    color that is commonest around it, with all the strokes of other colors that are there.
    """
    labs = [to_oklab(style) for style in styles]
    pixels = torch.cat([lab[0].flatten(1).mT for lab in labs])  # (N, 3)
    counts = torch.cat([weight.flatten() for weight in weights])
    counts = counts / counts.sum().clamp_min(1e-9)
    centers = main_colors(pixels, counts, count)
    around = [prevailing(lab, w, centers) for lab, w in zip(labs, weights, strict=True)]
    kept = torch.arange(len(centers))
    for _ in range(2):  # without those that are too small, the others are larger
        places = [x[0, kept].argmax(0) for x in around]
        number = torch.cat([x.flatten() for x in places])
        shares = _summed(counts[:, None], number, len(kept))[:, 0]
        large = shares >= min(LEAST_SHARE, float(shares.max()))
        kept = kept[large]
        if large.all():
            break
    vivid = counts * (1 + VIVID * pixels[:, 1:].norm(dim=1) / 0.1)
    sums = _summed(pixels * vivid[:, None], number, len(shares))
    colors = sums / _summed(vivid[:, None], number, len(shares)).clamp_min(1e-12)
    order = shares.argsort(descending=True, stable=True)
    rank = order.argsort()
    return Palette(lightened(colors[order]), shares[order], [rank[x] for x in places])


def main_colors(pixels: Tensor, weights: Tensor, count: int) -> Tensor:
    """The means of at most `count` groups of colors (N, 3) that count by weights (N,).

    By k-means from far-off beginnings (Arthur and Vassilvitskii, "k-means++", 2007; here each is
    the farthest by weight, so that nothing is drawn by chance).
    """
    centers = (weights[:, None] * pixels).sum(0, keepdim=True)
    for _ in range(count - 1):
        far = torch.cdist(pixels, centers).amin(1).square() * weights
        if float(far.max()) < 1e-12:
            break
        centers = torch.cat([centers, pixels[far.argmax()][None]])
    for _ in range(ROUNDS):
        nearest = torch.cdist(pixels, centers).argmin(1)
        sums = _summed(pixels * weights[:, None], nearest, len(centers))
        mass = _summed(weights[:, None], nearest, len(centers))
        centers = torch.where(mass > 0, sums / mass.clamp_min(1e-12), centers)
    return centers


def prevailing(lab: Tensor, weight: Tensor, centers: Tensor) -> Tensor:
    """How much of each color there is around each pixel (1, K, h, w)."""
    nearest = torch.cdist(lab[0].flatten(1).mT, centers).argmin(1).view(lab.shape[-2:])
    own = (nearest == torch.arange(len(centers))[:, None, None]).float()[None] * weight
    return box_mean(own, max(1, round(BROAD * max(lab.shape))))


def lightened(colors: Tensor) -> Tensor:
    """Colors (K, 3) of OKLab with a least lightness, in their order, the light ones as they are."""
    light, enough = colors[:, 0], LEAST_LIGHT + RAISED
    raised = torch.where(light < enough, LEAST_LIGHT + light / enough * RAISED, light)
    return torch.cat([raised[:, None], colors[:, 1:]], 1)


def _summed(values: Tensor, into: Tensor, count: int) -> Tensor:
    """The rows (N, D) summed by number: (count, D)."""
    return values.new_zeros(count, values.shape[1]).index_add_(0, into, values)


def assign_colors(areas: Areas, palette: Palette, seed: int) -> Tensor:
    """The number of each area's color (count,).

    The background gets the commonest. The others, the largest first, get colors whose share of the
    picture is not used up yet and that differ from their neighbors'; the seed decides between
    colors that are as good.
    """
    count, sizes = len(palette.shares), areas.sizes().double()
    background = areas.background()
    borders = areas.borders().double()
    chance = torch.rand(areas.count, count, generator=torch.Generator().manual_seed(seed),
                        dtype=torch.float64)  # fmt: skip
    apart = torch.cdist(palette.colors, palette.colors).double()
    different = (apart / CONTRAST).clamp(max=1)  # (K, K)
    chosen = torch.full((areas.count,), -1)
    chosen[background] = 0
    rest = sizes.sum() - sizes[background]
    left = palette.shares.double() * rest
    left[0] = max(0.0, float(left[0]) - float(sizes[background])) if count > 1 else rest
    left *= rest / left.sum().clamp_min(1e-9)
    for area in sizes.argsort(descending=True, stable=True).tolist():
        if area == background:
            continue
        known = (chosen >= 0) & (borders[area] > 0)
        share = borders[area][known] / borders[area].sum().clamp_min(1)
        near = (share[:, None] * (1 - different[chosen[known]])).sum(0)  # (K,)
        room = (left / sizes[area].clamp_min(1)).clamp(-1, 1)
        color = int((room - 2 * near + CHANCE * chance[area]).argmax())
        chosen[area] = color
        left[color] -= sizes[area]
    return chosen
