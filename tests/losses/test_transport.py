"""Transport in one dimension: by hand, against sorting, and where bins end."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from gramarye.losses.statistics import moments
from gramarye.losses.transport import Bins, histograms, orthogonal, projected, sliced, transport
from tests.losses.making import loss_for, plainly, random_features, through_a_head


def line(*masses: float) -> Tensor:
    return torch.tensor(masses, dtype=torch.float64).view(1, 1, -1)


def test_moving_one_bin_by_hand() -> None:
    edges = torch.arange(4.0).double()[None]  # three bins of width 1
    assert_close(transport(line(1, 0, 0), line(1, 0, 0), edges), torch.zeros(1, 1).double())
    # Every level moves by the distance of the bins.
    assert_close(transport(line(1, 0, 0), line(0, 0, 5), edges), torch.full((1, 1), 4.0).double())
    # Half of it moves by 1: the bins' lower halves from (0, .5) to (0, 1), the rest from (.5, 1) to
    # (1, 2): over u the differences are u and u, whose mean square over (0, 1) is 1/3.
    assert_close(transport(line(1, 0, 0), line(1, 1, 0), edges), torch.full((1, 1), 1 / 3).double())


@pytest.mark.parametrize("name", ["histogram", "swd"])
def test_histograms_stand_for_sorted_values(name: str) -> None:
    image, style = random_features(1, 3, 40, 50), 2 * random_features(2, 3, 40, 50).abs()
    seeing, generator = plainly(style), torch.Generator().manual_seed(0)
    lines = torch.eye(3).double() if name == "histogram" else orthogonal(3, 32, generator)
    x, y = ((lines @ f.flatten(2)).sort(dim=2).values for f in (image, style))
    expected = (x - y).square().mean((1, 2))
    found = loss_for(name, [{"fine": style}], seeing={"fine": seeing})({"fine": image})
    assert_close(found, expected, rtol=2e-3, atol=0)


def test_unequal_numbers_of_positions_are_compared_by_their_shares() -> None:
    style = random_features(2, 2, 6, 8)
    loss = loss_for("swd", [{"fine": style}])
    assert loss({"fine": torch.cat([style, style, style], dim=3)}).item() < 1e-12


def test_the_gradient_is_that_of_the_sorted_values() -> None:
    # d/dx of mean (x_i - y_i)^2, sorted, is 2 (x_i - y_i) / M.
    image, style = random_features(1, 1, 30, 40), random_features(2, 1, 30, 40) + 1
    leaf = image.clone().requires_grad_(True)
    loss = loss_for("histogram", [{"fine": style}])
    (gradient,) = torch.autograd.grad(loss({"fine": leaf}).sum(), leaf)
    order = image.flatten().argsort()
    expected = torch.empty(1200, dtype=torch.float64)
    expected[order] = 2 * (image.flatten()[order] - style.flatten().sort().values) / 1200
    assert (gradient.flatten() - expected).norm() < 0.05 * expected.norm()


def test_far_values_are_pulled_too() -> None:
    style = random_features(2, 1, 30, 40)
    image = style.clone()
    image[0, 0, 0, 0] = 60.0  # of deviations
    leaf = image.requires_grad_(True)
    loss = loss_for("histogram", [{"fine": style}])
    (gradient,) = torch.autograd.grad(loss({"fine": leaf}).sum(), leaf)
    assert gradient[0, 0, 0, 0] > 10 * gradient.flatten()[1:].abs().max()


def test_directions_are_unit_and_perpendicular_in_sets() -> None:
    found = orthogonal(5, 32, torch.Generator().manual_seed(0))
    assert found.shape == (35, 5)
    for part in found.split(5):
        assert_close(part @ part.mT, torch.eye(5).double(), rtol=0, atol=1e-12)
    assert orthogonal(40, 32, torch.Generator().manual_seed(0)).shape == (40, 40)


def test_directions_are_those_of_the_seed() -> None:
    style = random_features(2)
    found = [
        sliced(moments(style), plainly(style), seed).summing(style.flatten(2), None)[0]
        for seed in (1, 1, 2)
    ]
    assert torch.equal(found[0], found[1]) and not torch.equal(found[0], found[2])


def test_every_position_is_in_the_histogram_with_its_weight_and_its_value() -> None:
    style = random_features(2, 3)
    weights = torch.rand(1, 1, 42, dtype=torch.float64)
    summing = projected(moments(style), torch.eye(3, dtype=torch.float64)).summing
    (plain,) = summing(style.flatten(2), None)
    (weighted,) = summing(style.flatten(2), weights)
    assert_close(plain.sum(2), torch.full((1, 3), 42.0).double())
    assert_close(weighted.sum(2), weights.sum().expand(1, 3))
    bins: Bins = summing.__self__  # type: ignore[attr-defined]
    shifted = bins.directions @ style.flatten(2) + bins.shift[:, None]
    assert_close((plain * bins.centers).sum(2), shifted.sum(2))


def test_a_channel_that_never_fires_has_bins_too() -> None:
    style = random_features(2, 2)
    style[:, 1] = 0
    statistic = histograms(moments(style), plainly(style), 0)
    image = random_features(1, 2).flatten(2).requires_grad_(True)
    value = statistic.distance(
        tuple(part / 42 for part in statistic.summing(image, None)),
        tuple(part / 42 for part in statistic.summing(style.flatten(2), None)),
    )
    assert torch.isfinite(value).all() and value.item() > 0.1
    assert torch.isfinite(torch.autograd.grad(value.sum(), image)[0]).all()


def test_what_is_seen_through_a_head_are_the_wide_features_turned() -> None:
    seeing, affine = through_a_head(3)
    f = random_features(1, 3).flatten(2)
    wide = affine[:, :-1] @ f + affine[:, -1:]
    seen = seeing(f)
    assert_close(seen.mT @ seen, wide.mT @ wide)  # lengths and angles
    found = seeing.moments(moments(random_features(1, 3)))
    assert_close(found.second, seen @ seen.mT)
    assert_close(found.first, seen.sum(2))
