"""Squared error: the paper's formula and its gradient, the three units, batches."""

import pytest
import torch
from torch.testing import assert_close

from gramarye.losses.kind import ErrorUnit
from gramarye.losses.squared_error import SquaredError, content_loss, error_divisor, squared_error
from gramarye.tiles.regions import whole_region


def test_squared_error_by_hand() -> None:
    features = torch.tensor([1.0, 4.0]).view(1, 1, 1, 2)
    target = torch.tensor([2.0, 2.0]).view(1, 1, 1, 2)
    assert_close(squared_error(features, target), torch.tensor([2.5]))


def test_gradient_is_equation_2() -> None:
    features = torch.randn(1, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    target = torch.randn(1, 3, 4, 4, dtype=torch.float64)
    loss = content_loss("relu4_2", target, "sum")({"relu4_2": features})
    (gradient,) = torch.autograd.grad(loss, features)
    assert_close(gradient, features.detach() - target)
    assert_close(loss, squared_error(features, target))


@pytest.mark.parametrize(("unit", "expected"), [("sum", 2.0), ("mean", 1.0), ("relative", 0.25)])
def test_units_by_hand(unit: ErrorUnit, expected: float) -> None:
    # Four entries, each off by one: the sum of squares is 4, the target's own is 16.
    target = torch.full((1, 1, 2, 2), 2.0)
    loss = content_loss("relu4_2", target, unit)
    assert_close(loss({"relu4_2": target + 1}), torch.tensor([expected]))


@pytest.mark.parametrize(("unit", "expected"), [("sum", 2.0), ("mean", 9.0), ("relative", 5.0)])
def test_divisors_by_hand(unit: ErrorUnit, expected: float) -> None:
    assert error_divisor(unit, squares=5.0, entries=9) == expected


@pytest.mark.parametrize("unit", ["sum", "mean", "relative"])
def test_it_is_zero_for_its_own_target(unit: ErrorUnit) -> None:
    target = torch.rand(1, 2, 3, 3)
    assert content_loss("relu4_2", target, unit)({"relu4_2": target}).item() == 0


def test_the_relative_loss_ignores_the_scale_of_the_network() -> None:
    features, target = torch.rand(1, 2, 3, 3), torch.rand(1, 2, 3, 3)
    once = content_loss("x", target, "relative")({"x": features})
    assert_close(content_loss("x", 50 * target, "relative")({"x": 50 * features}), once)


def test_a_black_target_gives_a_finite_loss() -> None:
    loss = content_loss("x", torch.zeros(1, 2, 3, 3), "relative")
    assert_close(loss({"x": torch.ones(1, 2, 3, 3)}), torch.tensor([1.0]))


@pytest.mark.parametrize("unit", ["sum", "mean", "relative"])
def test_each_image_of_a_batch_has_its_own_loss_and_gradient(unit: ErrorUnit) -> None:
    one, other, target = torch.randn(3, 1, 3, 4, 5, dtype=torch.float64)
    loss = content_loss("x", target, unit)

    def alone(image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        leaf = image.clone().requires_grad_(True)
        value = loss({"x": leaf})
        return value.detach(), torch.autograd.grad(value.sum(), leaf)[0]

    values, gradients = zip(*(alone(image) for image in (one, other, one)), strict=True)
    value, gradient = alone(torch.cat([one, other, one]))
    assert_close(value, torch.cat(values), rtol=1e-12, atol=0)
    assert_close(gradient, torch.cat(gradients), rtol=1e-12, atol=0)


def test_the_gradient_that_is_added_is_autograds() -> None:
    features = torch.randn(2, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    loss = SquaredError("x", torch.randn(1, 3, 4, 5, dtype=torch.float64), 7.0)
    slopes = torch.tensor([0.3, -2.0], dtype=torch.float64)
    region = whole_region(features)
    (sums,) = loss.sums(features, region)
    (expected,) = torch.autograd.grad((sums * slopes).sum(), features)
    into = torch.ones_like(features)
    loss.add_gradient(into, features.detach(), region, (slopes,))
    assert_close(into, expected + 1)


def test_weighted_errors_by_hand() -> None:
    features = torch.tensor([1.0, 4.0, 9.0]).view(1, 1, 1, 3).requires_grad_(True)
    weights = torch.tensor([1.0, 0.5, 0.0]).view(1, 1, 1, 3)
    target = torch.tensor([2.0, 2.0, 2.0]).view(1, 1, 1, 3)
    loss = SquaredError("x", target, 2.0, lambda layer, box: box.of(weights))
    value = loss({"x": features})
    assert_close(value, torch.tensor([1.5]))  # (1 + 4 / 2 + 0) / 2
    (gradient,) = torch.autograd.grad(value, features)
    assert_close(gradient, torch.tensor([-1.0, 1.0, 0.0]).view(1, 1, 1, 3))


def test_the_weighted_gradient_that_is_added_is_autograds() -> None:
    features = torch.randn(2, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    weights = torch.rand(1, 1, 4, 5, dtype=torch.float64)
    target = torch.randn(1, 3, 4, 5, dtype=torch.float64)
    loss = SquaredError("x", target, 7.0, lambda layer, box: box.of(weights))
    slopes = torch.tensor([0.3, -2.0], dtype=torch.float64)
    region = whole_region(features)
    (sums,) = loss.sums(features, region)
    (expected,) = torch.autograd.grad((sums * slopes).sum(), features)
    into = torch.ones_like(features)
    loss.add_gradient(into, features.detach(), region, (slopes,))
    assert_close(into, expected + 1)
