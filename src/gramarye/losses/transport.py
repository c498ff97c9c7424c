"""Optimal transport in one dimension, of projections of features: sliced Wasserstein, histograms.

The papers sort the projections. Sorting needs all positions at once; histograms are sums over
positions, so that these losses are tiled, shared, weighted and mixed like moments. A value counts
for the two bins it lies between, by how near it is to each: the mean stays exact, and the loss has
a gradient. The distance is that of the two histograms as densities, exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from gramarye.losses.seeing import Seeing
from gramarye.losses.statistic_loss import Statistic
from gramarye.losses.statistics import Moments
from gramarye.tiles.regions import Sums

BINS = 256
LEAST_DIRECTIONS = 32
# Bins are narrow near the mean and grow outwards: z / (1 + |z|) is even, where z is the distance
# from the mean in units of SPREAD deviations, up to REACH of them. Features are heavy-tailed: most
# values are within a deviation, the largest a hundred away.
SPREAD, REACH = 2.0, 50.0


def sliced(style: Moments, seeing: Seeing, seed: int) -> Statistic:
    """The mean over directions of the squared 2-Wasserstein distance of the projections on them
    (Heitz et al. 2021).

    The paper draws as many directions as there are channels anew for every evaluation; ours are as
    many (32 at least), perpendicular to each other in sets, drawn once from the run's seed: L-BFGS
    must see one loss. Histograms of 256 bins stand for the sorted values, whatever the numbers of
    positions, where the paper repeats or interpolates them.
    """
    generator = torch.Generator().manual_seed(seed)
    return projected(style, orthogonal(seeing.channels, LEAST_DIRECTIONS, generator))


def histograms(style: Moments, seeing: Seeing, seed: int) -> Statistic:
    """|F - R(F)|^2 / (C M), where R matches a channel's values to the style's histogram: the
    squared 2-Wasserstein distance, channel by channel (Risser, Wilmot, Barnes 2017).

    As in the paper R is held fixed in the gradient, which makes it that of the distance. The paper
    adds this loss to the Gram loss, at relu4_1 and relu1_1: `gram=1,histogram=1@relu1_1+relu4_1`.
    Through a metric head it is the head's channels whose histograms are matched.
    """
    return projected(style, torch.eye(seeing.channels, dtype=torch.float64))


def projected(style: Moments, directions: Tensor) -> Statistic:
    """The histograms of projections on directions (K, C), compared direction by direction."""
    mean, covariance = style.mean()[0], style.covariance()[0]
    directions = directions.to(mean)
    variances = torch.einsum("kc,cd,kd->k", directions, covariance, directions).clamp_min(0)
    # A channel that never fires in the style has a width, too: a tenth of the others', whose usual
    # values are then within reach.
    floor = 1e-2 * variances.mean() + 1e-12
    scale = SPREAD * (variances + floor).sqrt()
    even = torch.linspace(-1, 1, BINS, dtype=torch.float64).to(mean) * (REACH / (1 + REACH))
    centers = even / (1 - even.abs())
    bins = Bins(directions / scale[:, None], -(directions @ mean) / scale, centers)
    edges = bins.edges().expand(len(directions), -1)

    def distance(image: Sums, target: Sums) -> Tensor:
        return (scale.square() * transport(image[0], target[0], edges)).mean(1)

    return Statistic(bins.sums, distance, 2 * len(directions), bins.gradient)


@final
@dataclass(frozen=True)
class Bins:
    """Histograms of projections, each from its own mean and in its own unit."""

    directions: Tensor  # (K, C)
    shift: Tensor  # (K,)
    centers: Tensor  # (bins,), rising, the same for all

    def sums(self, x: Tensor, weights: Tensor | None) -> Sums:
        """How much of the positions (B, C, N) is in each bin: (B, K, bins)."""
        values, lower = self.place(x)
        left, width = self.lower_bins(x.dtype)
        upper_share = (values - left[lower]) / width[lower]
        count = torch.ones_like(upper_share) if weights is None else weights.to(x.dtype)
        upper = upper_share * count
        found = x.new_zeros((*values.shape[:2], len(self.centers)))
        found = found.scatter_add(2, lower, count - upper)
        return (found.scatter_add(2, lower + 1, upper),)

    def gradient(self, x: Tensor, weights: Tensor | None, slopes: Sequence[Tensor]) -> Tensor:
        """The gradient of sum(slopes * sums) in the positions: within a bin it is the same."""
        values, lower = self.place(x)
        _, width = self.lower_bins(x.dtype)
        of_bins = slopes[0].to(x.dtype).diff(dim=2) / width
        found = of_bins.gather(2, lower)
        found *= values.abs() < REACH  # what lies beyond the last bin would only move within it
        if weights is not None:
            found *= weights.to(x.dtype)
        return self.directions.to(x.dtype).mT @ found

    def place(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The projections (B, K, N) and the lower of the two bins each lies between."""
        directions = self.directions.to(x.dtype).expand(len(x), -1, -1)
        shift = self.shift.to(x.dtype)[:, None].expand(len(x), -1, -1)
        values = torch.baddbmm(shift, directions, x).clamp(-REACH, REACH)
        with torch.no_grad():
            last = len(self.centers) - 2
            even = values / values.abs().add_(1)
            even.mul_((1 + REACH) / REACH * (last + 1) / 2).add_((last + 1) / 2)
            return values, even.long().clamp_(0, last)

    def lower_bins(self, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """The centers of all bins but the last, and how far each is from the next."""
        return self.centers[:-1].to(dtype), self.centers.diff().to(dtype)

    def edges(self) -> Tensor:
        """Where the bins end, (bins + 1,): halfway between their centers."""
        between = (self.centers[1:] + self.centers[:-1]) / 2
        first, last = self.centers[:1], self.centers[-1:]
        return torch.cat([2 * first - between[:1], between, 2 * last - between[-1:]])


def transport(image: Tensor, style: Tensor, edges: Tensor) -> Tensor:
    """The squared 2-Wasserstein distance (B, K) of histograms (B, K, bins), even within each bin.

    That is the integral over u in (0, 1) of the squared difference of the two quantile functions:
    between neighboring levels of either histogram both are straight lines, and it is exact. `edges`
    (K, bins + 1) are where the bins end. Histograms need not add up to 1: they are divided by their
    sums.
    """
    style = style.expand(len(image), -1, -1)
    sums = [histogram.cumsum(2) for histogram in (image, style)]
    cumulated = [found / found[..., -1:] for found in sums]  # from the last value on exactly 1
    levels = torch.cat(cumulated, dim=2).clamp(0, 1).sort(dim=2).values
    levels = torch.cat([torch.zeros_like(levels[..., :1]), levels], dim=2)
    lower, upper = levels[..., :-1], levels[..., 1:]
    ours, theirs = (quantile_ends(c, edges, lower, upper) for c in cumulated)
    start, end = ours[0] - theirs[0], ours[1] - theirs[1]
    parts = (upper - lower) * (start.square() + start * end + end.square())
    distance: Tensor = parts.sum(2) / 3
    return distance


def quantile_ends(
    cumulated: Tensor, edges: Tensor, lower: Tensor, upper: Tensor
) -> tuple[Tensor, Tensor]:
    """The quantile function (B, K, n) at both ends of intervals of levels, each within one bin."""
    with torch.no_grad():
        middle = (lower + upper) / 2
        index = torch.searchsorted(cumulated.contiguous(), middle.contiguous())
        index = index.clamp_max(cumulated.shape[2] - 1)
        table = edges.expand(len(cumulated), -1, -1)
        left, width = table.gather(2, index), table.diff(dim=2).gather(2, index)
    before = torch.cat([torch.zeros_like(cumulated[..., :1]), cumulated], dim=2)
    begin, end = before.gather(2, index), cumulated.gather(2, index)
    mass = (end - begin).clamp_min(torch.finfo(cumulated.dtype).tiny)
    first, second = ((level - begin) / mass for level in (lower, upper))
    return left + width * first.clamp(0, 1), left + width * second.clamp(0, 1)


def orthogonal(channels: int, least: int, generator: torch.Generator) -> Tensor:
    """Unit directions (K, channels) in sets that are perpendicular, K at least that many."""
    sets = -(-max(least, channels) // channels)
    drawn = torch.randn(sets, channels, channels, generator=generator, dtype=torch.float64)
    bases: Tensor = torch.linalg.qr(drawn).Q
    return bases.mT.reshape(-1, channels)
