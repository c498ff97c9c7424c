"""Style statistics as sums over positions plus a count (design law 1).

Because they are sums, statistics of parts add up to the statistics of the whole: masks are weighted
sums, several styles are weighted means, tiles and machines each contribute their share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor


class _SecondMoment(torch.autograd.Function):
    """F F^T summed over positions; its gradient takes one product instead of autograd's two."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x @ x.mT

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        (gradient,) = gradients
        product: Tensor = (gradient + gradient.mT) @ x
        return product


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

    def scaled(self, weight: float) -> Moments:
        """The moments as if every position counted `weight` times."""
        return Moments(weight * self.second, weight * self.first, weight * self.count)

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
        return self.gram() - mean[:, :, None] * mean[:, None, :]

    def augmented(self) -> Tensor:
        """E[g g^T] (B, C + 1, C + 1) of the features with a constant appended, g = (f, 1)."""
        mean = self.mean()
        one = torch.ones_like(self.count)[:, None]
        top = torch.cat([self.gram(), mean[:, :, None]], dim=2)
        bottom = torch.cat([mean, one], dim=1)[:, None, :]
        return torch.cat([top, bottom], dim=1)


def second_moment(x: Tensor) -> Tensor:
    """x x^T summed over positions (B, C, C), of x (B, C, N)."""
    total: Tensor = _SecondMoment.apply(x)  # type: ignore[no-untyped-call]
    return total


def moments(features: Tensor, weights: Tensor | None = None) -> Moments:
    """The moments of features (B, C, H, W), each position weighted by `weights` (B, 1, H, W)."""
    x = features.flatten(2)  # (B, C, H*W)
    if weights is None:
        count = x.new_full((x.shape[0],), x.shape[2])
        return Moments(second_moment(x), x.sum(2), count)
    w = weights.flatten(2)  # (B, 1, H*W)
    return Moments(second_moment(x * w.sqrt()), (x * w).sum(2), w.sum((1, 2)))


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
    shares = weights or [1.0] * len(parts)
    total = sum(shares)
    mixed = [
        Moments(p.gram(), p.mean(), torch.ones_like(p.count)).scaled(share / total)
        for p, share in zip(parts, shares, strict=True)
    ]
    result = mixed[0]
    for part in mixed[1:]:
        result = result + part
    return result
