"""Style distances: the papers' formulas, zero at the target, scipy's matrix root, gradients."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import Tensor
from torch.testing import assert_close

from gramarye.losses.distances import (
    batch_norm_distance,
    covariance_distance,
    gram_distance,
    head_covariance_distance,
    head_gram_distance,
    head_paper_gram_distance,
    head_wasserstein_distance,
    mean_distance,
    paper_gram_distance,
    polynomial_distance,
    shifted_activation_distance,
    wasserstein_distance,
)
from gramarye.losses.statistics import Moments, moments
from gramarye.losses.style_losses import STYLE_LOSSES, load


def random_features(seed: int, channels: int = 4, side: int = 6) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, channels, side, side, generator=generator, dtype=torch.float64)


def affine_map(width: int = 9, channels: int = 4) -> Tensor:
    """A linear map of features and its offset, in one matrix (width, channels + 1)."""
    generator = torch.Generator().manual_seed(5)
    weight = torch.randn(width, channels, generator=generator, dtype=torch.float64)
    bias = torch.randn(width, generator=generator, dtype=torch.float64)
    return torch.cat([weight, bias[:, None]], dim=1)


def all_distances() -> dict[str, Callable[[Moments, Moments], Tensor]]:
    """Every distance of the table, and through a head where there is such a one."""
    metric, found = affine_map().mT @ affine_map(), {}
    for name, loss in STYLE_LOSSES.items():
        if loss.of != "moments":
            continue
        found[name] = loss.function()
        if loss.through_head is not None:
            head = load(loss.through_head)
            found[f"{name} through a head"] = partial(head, metric=metric, width=9)
    return found


ALL = all_distances()


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_distance_is_zero_at_its_target_and_positive_elsewhere(name: str) -> None:
    style, other = moments(random_features(0)), moments(random_features(1))
    assert abs(ALL[name](style, style).item()) < 1e-9
    assert ALL[name](other, style).item() > 1e-3


@pytest.mark.parametrize("name", sorted(ALL))
def test_gradients_agree_with_finite_differences(name: str) -> None:
    features, target = random_features(0).requires_grad_(True), moments(random_features(1))
    assert torch.autograd.gradcheck(lambda x: ALL[name](moments(x), target), (features,))


@pytest.mark.parametrize("name", sorted(ALL))
def test_distances_do_not_depend_on_the_number_of_positions(name: str) -> None:
    image, style = random_features(0), random_features(1)
    twice = torch.cat([image, image], dim=2)
    near = ALL[name](moments(image), moments(style))
    assert_close(ALL[name](moments(twice), moments(style)), near)


@pytest.mark.parametrize("name", sorted(ALL))
def test_each_image_of_a_batch_has_its_own_distance_and_gradient(name: str) -> None:
    one, other, style = random_features(0), random_features(2), moments(random_features(1))

    def alone(features: Tensor) -> tuple[Tensor, Tensor]:
        leaf = features.clone().requires_grad_(True)
        value = ALL[name](moments(leaf), style)
        return value.detach(), torch.autograd.grad(value.sum(), leaf)[0]

    values, gradients = zip(*(alone(image) for image in (one, other, one)), strict=True)
    value, gradient = alone(torch.cat([one, other, one]))
    assert value.shape == (3,)
    assert_close(value, torch.cat(values), rtol=1e-11, atol=0)
    assert_close(gradient, torch.cat(gradients), rtol=1e-11, atol=1e-14)


def test_paper_distance_by_hand() -> None:
    # N = 1 channel, M = 2 positions: G = 1 + 9 = 10, A = 4 + 4 = 8, E = 4 / (4 * 1 * 4).
    image = moments(torch.tensor([1.0, 3.0]).view(1, 1, 1, 2))
    style = moments(torch.tensor([2.0, 2.0]).view(1, 1, 1, 2))
    assert_close(paper_gram_distance(image, style), torch.tensor([4 / 16]))


def test_paper_distance_is_the_papers_double_sum() -> None:
    f, p = random_features(0)[0].flatten(1), random_features(1)[0].flatten(1)
    n, m = f.shape
    expected = ((f @ f.T - p @ p.T) ** 2).sum() / (4 * n**2 * m**2)
    ours = paper_gram_distance(moments(random_features(0)), moments(random_features(1)))
    assert_close(ours, expected[None])


def test_paper_gradient_is_equation_6() -> None:
    # dE/dF = 1 / (N^2 M^2) (F^T (G - A))^T where F > 0; ReLU's factor belongs to the network.
    features = random_features(0).requires_grad_(True)
    target = random_features(1)
    (gradient,) = torch.autograd.grad(
        paper_gram_distance(moments(features), moments(target)), features
    )
    f, p = features.detach()[0].flatten(1), target[0].flatten(1)
    n, m = f.shape
    expected = (f.T @ (f @ f.T - p @ p.T)).T / (n**2 * m**2)
    assert_close(gradient[0].flatten(1), expected)


def test_gram_distance_is_four_times_the_papers() -> None:
    image, style = moments(random_features(0)), moments(random_features(1))
    assert_close(gram_distance(image, style), 4 * paper_gram_distance(image, style))


def test_covariance_distance_does_not_trade_mean_for_variance() -> None:
    # Equal second moments, E[x^2] = 1: one constant, one of mean zero.
    constant = moments(torch.ones(1, 1, 1, 4))
    swinging = moments(torch.tensor([1.0, -1.0, 1.0, -1.0]).view(1, 1, 1, 4))
    assert_close(gram_distance(constant, swinging), torch.tensor([0.0]))
    assert_close(covariance_distance(constant, swinging), torch.tensor([2.0]))


def test_wasserstein_distance_of_one_dimensional_gaussians() -> None:
    # W2^2 = (m - m')^2 + (s - s')^2, here (1 - 4)^2 + (2 - 3)^2.
    def line(mean: float, deviation: float) -> Tensor:
        return torch.tensor([mean - deviation, mean + deviation]).double().view(1, 1, 1, 2)

    distance = wasserstein_distance(moments(line(1, 2)), moments(line(4, 3)), epsilon=1e-12)
    assert_close(distance.item(), 10.0)


def test_wasserstein_distance_agrees_with_scipy() -> None:
    image, style = moments(random_features(0)), moments(random_features(1))
    a, b = (m.covariance()[0].numpy() + 1e-4 * np.eye(4) for m in (image, style))
    root = scipy.linalg.sqrtm(b)
    cross = scipy.linalg.sqrtm(root @ a @ root).real
    mean = ((image.mean() - style.mean()) ** 2).sum().item()
    expected = (mean + np.trace(a + b - 2 * cross)) / 4
    assert_close(wasserstein_distance(image, style).item(), float(expected))


def test_wasserstein_gradient_stays_finite_for_constant_features() -> None:
    features = torch.ones(1, 4, 3, 3, dtype=torch.float64, requires_grad=True)
    distance = wasserstein_distance(moments(features), moments(random_features(1)))
    (gradient,) = torch.autograd.grad(distance, features)
    assert torch.isfinite(gradient).all()


@pytest.mark.parametrize(
    ("through_head", "distance"),
    [
        (head_gram_distance, gram_distance),
        (head_paper_gram_distance, paper_gram_distance),
        (head_covariance_distance, covariance_distance),
        (head_wasserstein_distance, wasserstein_distance),
    ],
)
def test_a_head_distance_is_the_distance_of_the_wide_features(
    through_head: Callable[..., Tensor], distance: Callable[..., Tensor]
) -> None:
    affine = affine_map()
    weight, bias = affine[:, :-1], affine[:, -1]

    def wide(features: Tensor) -> Tensor:
        return torch.einsum("dc,bchw->bdhw", weight, features) + bias[:, None, None]

    image, style = random_features(0), random_features(1)
    ours = through_head(moments(image), moments(style), affine.mT @ affine, width=9)
    tolerance = 1e-4 if distance is wasserstein_distance else 1e-7  # its epsilon
    theirs = distance(moments(wide(image)), moments(wide(style)))
    assert_close(ours, theirs, rtol=tolerance, atol=0)


def gaussians() -> tuple[Tensor, Tensor]:
    """Columns of two clouds, (C, N)."""
    return random_features(0)[0].flatten(1), 1.5 * random_features(1)[0].flatten(1) + 0.3


def moments_of(columns: Tensor) -> Moments:
    return moments(columns[None, :, None])


def test_the_mean_distance_is_the_mmd_of_the_linear_kernel() -> None:
    x, y = gaussians()
    mmd = (x.mT @ x).mean() + (y.mT @ y).mean() - 2 * (x.mT @ y).mean()
    assert_close(mean_distance(moments_of(x), moments_of(y)), mmd[None] / 4)


def test_the_polynomial_distance_is_the_mmd_of_its_kernel() -> None:
    x, y = gaussians()
    constant = y.square().sum(0).mean()

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return (a.mT @ b + constant).square().mean()

    mmd = kernel(x, x) + kernel(y, y) - 2 * kernel(x, y)
    assert_close(polynomial_distance(moments_of(x), moments_of(y)), mmd[None] / 16)


def test_the_batch_norm_distance_by_hand() -> None:
    # Channel 1: means 1 and 3, deviations 1 and 2; channel 2 the same: ((2^2 + 1^2) + 0) / 2.
    image = torch.tensor([[0.0, 2.0], [-5.0, 5.0]]).double()
    style = torch.tensor([[1.0, 5.0], [-5.0, 5.0]]).double()
    found = batch_norm_distance(moments_of(image), moments_of(style))
    assert_close(found.item(), 2.5, rtol=0.01, atol=0)  # the floor takes a little


def test_the_shifted_activation_distance_is_that_of_shifted_features() -> None:
    x, y = gaussians()
    expected = gram_distance(moments_of(x - 1), moments_of(y - 1))
    assert_close(shifted_activation_distance(moments_of(x), moments_of(y)), expected)


def test_the_gain_of_moments_is_that_of_features() -> None:
    x, _ = gaussians()
    for statistic in (Moments.gram, Moments.mean, Moments.covariance):
        found = statistic(moments_of(x).amplified(1.5))
        assert_close(found, statistic(moments_of(1.5 * x)))
