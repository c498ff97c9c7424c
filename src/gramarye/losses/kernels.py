"""Maximum mean discrepancy with the Gaussian kernel, as a function of sums."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gramarye.losses.seeing import Seeing
from gramarye.losses.statistic_loss import Statistic
from gramarye.losses.statistics import Moments
from gramarye.tiles.regions import Sums

FREQUENCIES = 128


def gaussian(style: Moments, seeing: Seeing, seed: int) -> Statistic:
    """The squared MMD with exp(-|x - y|^2 / (2 s^2)), s^2 the style's mean squared distance of two
    positions (Li et al. 2017).

    The paper estimates it on sampled pairs of positions. Ours has 128 random Fourier features
    (Rahimi and Recht 2007): k(x, y) is the mean of cos(w^T (x - y)), w drawn from N(0, 1 / s^2),
    so that the MMD is the distance of the mean cosines and sines, and these are sums over all
    positions. The frequencies are drawn once, from the run's seed.
    """
    mean, covariance = style.mean()[0][:, None], style.covariance()[0]
    squared_distance = 2 * float(covariance.diagonal().sum())
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.randn(FREQUENCIES, seeing.channels, generator=generator, dtype=torch.float64)
    frequencies = (drawn / max(squared_distance, 1e-12) ** 0.5).to(covariance)

    def waves(x: Tensor) -> tuple[Tensor, Tensor]:
        # From the style's mean, which changes no distance: cosines of large numbers lose digits.
        phase = frequencies.to(x.dtype) @ (x - mean.to(x.dtype))  # (B, F, N)
        return phase.cos(), phase.sin()

    def summing(x: Tensor, weights: Tensor | None) -> Sums:
        return tuple((w if weights is None else w * weights).sum(2) for w in waves(x))

    def gradient(x: Tensor, weights: Tensor | None, slopes: Sequence[Tensor]) -> Tensor:
        of_cosine, of_sine = (slope.to(x.dtype)[:, :, None] for slope in slopes)
        cosine, sine = waves(x)
        found = of_sine * cosine - of_cosine * sine
        if weights is not None:
            found *= weights.to(x.dtype)
        carried: Tensor = frequencies.to(x.dtype).mT @ found
        return carried

    return Statistic(summing, fourier_distance, 2 * FREQUENCIES, gradient)


def fourier_distance(image: Sums, style: Sums) -> Tensor:
    """The squared distance of the mean waves, (B,): the mean over frequencies of both parts."""
    return sum(
        ((a - b).square().mean(1) for a, b in zip(image, style, strict=True)),
        start=image[0].new_zeros(len(image[0])),
    )
