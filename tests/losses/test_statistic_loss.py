"""Sums over positions of any statistic: in parts, weighted, and their gradients by hand."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from gramarye.losses import statistic_loss
from gramarye.losses.statistic_loss import PositionSums, StatisticLoss, means, mix_means
from gramarye.losses.style_losses import STYLE_LOSSES
from tests.losses.making import loss_for, random_features, through_a_head

OF_POSITIONS = sorted(name for name, loss in STYLE_LOSSES.items() if loss.of == "positions")


def summed_for(name: str, *, head: bool) -> PositionSums:
    style = random_features(0)
    seeing = {"fine": through_a_head(4)[0]} if head else None
    loss = loss_for(name, [{"fine": style}], seeing=seeing)
    assert isinstance(loss, StatisticLoss)
    return replace(loss.summed, gain=1.25)


@pytest.mark.parametrize("head", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", OF_POSITIONS)
def test_the_gradient_added_is_that_of_the_sums(name: str, weighted: bool, head: bool) -> None:
    summed, image = summed_for(name, head=head), 3 * random_features(1)
    weights = torch.rand(1, 1, 6, 7, dtype=torch.float64) if weighted else None
    leaf = image.clone().requires_grad_(True)
    sums = summed(leaf, weights)[:-1]
    slopes = [torch.randn_like(part) for part in sums]
    (expected,) = torch.autograd.grad(sums, leaf, slopes)
    into = torch.ones_like(image)
    summed.add_gradient(into, image, weights, slopes)
    assert_close(into - 1, expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", OF_POSITIONS)
def test_a_few_rows_at_a_time_give_the_same_sums(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    summed, image = summed_for(name, head=False), random_features(1)
    weights = torch.rand(1, 1, 6, 7, dtype=torch.float64)

    def both() -> tuple[Tensor, ...]:
        into = torch.zeros_like(image)
        sums = summed(image, weights)
        summed.add_gradient(into, image, weights, [torch.ones_like(part) for part in sums[:-1]])
        return (*sums, into)

    at_once = both()
    monkeypatch.setattr(statistic_loss, "CHUNK", 1)
    for part, expected in zip(both(), at_once, strict=True):
        assert_close(part, expected, rtol=1e-10, atol=1e-12)


def test_no_positions_have_no_sums() -> None:
    summed = summed_for("swd", head=True)
    nothing = random_features(1)[:, :, :0]
    assert all(part.abs().max() == 0 for part in summed(nothing, None))
    summed.add_gradient(nothing.clone(), nothing, None, [torch.ones(1, 35, 256).double()])


def test_means_are_mixed_by_hand() -> None:
    one = torch.tensor([[2.0, 4.0]]), torch.tensor([2.0])
    other = torch.tensor([[9.0, 0.0]]), torch.tensor([3.0])
    assert means(one)[0].tolist() == [[1.0, 2.0]]
    assert mix_means([one, other])[0].tolist() == [[2.0, 1.0]]
    assert mix_means([one, other], [3.0, 1.0])[0].tolist() == [[1.5, 1.5]]


def test_what_is_seen_has_its_gradient_carried_back() -> None:
    seeing, _ = through_a_head(4)
    features = random_features(1).requires_grad_(True)
    slope = torch.randn(1, 5, 42, dtype=torch.float64)
    (expected,) = torch.autograd.grad(seeing(features).flatten(2), features, slope)
    assert_close(seeing.back(slope).view_as(features), expected)
