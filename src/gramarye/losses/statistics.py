"""Style statistics as sums over positions plus a count (design law 1).

Because they are sums, statistics of parts add up to the statistics of the whole: masks are weighted
sums, several styles are weighted means, tiles and machines each contribute their share.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from gramarye.losses.positions import Positions, add_gradients_at, sums_at
from gramarye.tiles.regions import Box

CHUNK = 1 << 20  # numbers converted to float32 at a time: enough for all threads, few for the cache


def sums_of(features: Tensor) -> tuple[Tensor, Tensor]:
    """F F^T (B, C, C) and F (B, C), summed over positions; in float32 at least."""
    if features.stride(1) != 1 or features.shape[1] == 1:
        x = at_least_float32(features.flatten(2))  # (B, C, H*W)
        return x @ x.mT, x.sum(2)
    rows = features.permute(0, 2, 3, 1)  # (B, H, W, C)
    b, h, w, c = rows.shape
    if rows.is_contiguous() and rows.dtype is not torch.bfloat16:
        x = rows.reshape(b, h * w, c)
        return x.mT @ x, x.sum(1)
    # The features lie inside a padding's border, or must be converted: a few rows at a time.
    dtype = torch.promote_types(features.dtype, torch.float32)
    second = features.new_zeros((b, c, c), dtype=dtype)
    first = features.new_zeros((b, c), dtype=dtype)
    step = max(1, CHUNK // max(1, b * w * c)) if features.device.type == "cpu" else max(1, h)
    for part in torch.split(rows, step, dim=1):
        x = at_least_float32(part).reshape(b, -1, c)
        second.baddbmm_(x.mT, x)
        # Long rows first: sums over a handful of channels at a time are slow.
        first += x.view(b, -1, w * c).sum(1).view(b, w, c).sum(1)
    return second, first


def add_sums_gradient(
    into: Tensor, features: Tensor, second: Tensor, first: Tensor, weights: Weights = None
) -> None:
    """Add to `into` (B, C, H, W) what gradients in the two sums mean for the features.

    Where positions are weighted, by `weights` (1, 1, H, W), so is what each of them gets.
    """
    if isinstance(weights, Positions):
        matrix, slope = (second + second.mT).to(into.dtype), first.to(into.dtype)
        add_gradients_at(into, features, matrix[:, None], slope[:, None], weights.alone)
        return
    if weights is not None:
        plain = torch.zeros_like(into)
        add_sums_gradient(plain, features, second, first)
        into.addcmul_(plain, weights.to(into.dtype))
        return
    matrix = (second + second.mT).to(into.dtype)  # (B, C, C)
    first = first.to(into.dtype)
    if features.stride(1) != 1 or into.stride(1) != 1 or features.shape[1] == 1:
        product = torch.baddbmm(first[:, :, None], matrix, features.flatten(2).to(into.dtype))
        into += product.view(features.shape)
        return
    for b in range(len(features)):
        target, source = into[b].permute(1, 2, 0), features[b].permute(1, 2, 0)  # (H, W, C)
        h, w, c = target.shape
        step = max(1, CHUNK // max(1, w * c)) if into.device.type == "cpu" else h
        for rows, part in zip(torch.split(target, step), torch.split(source, step), strict=True):
            # Together with what lies between them (a border, another tile's share) the rows are one
            # matrix: a single product, where on their own they are hundreds that threads wait for.
            pitch = part.stride(0) // c if len(part) > 1 else w
            whole = part.as_strided(((len(part) - 1) * pitch + w, c), (c, 1)).to(into.dtype)
            product = torch.empty(len(part) * pitch, c, dtype=into.dtype, device=into.device)
            torch.addmm(first[b], whole, matrix[b], out=product[: len(whole)])
            rows += product.view(len(part), pitch, c)[:, :w]


def at_least_float32(x: Tensor) -> Tensor:
    return x.to(torch.promote_types(x.dtype, torch.float32))


# How much positions count: of a layer's box of positions, (1, 1, h, w), 0 or more.
PositionWeights = Callable[[str, Box], Tensor]
# The same, or those that count at all, with their weights; None where all count once.
Weights = Tensor | Positions | None
PositionChoice = Callable[[str, Box], Weights]


@final
@dataclass(frozen=True)
class Moments:
    """First and second moments of features, as sums over positions, and how many there were."""

    second: Tensor  # (B, C, C), the sum of w f f^T
    first: Tensor  # (B, C), the sum of w f
    count: Tensor  # (B,), the number of positions, or the sum of the weights w

    def __add__(self, other: Moments) -> Moments:
        return Moments(
            self.second + other.second, self.first + other.first, self.count + other.count
        )

    def repeated(self, times: int) -> Moments:
        """The moments so many times one after the other."""
        second = self.second.repeat(times, 1, 1)
        return Moments(second, self.first.repeat(times, 1), self.count.repeat(times))

    def to(self, dtype: torch.dtype) -> Moments:
        return Moments(self.second.to(dtype), self.first.to(dtype), self.count.to(dtype))

    def amplified(self, gain: float) -> Moments:
        """The moments of the features times `gain`."""
        return self if gain == 1 else Moments(gain**2 * self.second, gain * self.first, self.count)

    def mapped(self, matrix: Tensor) -> Moments:
        """The moments of the features multiplied by a matrix (D, C)."""
        return Moments(matrix @ self.second @ matrix.mT, self.first @ matrix.mT, self.count)

    def empty(self) -> Moments:
        """The moments of as many positions whose features are all zero."""
        return Moments(torch.zeros_like(self.second), torch.zeros_like(self.first), self.count)

    def gram(self) -> Tensor:
        """The Gram matrix per position, E[f f^T] (B, C, C)."""
        return self.second / self.count[:, None, None]

    def mean(self) -> Tensor:
        """E[f] (B, C)."""
        return self.first / self.count[:, None]

    def covariance(self) -> Tensor:
        """E[f f^T] - E[f] E[f]^T (B, C, C)."""
        mean = self.mean()
        return torch.baddbmm(self.gram(), mean[:, :, None], mean[:, None, :], alpha=-1)

    def augmented(self) -> Tensor:
        """E[g g^T] (B, C + 1, C + 1) of the features with a constant appended, g = (f, 1)."""
        mean = self.mean()
        one = torch.ones_like(self.count)[:, None]
        top = torch.cat([self.gram(), mean[:, :, None]], dim=2)
        bottom = torch.cat([mean, one], dim=1)[:, None, :]
        return torch.cat([top, bottom], dim=1)


def moments(features: Tensor, weights: Weights = None) -> Moments:
    """The moments of features (B, C, H, W), each position weighted by `weights` (1 or B, 1, H, W).

    Weights are 0 or more; a position's weight is how often it counts. Positions may be given in
    their place.
    """
    if isinstance(weights, Positions):
        second, first = (part[:, 0] for part in sums_at(features, weights.alone))
        return Moments(second, first, weights.count.to(second.dtype).expand(len(features)))
    if weights is None:
        second, first = sums_of(features)
        count = second.new_full((len(features),), features.shape[2] * features.shape[3])
        return Moments(second, first, count)
    x = at_least_float32(features).flatten(2)  # (B, C, H*W)
    w = weights.to(x.dtype).expand(len(x), -1, -1, -1).flatten(2)  # (B, 1, H*W)
    weighted = x * w
    return Moments(weighted @ x.mT, weighted.sum(2), w.sum((1, 2)))


def stacked(parts: Sequence[Moments]) -> Moments:
    """Moments (1, ...) as a batch of them."""
    return Moments(
        torch.cat([part.second for part in parts]),
        torch.cat([part.first for part in parts]),
        torch.cat([part.count for part in parts]),
    )


def gram_matrix(features: Tensor) -> Tensor:
    """The Gram matrix divided by the number of positions (B, C, C).

    Gatys et al. (2015, eq. 3) sum over positions; here the sum is always divided by their number,
    so that pictures of different sizes compare.
    """
    return moments(features).gram()


def mix_moments(parts: Sequence[Moments], weights: Sequence[float] | None = None) -> Moments:
    """The moments of several styles as one: their weighted mean, whatever their sizes.

    Raw moments are averaged, never covariances: the mix of two distributions has them.
    """
    second, first = mixed([(part.gram(), part.mean()) for part in parts], weights)
    return Moments(second, first, torch.ones_like(parts[0].count))


def interpolate_moments(
    parts: Sequence[Moments], weights: Sequence[float] | None = None
) -> Moments:
    """The moments of one style between several: means and covariances are averaged, each apart.

    The mix of two distributions far from each other has the distance between them as a variance;
    this one has not, and looks as neither of them in any place.
    """
    covariance, mean = mixed([(part.covariance(), part.mean()) for part in parts], weights)
    second = torch.baddbmm(covariance, mean[:, :, None], mean[:, None, :])
    return Moments(second, mean, torch.ones_like(parts[0].count))


def mixed(
    parts: Sequence[Sequence[Tensor]], weights: Sequence[float] | None = None
) -> tuple[Tensor, ...]:
    """The mean of several styles' tensors, one by one, as the styles count; None is all alike."""
    shares = weights or [1.0] * len(parts)
    total = sum(shares)
    scaled = [[s / total * x for x in part] for part, s in zip(parts, shares, strict=True)]
    return tuple(sum(found[1:], start=found[0]) for found in zip(*scaled, strict=True))
