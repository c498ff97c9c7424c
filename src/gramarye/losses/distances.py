"""Distances between style statistics: plain functions of moments, zero when they agree.

Each gives one value per image, (B,); a style is one picture, compared with every image.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gramarye.losses.statistics import Moments
from gramarye.matrices import symmetric_power


def gram_distance(image: Moments, style: Moments) -> Tensor:
    """||G - A||_F^2 / C^2, the mean squared difference of the Gram matrices per position.

    The scaling of the authors' published code. The paper's `paper_gram_distance` is a quarter of
    it.
    """
    return (image.gram() - style.gram()).square().mean((1, 2))


def paper_gram_distance(image: Moments, style: Moments) -> Tensor:
    """E_l = 1 / (4 N^2 M^2) sum (G - A)^2 (Gatys, Ecker, Bethge 2016, eq. 4).

    The paper's G and A are sums over M positions each; ours are divided by the number of positions,
    which is the same where both pictures have M positions, and stays right where they have not.
    """
    channels = image.first.shape[1]
    return (image.gram() - style.gram()).square().sum((1, 2)) / (4 * channels**2)


def head_gram_distance(image: Moments, style: Moments, metric: Tensor, width: int) -> Tensor:
    """The Gram distance in a wide network's feature space: ||A (S - S') A^T||_F^2 / width^2.

    A maps the narrow features with a constant 1 appended to `width` wide ones; all that is needed
    of it is `metric`, A^T A (C + 1, C + 1).
    """
    difference = image.augmented() - style.augmented()
    return seen_norm(difference, metric.to(difference.dtype)) / width**2


def head_paper_gram_distance(image: Moments, style: Moments, metric: Tensor, width: int) -> Tensor:
    """The paper's distance in a wide network's feature space: a quarter of the other's."""
    return head_gram_distance(image, style, metric, width) / 4


def covariance_distance(image: Moments, style: Moments) -> Tensor:
    """Squared differences of the means, per channel, plus of the covariances, per channel pair.

    Matching mean and covariance apart stops the trade between mean and variance that the Gram
    matrix allows (Risser, Wilmot, Barnes 2017, section 4).
    """
    mean = (image.mean() - style.mean()).square().mean(1)
    return mean + (image.covariance() - style.covariance()).square().mean((1, 2))


def head_covariance_distance(image: Moments, style: Moments, metric: Tensor, width: int) -> Tensor:
    """The covariance distance in a wide network's feature space, see `head_gram_distance`."""
    channels = image.first.shape[1]
    # Without the constant: it has no covariance.
    metric = metric[:channels, :channels].to(image.first.dtype)
    mean = image.mean() - style.mean()
    squares = (mean @ metric * mean).sum(1)
    return squares / width + seen_norm(image.covariance() - style.covariance(), metric) / width**2


class _SeenNorm(torch.autograd.Function):
    """||A X A^T||_F^2 = <X, K X K> with K = A^T A; the gradient in X is 2 K X K, already there."""

    @staticmethod
    def forward(ctx: Any, difference: Tensor, metric: Tensor) -> Tensor:
        product = metric @ difference @ metric
        ctx.save_for_backward(product)
        return (difference * product).sum((1, 2))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (product,) = ctx.saved_tensors
        return 2 * gradients[0][:, None, None] * product, None


def seen_norm(difference: Tensor, metric: Tensor) -> Tensor:
    """||A X A^T||_F^2 (B,) for matrices X (B, C, C), of K = A^T A (C, C)."""
    result: Tensor = _SeenNorm.apply(difference, metric)  # type: ignore[no-untyped-call]
    return result


def wasserstein_distance(image: Moments, style: Moments, epsilon: float = 1e-4) -> Tensor:
    """Squared 2-Wasserstein distance of the Gaussians with these moments, divided by C.

    |m - m'|^2 + tr(S + S' - 2 (S'^(1/2) S S'^(1/2))^(1/2)) (Dowson and Landau 1982); `epsilon` is
    added to both covariances' diagonals, because the root's slope is infinite at zero.
    """
    channels = image.first.shape[1]
    eye = torch.eye(channels, dtype=image.first.dtype, device=image.first.device)
    covariance = image.covariance() + epsilon * eye
    target = style.covariance() + epsilon * eye
    root = symmetric_power(target, 0.5)
    # Only eigenvalues are needed, so the gradient has no 1 / (difference of eigenvalues).
    inner = torch.linalg.eigvalsh(root @ covariance @ root).clamp_min(epsilon**2)
    trace = (covariance + target).diagonal(dim1=1, dim2=2).sum(1) - 2 * inner.sqrt().sum(1)
    mean = (image.mean() - style.mean()).square().sum(1)
    distance: Tensor = (mean + trace) / channels
    return distance
