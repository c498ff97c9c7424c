"""Johnson's losses: nothing where the target is met, their size where it is not, and they fall."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.testing import assert_close

from gramarye.johnson.objective import PerceptualLosses, variance
from gramarye.losses.statistics import gram_matrix
from gramarye.networks.features import PerceptualNetwork

SEED = torch.Generator().manual_seed(0)  # whatever else was collected before
STYLES = [
    torch.rand(1, 3, 40, 32, generator=SEED),
    torch.rand(1, 3, 32, 48, generator=SEED).square(),
]
LAYERS = ("relu1_2", "relu2_2")


def losses(network: PerceptualNetwork) -> PerceptualLosses:
    return PerceptualLosses(network, "relu3_3", LAYERS, STYLES)


def number(*which: int) -> Tensor:
    return torch.tensor(which)


def test_a_photograph_is_its_own_content_and_a_style_its_own_style(
    tiny_network: PerceptualNetwork,
) -> None:
    measure, photograph = losses(tiny_network), torch.rand(1, 3, 32, 32)
    assert float(measure(photograph, photograph, number(0))["content"]) < 1e-9  # two roundings
    found = measure(STYLES[1], STYLES[1], number(1))
    assert all(float(found[f"style/{layer}"]) < 1e-9 for layer in LAYERS)
    assert float(measure(STYLES[1], STYLES[1], number(0))["style/relu1_2"]) > 1e-3


def test_losses_are_in_the_size_of_what_is_compared_with(tiny_network: PerceptualNetwork) -> None:
    measure = losses(tiny_network)
    painted, contents = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32)
    found = measure(painted, contents, number(1, 0))
    seen, given = (tiny_network(x, ["relu3_3", "relu2_2"]) for x in (painted, contents))
    for one, which in ((0, 1), (1, 0)):
        away = seen["relu3_3"][one] - given["relu3_3"][one]
        centered = given["relu3_3"][one] - given["relu3_3"][one].mean((1, 2), keepdim=True)
        least = 0.05 * given["relu3_3"][one].square().sum()
        wanted = away.square().sum() / max(centered.square().sum(), least)
        assert_close(found["content"][one], wanted)
        goal = gram_matrix(tiny_network(STYLES[which], ["relu2_2"])["relu2_2"])[0]
        away = gram_matrix(seen["relu2_2"])[one] - goal
        assert_close(found["style/relu2_2"][one], away.square().sum() / goal.square().sum())


def test_a_picture_without_content_has_a_loss_of_one_and_a_flat_photograph_a_finite_one() -> None:
    features = torch.randn(1, 3, 8, 8) + 4
    flat = features.mean((2, 3), keepdim=True).expand_as(features)
    assert_close((features - flat).square().mean((1, 2, 3)) / variance(features), torch.ones(1))
    assert_close(variance(flat), 0.05 * flat.square().mean((1, 2, 3)))
