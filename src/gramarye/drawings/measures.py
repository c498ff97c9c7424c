"""How well lines stand in a colored drawing: their edges, their ink, and strokes across them.

`ink` is (1, 1, H, W) from 0 to 1 (`ink_of` of the drawing at the result's size), `result`
(1, 3, H, W) in [0, 1].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from gramarye.pictures.color import luminance

EDGE = 0.2  # of ink from one pixel to the next: an edge of a line
INKED, PAPER = 0.5, 0.1  # ink above which a pixel is of a line, and below which it is not
DARK = 0.35  # luminance below which a pixel is dark


@final
@dataclass(frozen=True)
class Edges:
    """How the result's edges are those of the ink.

    `contrast` is the slope of light on ink at the lines' edges: 1 for black ink on white paper.
    `crispness` is their correlation: 1 where light follows ink, whatever the colors.
    """

    contrast: float
    crispness: float


def line_edges(result: Tensor, ink: Tensor) -> Edges:
    """The edges of lines in the result beside those in the drawing."""
    light = luminance(result)
    ink_steps, light_steps = [], []
    for dim in (-2, -1):
        step = ink.diff(dim=dim)
        edge = step.abs() > EDGE
        ink_steps.append(step[edge])
        light_steps.append(-light.diff(dim=dim)[edge])
    a, b = torch.cat(ink_steps).double(), torch.cat(light_steps).double()
    both = float(a @ b)
    size = float(a.square().sum()), float(b.square().sum())
    return Edges(both / max(size[0], 1e-12), both / max((size[0] * size[1]) ** 0.5, 1e-12))


@final
@dataclass(frozen=True)
class Overlap:
    """The share of the ink that is dark in the result, and of the rest that has become so."""

    kept: float
    new: float


def ink_overlap(result: Tensor, ink: Tensor) -> Overlap:
    """Whether the result is dark where the drawing is, and only there."""
    dark = luminance(result) < DARK
    line, rest = ink > INKED, ink < PAPER
    return Overlap(_share(dark, line), _share(dark, rest))


@final
@dataclass(frozen=True)
class Strokes:
    """How alike the light is at two ends of a distance, beyond what areas are in the mean.

    `across` a line, and `within` an area: correlations. Strokes that run over lines make both
    the same.
    """

    across: float
    within: float


def strokes_over_lines(result: Tensor, ink: Tensor, index: Tensor, distance: int) -> Strokes:
    """Whether brushwork goes on beyond lines; `index` (H, W) are the drawing's areas."""
    light = luminance(result)[0, 0].double()
    free = ink[0, 0] < PAPER
    areas = index[free]
    count = torch.bincount(areas, minlength=int(index.max()) + 1).clamp_min(1)
    mean = torch.zeros(len(count), dtype=torch.float64).index_add_(0, areas, light[free]) / count
    rest = light - mean[index]
    pairs: dict[bool, list[Tensor]] = {True: [], False: []}
    for dim in (0, 1):
        size = rest.shape[dim] - distance
        one, other = rest.narrow(dim, 0, size), rest.narrow(dim, distance, size)
        ends = free.narrow(dim, 0, size) & free.narrow(dim, distance, size)
        between = torch.stack([ink[0, 0].narrow(dim, k, size) for k in range(1, distance)])
        inked = between.amax(0) > INKED
        for crossed in (True, False):
            chosen = ends & (inked if crossed else ~(between.amax(0) > PAPER))
            pairs[crossed].append(torch.stack([one[chosen], other[chosen]]))
    return Strokes(*(_correlation(torch.cat(pairs[crossed], 1)) for crossed in (True, False)))


def _correlation(pairs: Tensor) -> float:
    """Of pairs (2, N) whose means are known to be 0."""
    one, other = pairs
    return float(one @ other / (one.square().sum() * other.square().sum()).sqrt().clamp_min(1e-12))


def _share(chosen: Tensor, among: Tensor) -> float:
    return float((chosen & among).sum() / among.sum().clamp_min(1))
