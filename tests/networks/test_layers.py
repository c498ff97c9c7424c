"""Layers by name, also of the image at a part of its size."""

from __future__ import annotations

import re

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d
from torch.testing import assert_close

from gramarye.errors import LayerError, SettingsError
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.googlenet import googlenet_steps
from gramarye.networks.layers import by_shrink, joined, split_layer
from gramarye.networks.passes import AddGradient, make_passes
from gramarye.networks.registry import load_network
from gramarye.networks.vgg import vgg_steps

BLOCKS = ((4, 4), (5, 6), (7,))
LAYERS = ("relu1_1", "relu3_1", "relu2_1/2", "relu3_1/4", "pool1/2", "conv1_1/8")


def chain() -> PerceptualNetwork:
    network = PerceptualNetwork("chain", vgg_steps(BLOCKS)).double()
    generator = torch.Generator().manual_seed(3)
    for parameter in network.parameters():
        parameter.copy_(0.2 * torch.randn(parameter.shape, generator=generator))
    return network


def picture(height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(2, 3, height, width, generator=generator, dtype=torch.float64)


def test_names_by_hand() -> None:
    assert split_layer("relu4_1") == ("relu4_1", 1)
    assert split_layer("relu4_1/2") == ("relu4_1", 2)
    assert split_layer("relu4_1/3") == ("relu4_1/3", 1)  # no part there is: no layer either
    assert all(joined(*split_layer(layer)) == layer for layer in LAYERS)
    assert by_shrink(["b/4", "a", "c/4", "d/2"]) == {1: ["a"], 2: ["d"], 4: ["b", "c"]}
    assert by_shrink([]) == {}


def test_a_layer_at_a_part_of_the_size_is_that_of_the_means_of_squares() -> None:
    network, image = chain(), picture(45, 38)
    features = network(image, LAYERS)
    assert set(features) == set(LAYERS)
    for layer, found in features.items():
        name, shrink = split_layer(layer)
        means = avg_pool2d(image, shrink)
        assert_close(found, network(means, [name])[name], rtol=0, atol=0)
        assert found.shape[1] == network.geometry(layer).channels
        sides = [network.positions(layer, side) for side in image.shape[2:]]
        assert list(found.shape[2:]) == sides


def test_what_it_sees_is_as_many_times_larger() -> None:
    network = chain()
    plain, half = network.geometry("relu3_1"), network.geometry("relu3_1/2")
    assert (half.stride, half.receptive_field, half.offset) == (
        2 * plain.stride,
        2 * plain.receptive_field,
        2 * plain.offset,
    )
    # Seen from outside: the pixels that one position's gradient reaches.
    image = picture(96, 96).requires_grad_(True)
    one = network(image, ["relu3_1/2"])["relu3_1/2"][0, :, 5, 5].square().sum()
    (gradient,) = torch.autograd.grad(one, image)
    rows = gradient[0].abs().sum((0, 2)).nonzero().flatten()
    first = 5 * half.stride - half.offset
    assert first <= int(rows.min()) and int(rows.max()) < first + half.receptive_field
    assert int(rows.max() - rows.min()) > plain.receptive_field


@pytest.mark.parametrize("kind", ["chain", "autograd"])
def test_the_way_back_is_autograds(kind: str) -> None:
    if kind == "chain":
        network, layers = chain(), list(LAYERS)
    else:
        network = PerceptualNetwork("googlenet", googlenet_steps("max", "zeros")).double()
        layers = ["conv2", "conv2/2", "relu1/8"]
        network.truncate(layers)
    image = picture(69, 82)
    leaf = image.clone().requires_grad_(True)
    expected = network(leaf, layers)
    generator = torch.Generator().manual_seed(2)
    pulls = {
        layer: torch.randn(f.shape, generator=generator, dtype=f.dtype)
        for layer, f in expected.items()
    }
    total = sum(((pulls[layer] * f).sum() for layer, f in expected.items()), torch.zeros(()))
    (gradient,) = torch.autograd.grad(total, leaf)
    made = make_passes(network)(image, layers, keep=True)
    for layer in layers:
        assert_close(made.features[layer].detach(), expected[layer].detach())
    found = made.backward(adders(pulls))
    assert_close(found, gradient)


def adders(pulls: dict[str, Tensor]) -> dict[str, AddGradient]:
    def adder(pull: Tensor) -> AddGradient:
        def add(into: Tensor) -> None:
            into += pull

        return add

    return {layer: adder(pull) for layer, pull in pulls.items()}


def test_without_a_layer_of_the_whole_image_the_far_sides_feel_nothing() -> None:
    network, image = chain(), picture(43, 50)
    made = make_passes(network)(image, ["relu1_1/4"], keep=True)
    gradient = made.backward(adders({"relu1_1/4": torch.ones_like(made.features["relu1_1/4"])}))
    assert gradient.shape == image.shape
    assert not gradient[..., 40:, :].any() and not gradient[..., 48:].any()
    assert gradient[..., :40, :48].any()


def test_heads_are_those_of_the_layer_at_any_size() -> None:
    network = load_network("vgg19-lite")
    plain, half = network.head("relu3_1"), network.head("relu3_1/2")
    assert plain is not None and half is not None and plain[0] is half[0] and plain[1] == 256
    assert network.head("relu3_2/2") is None


def test_the_smallest_image_has_room_for_its_part() -> None:
    network = load_network("vgg19-lite")
    least = network.minimum_size(["relu4_1"])
    assert network.minimum_size(["relu4_1/4"]) == 4 * least
    assert network.fits(4 * least, ["relu4_1/4"]) and not network.fits(4 * least - 1, ["relu4_1/4"])
    with pytest.raises(SettingsError, match=f"for layer relu4_1/4 of .* least {4 * least} pixels"):
        make_passes(network)(torch.rand(1, 3, 40, 90), ["relu1_1", "relu4_1/4"], keep=False)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("relu4_1/3", "unknown layer 'relu4_1/3': after relu4_1 can be /2, /4 or /8"),
        ("relu4_1/", "unknown layer 'relu4_1/': after relu4_1 can be /2, /4 or /8"),
        ("relu9_1/2", "unknown layer 'relu9_1/2': vgg19-lite has 30"),
        ("relu4_1/2/2", "unknown layer 'relu4_1/2/2'"),
    ],
)
def test_a_wrong_part_is_told_with_those_there_are(layer: str, message: str) -> None:
    with pytest.raises(LayerError, match=re.escape(message)):
        load_network("vgg19-lite").check_layers([layer])
