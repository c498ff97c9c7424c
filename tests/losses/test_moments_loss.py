"""The style loss of a layer: zero at its target, weighted positions, batches, heads."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from gramarye.losses.distances import covariance_distance, gram_distance
from gramarye.losses.moments_loss import Distance, MomentsLoss
from gramarye.losses.statistics import PositionWeights, moments
from gramarye.losses.style_losses import STYLE_LOSSES
from gramarye.losses.style_terms import style_distance
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.vgg import narrow_vgg
from gramarye.tiles.regions import Box, Region, whole_region

HEIGHT, WIDTH, CHANNELS = 6, 7, 4
OF_MOMENTS = sorted(name for name, loss in STYLE_LOSSES.items() if loss.of == "moments")
MASK = torch.rand(1, 1, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(1)).double()


def position_weights(layer: str, box: Box) -> Tensor:
    assert layer == "relu1_1"
    return box.of(MASK)


def network_with_a_head() -> PerceptualNetwork:
    network = narrow_vgg("tiny", [(CHANNELS, CHANNELS)], "reflect").double()
    generator = torch.Generator().manual_seed(4)
    head = torch.randn(CHANNELS + 1, CHANNELS + 1, generator=generator, dtype=torch.float64)
    network.heads["relu1_1"], network.widths["relu1_1"] = head + head.mT, 9
    return network


NETWORK = network_with_a_head()
LAYERS = ("relu1_1", "relu1_2")  # with a head and without one


def random_features(*seeds: int) -> Tensor:
    pictures = [
        torch.randn(1, CHANNELS, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(seed))
        for seed in seeds
    ]
    return torch.cat(pictures).double()


TARGET = moments(random_features(9))


def loss_of(weights: PositionWeights | None, distance: Distance = gram_distance) -> MomentsLoss:
    return MomentsLoss("relu1_1", TARGET, distance, weights)


@pytest.mark.parametrize("weights", [None, position_weights])
def test_it_is_the_distance_of_the_moments(weights: PositionWeights | None) -> None:
    features = random_features(1, 2)
    here = moments(features, None if weights is None else MASK)
    found = loss_of(weights)({"relu1_1": features})
    assert found.shape == (2,)
    assert_close(found, gram_distance(here, TARGET), rtol=1e-12, atol=0)


def test_it_is_zero_at_its_target() -> None:
    assert loss_of(None)({"relu1_1": random_features(9)}).item() == 0
    target = moments(random_features(9), MASK)
    loss = MomentsLoss("relu1_1", target, gram_distance, position_weights)
    assert loss({"relu1_1": random_features(9)}).item() == 0
    assert loss({"relu1_1": random_features(8)}).item() > 1e-3


def test_weights_of_one_and_zero_are_the_loss_of_the_part_cut_out() -> None:
    mask = torch.zeros_like(MASK)
    mask[..., 1:4, 2:] = 1
    features = random_features(1)
    masked = loss_of(lambda layer, box: box.of(mask))({"relu1_1": features})
    cut = loss_of(None)({"relu1_1": features[..., 1:4, 2:]})
    assert_close(masked, cut, rtol=1e-12, atol=0)


@pytest.mark.parametrize("weights", [None, position_weights])
def test_sums_of_parts_and_the_gradient_they_are_given_are_those_of_the_whole(
    weights: PositionWeights | None,
) -> None:
    loss, features = loss_of(weights, covariance_distance), random_features(1, 2)
    leaf = features.clone().requires_grad_(True)
    here = moments(leaf, None if weights is None else MASK)
    value = covariance_distance(here, TARGET)
    (expected,) = torch.autograd.grad(value.sum(), leaf)
    boxes = [Box(0, 2, 0, WIDTH), Box(2, HEIGHT, 0, 3), Box(2, HEIGHT, 3, WIDTH)]
    regions = [Region(box, box, (HEIGHT, WIDTH)) for box in boxes]
    parts = [loss.sums(features, region) for region in regions]
    sums = [sum(of_parts).requires_grad_(True) for of_parts in zip(*parts, strict=True)]
    found = loss.value(tuple(sums))
    assert_close(found, value.detach(), rtol=1e-12, atol=0)
    slopes = torch.autograd.grad(found.sum(), sums, materialize_grads=True)
    into = torch.zeros_like(features)
    for region in regions:
        loss.add_gradient(into, features, region, slopes)
    assert_close(into, expected, rtol=1e-12, atol=1e-15)


def test_no_pixel_changes_the_count() -> None:
    loss, features = loss_of(position_weights), random_features(1)
    sums = [s.requires_grad_(True) for s in loss.sums(features, whole_region(features))]
    slopes = torch.autograd.grad(loss.value(tuple(sums)), sums, materialize_grads=True)
    assert slopes[2].tolist() == [0.0]
    assert slopes[0].abs().max() > 0


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("kind", OF_MOMENTS)
@pytest.mark.parametrize("weights", [None, position_weights])
def test_a_batch_of_copies_has_per_image_the_loss_of_one(
    weights: PositionWeights | None, kind: str, layer: str
) -> None:
    distance = style_distance(kind, NETWORK, layer)
    mask = None if weights is None else (lambda _, box: position_weights("relu1_1", box))
    loss = MomentsLoss(layer, TARGET, distance, mask)

    def alone(features: Tensor) -> tuple[Tensor, Tensor]:
        leaf = features.clone().requires_grad_(True)
        value = loss({layer: leaf})
        return value.detach(), torch.autograd.grad(value.sum(), leaf)[0]

    (one, gradient_of_one), (all_three, gradient) = (
        alone(random_features(*seeds)) for seeds in ((1,), (1, 1, 1))
    )
    assert_close(all_three, one.expand(3), rtol=1e-11, atol=0)
    assert_close(gradient, gradient_of_one.expand_as(gradient), rtol=1e-11, atol=1e-14)


def test_a_layer_with_a_head_is_compared_through_it() -> None:
    here = moments(random_features(1))
    head = NETWORK.heads["relu1_1"]
    wide = head @ (here.augmented() - TARGET.augmented()) @ head.mT
    expected = wide.square().sum((1, 2)) / 9**2
    assert_close(style_distance("gram", NETWORK, "relu1_1")(here, TARGET), expected)
    assert_close(style_distance("gram-paper", NETWORK, "relu1_1")(here, TARGET), expected / 4)
    plain = style_distance("gram", NETWORK, "relu1_2")
    assert_close(plain(here, TARGET), gram_distance(here, TARGET))


def test_a_head_in_float32_is_computed_with_in_float64() -> None:
    network, here = network_with_a_head(), moments(random_features(1))
    expected = style_distance("gram", network, "relu1_1")(here, TARGET)
    found = style_distance("gram", network.float(), "relu1_1")(here, TARGET)
    assert found.dtype == torch.float64
    assert_close(found, expected, rtol=1e-5, atol=0)


def test_float32_sums_are_compared_in_the_targets_float64() -> None:
    value = loss_of(None)({"relu1_1": random_features(1).float()})
    assert value.dtype == torch.float64
