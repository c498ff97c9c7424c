"""Networks that see round the border: a rolled image has rolled features."""

from __future__ import annotations

from collections.abc import Collection

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from gramarye.errors import SettingsError
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.passes import AutogradPasses, ChainPasses, Passes, PyramidPasses
from gramarye.networks.registry import define
from gramarye.networks.wrapping import check_wraps, wrapped_network

LAYERS = ("relu1_1", "relu3_1", "relu4_2", "relu2_1/2")  # of strides 1, 4, 8 and 4
ROLL = (16, 8)


@pytest.fixture
def network(tiny_network: PerceptualNetwork) -> PerceptualNetwork:
    return tiny_network.double()


def noise(height: int = 32, width: int = 48) -> Tensor:
    return torch.rand(2, 3, height, width, dtype=torch.float64)


def gradient(passes: Passes, image: Tensor, layers: Collection[str] = LAYERS) -> Tensor:
    """That of the sum of the features' squares."""
    found = passes(image, layers, keep=True)
    return found.backward({k: lambda into, k=k: into.add_(2 * found.features[k]) for k in layers})  # type: ignore[misc]


def rolled(x: Tensor, stride: int = 1) -> Tensor:
    return x.roll((ROLL[0] // stride, ROLL[1] // stride), (-2, -1))


@pytest.mark.parametrize("kind", [ChainPasses, AutogradPasses])
def test_a_rolled_image_has_rolled_features_and_a_rolled_gradient(
    network: PerceptualNetwork, kind: type[ChainPasses] | type[AutogradPasses]
) -> None:
    image, wrapped = noise(), wrapped_network(network)
    passes = PyramidPasses(wrapped, kind(wrapped))
    found = passes(rolled(image), LAYERS, keep=False).features
    expected = passes(image, LAYERS, keep=False).features
    for layer in LAYERS:
        assert_close(found[layer], rolled(expected[layer], network.geometry(layer).stride))
    assert_close(gradient(passes, rolled(image)), rolled(gradient(passes, image)))
    plain = PyramidPasses(network, kind(network))(rolled(image), LAYERS, keep=False).features
    assert not torch.allclose(plain["relu3_1"], rolled(expected["relu3_1"], 4))


def test_both_ways_through_a_wrapped_network_agree(network: PerceptualNetwork) -> None:
    image, wrapped = noise(), wrapped_network(network)
    ways = [PyramidPasses(wrapped, kind(wrapped)) for kind in (ChainPasses, AutogradPasses)]
    assert_close(*(gradient(way, image) for way in ways))


def test_features_far_from_the_border_are_the_networks_own(network: PerceptualNetwork) -> None:
    image = noise(64, 64)
    found, expected = (
        n(image, ["relu2_1"])["relu2_1"] for n in (wrapped_network(network), network)
    )
    assert_close(found[..., 6:-6, 6:-6], expected[..., 6:-6, 6:-6])


def test_the_network_it_is_made_of_stays_as_it_is_and_shares_its_weights(
    network: PerceptualNetwork,
) -> None:
    image = noise()
    before = network(image, LAYERS)
    wrapped = wrapped_network(network)
    for name, tensor in network.state_dict(keep_vars=True).items():
        assert wrapped.state_dict(keep_vars=True)[name] is tensor
    for layer, features in network(image, LAYERS).items():
        assert torch.equal(features, before[layer])


def test_sides_of_whole_squares_are_allowed_and_others_are_not(network: PerceptualNetwork) -> None:
    check_wraps(network, 64, 96, 32, ())
    with pytest.raises(SettingsError, match="multiples of 32, as 96 x 64"):
        check_wraps(network, 70, 96, 32, ())
    with pytest.raises(SettingsError, match="as 32 x 32"):
        check_wraps(network, 20, 16, 32, ())


def test_networks_and_losses_that_stop_at_the_border_are_refused(
    network: PerceptualNetwork,
) -> None:
    with pytest.raises(SettingsError, match="googlenet cannot look round"):
        check_wraps(define("googlenet", "max", "zeros"), 64, 64, 1, ())
    with pytest.raises(SettingsError, match="the style loss mrf compares neighbors"):
        check_wraps(network, 64, 64, 1, ["the style loss mrf"])
