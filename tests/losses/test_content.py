"""Content loss: the paper's formula and its gradient, and the three units."""

import pytest
import torch
from torch.testing import assert_close

from gramarye.losses.content import ContentKind, make_content_loss, squared_error


def test_squared_error_by_hand() -> None:
    features, target = torch.tensor([1.0, 4.0]), torch.tensor([2.0, 2.0])
    assert_close(squared_error(features, target), torch.tensor(2.5))


def test_gradient_is_equation_2() -> None:
    features = torch.randn(1, 3, 4, 4, dtype=torch.float64, requires_grad=True)
    target = torch.randn(1, 3, 4, 4, dtype=torch.float64)
    loss = make_content_loss("relu4_2", target, "sum")({"relu4_2": features})
    (gradient,) = torch.autograd.grad(loss, features)
    assert_close(gradient, features.detach() - target)
    assert_close(loss, squared_error(features, target))


@pytest.mark.parametrize(("kind", "expected"), [("sum", 2.0), ("mean", 1.0), ("relative", 0.25)])
def test_units_by_hand(kind: ContentKind, expected: float) -> None:
    # Four entries, each off by one: the sum of squares is 4, the target's own is 16.
    target = torch.full((1, 1, 2, 2), 2.0)
    loss = make_content_loss("relu4_2", target, kind)
    assert_close(loss({"relu4_2": target + 1}), torch.tensor(expected))


@pytest.mark.parametrize("kind", ["sum", "mean", "relative"])
def test_it_is_zero_for_its_own_target(kind: ContentKind) -> None:
    target = torch.rand(1, 2, 3, 3)
    assert make_content_loss("relu4_2", target, kind)({"relu4_2": target}).item() == 0


def test_the_relative_loss_ignores_the_scale_of_the_network() -> None:
    features, target = torch.rand(1, 2, 3, 3), torch.rand(1, 2, 3, 3)
    once = make_content_loss("x", target, "relative")({"x": features})
    assert_close(make_content_loss("x", 50 * target, "relative")({"x": 50 * features}), once)


def test_a_black_target_gives_a_finite_loss() -> None:
    loss = make_content_loss("x", torch.zeros(1, 2, 3, 3), "relative")
    assert_close(loss({"x": torch.ones(1, 2, 3, 3)}), torch.tensor(1.0))
