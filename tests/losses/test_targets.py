"""Targets: looked at in tiles as in one piece, and computed anew as stored."""

from __future__ import annotations

from collections.abc import Collection

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from gramarye.losses.content import ContentKind
from gramarye.losses.distances import covariance_distance
from gramarye.losses.statistics import Moments, mix_moments, moments
from gramarye.losses.style import StyleLoss
from gramarye.networks.alexnet import alexnet_steps
from gramarye.networks.features import PerceptualNetwork, Step
from gramarye.networks.vgg import vgg_steps
from gramarye.objective import Evaluation, Objective, Term
from gramarye.targets import ContentTargets, Lens, content_targets, image_moments, style_moments

CONTENT_LAYERS, STYLE_LAYERS = ("relu2_2", "conv3_1"), ("relu1_1", "relu2_1", "relu3_1")


def filled(steps: list[Step]) -> PerceptualNetwork:
    network = PerceptualNetwork("some", steps)
    generator = torch.Generator().manual_seed(2)
    for parameter in network.parameters():
        gain = (2 / parameter[0].numel()) ** 0.5 if parameter.ndim == 4 else 0.1
        parameter.copy_(gain * torch.randn(parameter.shape, generator=generator))
    return network.double()


@pytest.fixture
def network() -> PerceptualNetwork:
    return filled(vgg_steps(((4, 4), (5, 3), (4,)), "max", "reflect"))


@pytest.fixture
def content() -> Tensor:
    return torch.rand(1, 3, 83, 107, dtype=torch.float64)


def in_tiles(network: PerceptualNetwork, image: Tensor, layers: Collection[str]) -> Lens:
    """A lens whose memory does not do for the image in one piece."""
    lens = Lens(network, memory=500_000)
    assert len(list(lens.tiles(image, layers))) > 4
    return lens


def assert_same(found: Moments, expected: Moments) -> None:
    for a, b in zip(vars(found).values(), vars(expected).values(), strict=True):
        assert_close(a, b.to(a.dtype), rtol=1e-12, atol=0)


def test_moments_in_tiles_are_those_of_the_whole(
    network: PerceptualNetwork, content: Tensor
) -> None:
    features = network(content, STYLE_LAYERS)
    found = image_moments(in_tiles(network, content, STYLE_LAYERS), content, STYLE_LAYERS)
    for layer in STYLE_LAYERS:
        assert_same(found[layer], moments(features[layer]))


def test_several_styles_are_mixed_as_wholes(network: PerceptualNetwork, content: Tensor) -> None:
    styles = [content, 1 - content[..., :64, :70]]
    found = style_moments(in_tiles(network, content, STYLE_LAYERS), styles, STYLE_LAYERS)
    for layer in STYLE_LAYERS:
        alone = [moments(network(style, [layer])[layer]) for style in styles]
        assert_same(found[layer], mix_moments(alone))


def test_moments_are_kept_in_float64(network: PerceptualNetwork, content: Tensor) -> None:
    found = image_moments(Lens(network.float()), content.float(), ["relu1_1"])
    assert found["relu1_1"].second.dtype == torch.float64


@pytest.mark.parametrize("kind", ["relative", "mean", "sum"])
def test_content_targets_in_tiles_are_those_in_one_piece(
    network: PerceptualNetwork, content: Tensor, kind: ContentKind
) -> None:
    features = network(content, (*CONTENT_LAYERS, *STYLE_LAYERS))
    lens = in_tiles(network, content, {*CONTENT_LAYERS, *STYLE_LAYERS})
    found = content_targets(lens, content, CONTENT_LAYERS, STYLE_LAYERS, kind)
    assert set(found.losses) == set(CONTENT_LAYERS)
    for layer, loss in found.losses.items():
        expected = features[layer]
        assert isinstance(loss.target, Tensor)
        assert_close(loss.target, expected, rtol=1e-12, atol=1e-12)
        divisors = {
            "relative": expected.square().sum().item(),
            "mean": float(expected.numel()),
            "sum": 2.0,
        }
        assert_close(loss.divisor, divisors[kind], rtol=1e-12, atol=0)
    for layer in STYLE_LAYERS:
        assert_same(found.moments[layer], moments(features[layer]))


def evaluation(network: PerceptualNetwork, targets: ContentTargets, lens: Lens) -> Evaluation:
    """Losses and gradient at an image, in the lens's tiles."""
    generator = torch.Generator().manual_seed(9)
    image = torch.rand(1, 3, 83, 107, generator=generator).to(torch.float64)
    terms = [Term(layer, 1.5, loss, (layer,)) for layer, loss in targets.losses.items()]
    style = moments(torch.rand(1, 4, 9, 9, generator=generator).to(torch.float64))
    terms.append(Term("style", 1.0, StyleLoss("relu1_1", style, covariance_distance), ("relu1_1",)))
    return Objective(network, terms, memory=lens.memory).evaluate(image)


@pytest.mark.parametrize("tiled", [False, True])
def test_targets_computed_anew_give_the_losses_and_gradients_of_stored_ones(
    network: PerceptualNetwork, content: Tensor, tiled: bool
) -> None:
    whole = Lens(network)
    lens = in_tiles(network, content, CONTENT_LAYERS) if tiled else whole
    stored = content_targets(whole, content, CONTENT_LAYERS, (), "relative")
    computed = content_targets(lens, content, CONTENT_LAYERS, (), "relative", stored=False)
    assert not any(isinstance(loss.target, Tensor) for loss in computed.losses.values())
    expected, found = evaluation(network, stored, whole), evaluation(network, computed, lens)
    for name, value in expected.losses.items():
        assert_close(found.losses[name], value, rtol=1e-12, atol=0)
    assert (found.gradient - expected.gradient).norm() <= 1e-12 * expected.gradient.norm()


def test_a_computed_target_is_right_where_positions_end_before_the_image() -> None:
    network, content = filled(alexnet_steps()[:6]), torch.rand(1, 3, 127, 98, dtype=torch.float64)
    expected = network(content, ["pool2"])["pool2"]
    targets = content_targets(Lens(network), content, ["pool2"], (), "mean", stored=False)
    target = targets.losses["pool2"].target
    assert callable(target)
    lens = Lens(network, memory=1)
    tiles = [tile for tile, _ in lens.tiles(content, ["pool2"])]
    assert len(tiles) > 1
    for tile in tiles:
        box = tile.regions["pool2"].whole
        assert_close(target(box), box.of(expected), rtol=1e-12, atol=1e-12)


def test_a_computed_target_is_computed_once_for_the_loss_and_its_slope(
    network: PerceptualNetwork, content: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    lens = Lens(network)
    targets = content_targets(lens, content, ["relu2_2"], (), "mean", stored=False)
    passes, calls = lens.passes, []

    def counted(image: Tensor, layers: Collection[str], *, keep: bool) -> object:
        calls.append(layers)
        return passes(image, layers, keep=keep)

    monkeypatch.setattr(lens, "passes", counted)
    evaluation(network, targets, lens)
    assert len(calls) == 1


def test_a_target_of_zeros_has_a_divisor(network: PerceptualNetwork, content: Tensor) -> None:
    for parameter in network.parameters():
        parameter.zero_()
    found = content_targets(Lens(network), content, ["relu2_2"], (), "relative")
    assert found.losses["relu2_2"].divisor == 3 * 41 * 53


def test_stored_targets_are_as_small_as_the_features(network: PerceptualNetwork) -> None:
    lens = Lens(network.float(), "bfloat16")
    content = torch.rand(1, 3, 40, 44)
    loss = content_targets(lens, content, ["relu2_2"], (), "relative").losses["relu2_2"]
    assert isinstance(loss.target, Tensor)
    assert loss.target.dtype == torch.bfloat16
