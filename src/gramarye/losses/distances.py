"""Distances between style statistics: plain functions of moments, zero when they agree.

Each gives one value per image, (B,); a style is one picture, compared with every image.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from gramarye.losses.statistics import Moments
from gramarye.matrices import symmetric_power


def gram_distance(image: Moments, style: Moments, width: int | None = None) -> Tensor:
    """||G - A||_F^2 / C^2, the mean squared difference of the Gram matrices per position.

    The scaling of the authors' published code. The paper's `paper_gram_distance` is a quarter of
    it. `width` stands for C where the channels stand for so many others (`losses.seeing`).
    """
    difference = image.gram() - style.gram()
    return difference.square().sum((1, 2)) / (width or difference.shape[1]) ** 2


def paper_gram_distance(image: Moments, style: Moments, width: int | None = None) -> Tensor:
    """E_l = 1 / (4 N^2 M^2) sum (G - A)^2 (Gatys, Ecker, Bethge 2016, eq. 4).

    The paper's G and A are sums over M positions each; ours are divided by the number of positions,
    which is the same where both pictures have M positions, and stays right where they have not.
    """
    return gram_distance(image, style, width) / 4


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


def covariance_distance(image: Moments, style: Moments, width: int | None = None) -> Tensor:
    """Squared differences of the means, per channel, plus of the covariances, per channel pair.

    Matching mean and covariance apart stops the trade between mean and variance that the Gram
    matrix allows (Risser, Wilmot, Barnes 2017, section 4).
    """
    mean = (image.mean() - style.mean()).square().sum(1)
    covariance = (image.covariance() - style.covariance()).square().sum((1, 2))
    channels = width or image.first.shape[1]
    return mean / channels + covariance / channels**2


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


def wasserstein_distance(
    image: Moments, style: Moments, width: int | None = None, epsilon: float = 1e-4
) -> Tensor:
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
    distance: Tensor = (mean + trace) / (width or channels)
    return distance


def head_wasserstein_distance(image: Moments, style: Moments, metric: Tensor, width: int) -> Tensor:
    """The Wasserstein distance in a wide network's feature space, see `head_gram_distance`.

    The root of the metric without the constant has the covariances of the wide features, turned.
    """
    channels = image.first.shape[1]
    root = symmetric_power(metric[:channels, :channels].to(image.first.dtype), 0.5)
    return wasserstein_distance(image.mapped(root), style.mapped(root), width)


def mean_distance(image: Moments, style: Moments, width: int | None = None) -> Tensor:
    """|m - m'|^2 / C: the squared MMD with the linear kernel x^T y (Li et al. 2017).

    The paper has a factor of its own; ours is the number of channels, `width` where they stand for
    so many others.
    """
    difference = image.mean() - style.mean()
    return difference.square().sum(1) / (width or difference.shape[1])


def batch_norm_distance(image: Moments, style: Moments, width: int | None = None) -> Tensor:
    """1/C sum_i (m_i - m'_i)^2 + (s_i - s'_i)^2 of means and deviations (Li et al. 2017).

    A thousandth of the style's mean variance is added to all variances: the root's slope is
    infinite at zero, where a channel never fires.
    """
    ours, theirs = (m.covariance().diagonal(dim1=1, dim2=2).clamp_min(0) for m in (image, style))
    floor = 1e-3 * theirs.mean(1, keepdim=True) + 1e-12
    spread = ((ours + floor).sqrt() - (theirs + floor).sqrt()).square().sum(1)
    return mean_distance(image, style, width) + spread / (width or ours.shape[1])


def polynomial_distance(image: Moments, style: Moments, width: int | None = None) -> Tensor:
    """The squared MMD with the kernel (x^T y + c)^2, divided by C^2 (Li et al. 2017).

    That is |S - S'|^2 + 2 c |m - m'|^2 of second moments and means: the Gram loss, where the
    constant adds the means. Our c is the style's mean squared length E|y|^2, so that both count in
    features of any size.
    """
    grams = (image.gram() - style.gram()).square().sum((1, 2))
    constant = style.gram().diagonal(dim1=1, dim2=2).sum(1)
    means = (image.mean() - style.mean()).square().sum(1)
    return (grams + 2 * constant * means) / (width or image.first.shape[1]) ** 2


def shifted_activation_distance(
    image: Moments, style: Moments, width: int | None = None, shift: float = -1.0
) -> Tensor:
    """|G - A|^2 / C^2 of Gram matrices of shifted features, (F + s)(F + s)^T, with s = -1.

    The activation shift of Novak and Nikulin (2016): Gram matrices of rare features are sparse, and
    their gradient says little where both are zero. They sum over positions, as Gatys et al. do;
    ours are means. Through a metric head it is the head's channels that are shifted.
    """

    def gram(found: Moments) -> Tensor:
        mean = shift * found.mean()
        return found.gram() + mean[:, :, None] + mean[:, None, :]  # and shift^2, which cancels

    difference = gram(image) - gram(style)
    return difference.square().sum((1, 2)) / (width or difference.shape[1]) ** 2
