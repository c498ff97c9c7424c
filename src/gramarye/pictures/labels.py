"""Label pictures: which of a few colors each pixel is meant to have.

A label picture is drawn in flat colors, and seldom arrives so: programs smooth its edges, JPEG adds
noise, and both make colors that nobody drew. So the colors are looked for where the picture is
flat, and what is not flat takes the color of a neighbor.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from gramarye.errors import ImageError

Color = tuple[int, int, int]  # red, green, blue, from 0 to 255

MOST = 64  # colors of a label picture
NO_LABEL = 255  # of what is transparent
LEAST_SHARE = (
    1e-3  # of the picture that a region must have: its statistics would be of a few pixels
)
SAMPLED = 1 << 20  # pixels that colors are looked for in

# Levels of 8 bits, measured on pictures of 2 to 8 flat colors: JPEG of quality 30 to 95 leaves the
# inside of an area within 3 of its color; of a photograph, also a gray one, less than half is.
NOISE, FLAT, APART = 3.0, 12.0, 24.0
LEAST_FLAT = 0.55  # of a label picture's pixels lie within NOISE of one of its colors


@final
@dataclass(frozen=True)
class Labels:
    """The colors of a label picture, the most frequent first, and which of them a pixel has."""

    colors: tuple[Color, ...]
    index: Tensor  # (1, 1, H, W) uint8, in `colors`; NO_LABEL where there is none
    small: tuple[Color, ...] = ()  # of areas that are too small: they have become their neighbors'
    apart: float = APART  # how near two colors are the same, also of another picture


def show_color(color: Color) -> str:
    """`#ff8000`: as programs that draw write it."""
    return "#" + "".join(f"{value:02x}" for value in color)


def distance(color: Color, other: Color) -> float:
    return math.dist(color, other)


def read_labels(pixels: Tensor, alpha: Tensor | None = None, name: str = "a picture") -> Labels:
    """The labels of a picture (1, 3, H, W) in [0, 1]; what is half transparent or more has none.

    Few colors in all are taken as they are, however near: a drawing, or numbers of classes. Else
    colors within 24 levels of each other are one. ImageError for a picture that is no drawing in
    flat colors, such as a photograph.
    """
    levels = (pixels[0].cpu().clamp(0, 1) * 255).round().to(torch.uint8)  # (3, H, W)
    shown = None if alpha is None else alpha[0, 0].cpu() >= 0.5  # (H, W)
    step = max(1, int((levels[0].numel() / SAMPLED) ** 0.5))
    sample = levels[:, ::step, ::step]
    seen = torch.ones_like(sample[0], dtype=torch.bool)
    if shown is not None:
        seen = shown[::step, ::step]
    if not seen.any():
        raise ImageError(f"{name} is entirely transparent: give a picture that shows something")
    exact = len(counted_colors(packed(sample)[seen])[0]) <= MOST
    peaks, counts = flat_colors(sample, seen, exact=exact)
    drawn = 0 < len(peaks) <= MOST
    if not drawn or not (exact or near_colors(sample, seen, peaks) >= LEAST_FLAT):
        raise ImageError(
            f"{name} is no label picture, but has as many colors as a photograph: paint every "
            f"region in one flat color, {MOST} at most, without shading"
        )
    total = int(seen.sum())
    large = [c for c, n in zip(peaks, counts, strict=True) if n >= LEAST_SHARE * total]
    large = large or peaks[:1]
    # Where there is noise, nobody knows whether a spot was drawn.
    small = tuple(color for color in peaks if exact and color not in large)
    index = snapped(levels, large, 0.5 if exact else APART)
    if shown is not None:
        index = torch.where(shown, index, NO_LABEL)
    pairs = [math.dist(a, b) for a, b in itertools.combinations(large, 2)] if exact else []
    return Labels(tuple(large), index[None, None], small, min([APART, *(d / 2 for d in pairs)]))


def packed(levels: Tensor) -> Tensor:
    """Colors (3, ...) as one number each."""
    red, green, blue = levels.int()
    found: Tensor = (red << 16) | (green << 8) | blue
    return found


def unpacked(color: int) -> Color:
    return color >> 16, color >> 8 & 255, color & 255


def counted_colors(colors: Tensor) -> tuple[Tensor, Tensor]:
    """Which numbers there are, in order, and how often; runs of equal ones count at once."""
    runs, lengths = torch.unique_consecutive(colors, return_counts=True)
    values, which = torch.unique(runs, return_inverse=True)
    return values, torch.zeros_like(values, dtype=torch.long).index_add_(0, which, lengths)


def flat_colors(levels: Tensor, seen: Tensor, *, exact: bool) -> tuple[list[Color], list[int]]:
    """The colors of what is flat over 3 x 3 pixels, the most frequent first, and their pixels.

    Each is the most frequent of those around it; no more than one too many are looked for.
    """
    spread = around(levels, torch.maximum) - around(levels, torch.minimum)
    flat = (spread.amax(0) <= (0 if exact else FLAT)) & seen
    values, counts = counted_colors(packed(levels)[flat])
    order = counts.argsort(descending=True, stable=True)[:4096]
    values, counts = values[order], counts[order]
    colors = torch.stack([values >> 16, values >> 8 & 255, values & 255], 1).float()  # (N, 3)
    peaks: list[Color] = []
    found: list[int] = []
    while len(values) and len(peaks) <= MOST:
        mine = (colors - colors[0]).norm(dim=1) <= (0.5 if exact else APART)
        peaks.append(unpacked(int(values[0])))
        found.append(int(counts[mine].sum()))
        values, counts, colors = values[~mine], counts[~mine], colors[~mine]
    ranks = sorted(range(len(peaks)), key=lambda i: -found[i])
    return [peaks[i] for i in ranks], [found[i] for i in ranks]


def near_colors(levels: Tensor, seen: Tensor, colors: list[Color]) -> float:
    """The share of pixels that have one of the colors, but for noise."""
    _, far = nearest(levels, colors)
    return float((far[seen] <= NOISE).float().mean())


def nearest(levels: Tensor, colors: list[Color]) -> tuple[Tensor, Tensor]:
    """Which color is nearest to each pixel (H, W), uint8, and how far it is, in levels."""
    best = torch.full(levels.shape[1:], torch.inf)
    index = torch.zeros(levels.shape[1:], dtype=torch.uint8)
    for number, color in enumerate(colors):
        far = torch.zeros_like(best)
        for channel, value in zip(levels, color, strict=True):
            far += (channel.float() - value).square_()
        closer = far < best
        index[closer], best = number, torch.minimum(best, far)
    return index, best.sqrt_()


def snapped(levels: Tensor, colors: list[Color], apart: float) -> Tensor:
    """Which of the colors each pixel is meant to have (H, W), uint8.

    A pixel in a square of 3 x 3 that are all near to one color has it: thinner lines are those of
    edges. The others are asked from those squares outwards, and take the label of one of their
    neighbors, that whose color is nearest: what lies between red and blue is the one or the other,
    and not the violet that there is elsewhere.
    """
    index, far = nearest(levels, colors)
    wild = far > apart
    value = index.masked_fill(wild, len(colors))
    same = around(value, torch.maximum) == around(value, torch.minimum)
    same &= ~wild
    core = around(same, torch.logical_or) & ~wild
    if not core.any():
        return index
    return grown(index, core, levels, colors)


def around(x: Tensor, best: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """The best of each 3 x 3 pixels of (..., H, W), such as the largest, in the type of `x`.

    Of bytes, a line after the other: pooling wants floats, and takes ten times as long.
    """
    for axis in (-1, -2):
        side = x.shape[axis]
        first, last = x.narrow(axis, 0, 1), x.narrow(axis, side - 1, 1)
        before = torch.cat([first, x.narrow(axis, 0, side - 1)], axis)
        after = torch.cat([x.narrow(axis, 1, side - 1), last], axis)
        x = best(best(x, before), after)
    return x


def grown(index: Tensor, known: Tensor, levels: Tensor, colors: list[Color]) -> Tensor:
    """The labels (H, W), those that are not known taken from neighbors, ring after ring."""
    height, width = index.shape
    pitch = width + 2
    labels = F.pad(index.int().masked_fill(~known, -1), (1, 1, 1, 1), value=-1).flatten()
    palette = torch.tensor(colors, dtype=torch.float32)  # (K, 3)
    y, x = (~known).nonzero(as_tuple=True)
    pixels = levels[:, y, x].float().T  # (N, 3)
    places = (y + 1) * pitch + x + 1
    beside = torch.tensor([dy * pitch + dx for dy, dx in ring()])
    while len(places):
        labels_around = labels[places[:, None] + beside]  # (N, 8)
        far = (pixels[:, None] - palette[labels_around.clamp(min=0)]).norm(dim=2)
        far, choice = far.masked_fill(labels_around < 0, torch.inf).min(1)
        found = far < torch.inf
        taken = labels_around.gather(1, choice[:, None])[:, 0]
        labels[places[found]] = taken[found]
        places, pixels = places[~found], pixels[~found]
    return labels.view(height + 2, pitch)[1:-1, 1:-1].to(torch.uint8)


def ring() -> Iterator[tuple[int, int]]:
    """The eight neighbors of a pixel, those that share a side first."""
    return iter([(0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (1, -1), (-1, 1), (-1, -1)])
