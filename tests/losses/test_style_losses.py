"""Laws of every style loss of the table, and how a mix of them is written."""

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor
from torch.testing import assert_close

from gramarye.losses.style import StyleSettings
from gramarye.losses.style_losses import STYLE_LOSSES, MixPart, parse_mix
from gramarye.tiles.regions import Box
from tests.losses.making import layers_of, loss_for, maps_of, plainly, random_features

ALL = sorted(STYLE_LOSSES)
MASK = (torch.rand(1, 1, 8, 10, generator=torch.Generator().manual_seed(1)) + 0.1).double()


def half_white(layer: str, box: Box) -> Tensor:
    """White on the left half, black on the right, at both layers."""
    whole = torch.ones(1, 1, 8, 10) if layer == "fine" else torch.ones(1, 1, 4, 6)[..., :5]
    whole[..., 5 if layer == "fine" else 2 :] = 0
    return box.of(whole.double())


@pytest.mark.parametrize("name", ALL)
def test_a_loss_is_zero_for_its_own_target_and_positive_elsewhere(name: str) -> None:
    style, other = maps_of(0), maps_of(1)
    loss = loss_for(name, [style], layers_of(name))
    assert loss(style).shape == (1,)
    assert 0 <= loss(style).item() < 1e-9
    assert loss(other).item() > 1e-3


@pytest.mark.parametrize("name", ALL)
def test_the_gradient_is_that_of_finite_differences(name: str) -> None:
    loss, image = loss_for(name, [maps_of(0)], layers_of(name)), maps_of(1)
    leaves = [image[layer].requires_grad_(True) for layer in layers_of(name)]

    def value(*features: Tensor) -> Tensor:
        return loss(dict(zip(layers_of(name), features, strict=True)))

    assert torch.autograd.gradcheck(value, leaves, eps=1e-7, atol=1e-5, fast_mode=True)


@pytest.mark.parametrize("name", ALL)
def test_a_batch_of_copies_has_the_loss_and_the_gradient_of_one(name: str) -> None:
    loss = loss_for(name, [maps_of(0)], layers_of(name))

    def alone(count: int) -> tuple[Tensor, list[Tensor]]:
        image = {k: v.repeat(count, 1, 1, 1).requires_grad_(True) for k, v in maps_of(1).items()}
        value = loss(image)
        leaves = [image[layer] for layer in layers_of(name)]
        return value.detach(), list(torch.autograd.grad(value.sum(), leaves))

    (one, of_one), (three, of_three) = alone(1), alone(3)
    assert_close(three, one.expand(3), rtol=1e-11, atol=1e-14)
    for a, b in zip(of_three, of_one, strict=True):
        assert_close(a, b.expand_as(a), rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("name", ALL)
def test_images_of_a_batch_do_not_mix(name: str) -> None:
    loss = loss_for(name, [maps_of(0)], layers_of(name))
    images = [maps_of(seed) for seed in (1, 2)]
    together = {k: torch.cat([image[k] for image in images]) for k in images[0]}
    assert_close(loss(together), torch.cat([loss(image) for image in images]))


@pytest.mark.parametrize("name", ALL)
def test_five_steps_downhill_lower_it(name: str) -> None:
    loss, layers = loss_for(name, [maps_of(0)], layers_of(name)), layers_of(name)
    image = {k: v.requires_grad_(True) for k, v in maps_of(1).items()}
    start = loss(image).item()
    optimizer = torch.optim.Adam([image[layer] for layer in layers], lr=0.05)
    for _ in range(5):
        optimizer.zero_grad()
        loss(image).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    assert loss(image).item() < 0.97 * start


@pytest.mark.parametrize("name", ALL)
def test_where_the_mask_is_black_nothing_counts(name: str) -> None:
    layers = layers_of(name)
    loss = loss_for(name, [maps_of(0)], layers, weights=half_white)
    image = {k: v.requires_grad_(True) for k, v in maps_of(1).items()}
    value = loss(image)
    for layer, gradient in zip(
        layers, torch.autograd.grad(value.sum(), [image[k] for k in layers]), strict=True
    ):
        black = 6 if layer == "fine" else 3  # a patch or a cell may reach one position over
        assert gradient[..., black:].abs().max() == 0 or name in ("mrf", "cross-layer"), layer
        assert gradient[..., :2].abs().max() > 0


@pytest.mark.parametrize("name", [name for name in ALL if STYLE_LOSSES[name].of != "maps"])
def test_a_function_of_sums_forgets_the_order_and_the_number_of_positions(name: str) -> None:
    image = maps_of(1)["fine"]
    loss = loss_for(name, [maps_of(0)])
    shuffled = image.flatten(2)[..., torch.randperm(80)].view_as(image)
    assert_close(loss({"fine": shuffled}), loss({"fine": image}))
    twice = torch.cat([image, image], dim=2)
    assert_close(loss({"fine": twice}), loss({"fine": image}))


@pytest.mark.parametrize("name", ALL)
def test_of_two_styles_one_that_does_not_count_changes_nothing(name: str) -> None:
    first, second, layers = maps_of(0), maps_of(2), layers_of(name)
    alone = loss_for(name, [first], layers)(maps_of(1))
    both = loss_for(name, [first, second], layers, mix=(1.0, 0.0))(maps_of(1))
    assert_close(both, alone, rtol=1e-9, atol=1e-12)
    half = loss_for(name, [first, second], layers, mix=(1.0, 1.0))(maps_of(1))
    assert not torch.isclose(half, alone, rtol=1e-3)


@pytest.mark.parametrize("name", ALL)
def test_bfloat16_features_are_compared_in_float32(name: str) -> None:
    rounded = {k: v.bfloat16() for k, v in maps_of(1).items()}
    style = {k: v.float() for k, v in maps_of(0).items()}
    loss = loss_for(name, [style], layers_of(name))
    exact = loss({k: v.float() for k, v in rounded.items()})
    assert_close(loss(rounded), exact, rtol=1e-6, atol=1e-7)
    leaves = {k: v.requires_grad_(True) for k, v in rounded.items()}
    gradient = torch.autograd.grad(loss(leaves).sum(), leaves[layers_of(name)[0]])[0]
    assert torch.isfinite(gradient).all() and gradient.abs().max() > 0


# the mix


def test_a_mix_by_hand() -> None:
    assert parse_mix("covariance") == (MixPart("covariance", 1.0),)
    assert parse_mix(" gram = 1 , swd=0.5@ relu3_1+relu4_1, mean=0 ") == (
        MixPart("gram", 1.0),
        MixPart("swd", 0.5, ("relu3_1", "relu4_1")),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("covarianze", "did you mean 'covariance'"),
        ("gram=x", "LOSS=WEIGHT"),
        ("gram=-1", "a weight from 0 to"),
        ("gram=1,gram=2", "gram once"),
        ("gram@", "gram=WEIGHT@LAYER"),
        ("cross-layer@relu1_1+relu1_1", "each layer of cross-layer once"),
        ("gram=0", "with a weight above 0"),
        ("", "with a weight above 0"),
    ],
)
def test_what_is_wrong_with_a_mix_is_a_sentence(text: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        StyleSettings(distance=text)


def test_weights_of_losses_and_layers_are_shares() -> None:
    layers = {"relu1_1": 3.0, "relu2_1": 1.0}
    settings = StyleSettings(
        distance="covariance=3,gram=1@relu2_1+relu3_1", layers=layers, weight=8.0
    )
    assert settings.parts() == {
        "covariance": {"relu1_1": 4.5, "relu2_1": 1.5},
        "gram": {"relu2_1": 1.0, "relu3_1": 1.0},
    }
    absolute = settings.model_copy(update={"unit": "absolute"})
    assert absolute.parts()["gram"] == {"relu2_1": 8.0, "relu3_1": 8.0}


def test_neighbors_need_two_layers() -> None:
    with pytest.raises(ValidationError, match=r"2 layers or more to cross-layer"):
        StyleSettings(distance="gram=1,cross-layer=1@relu2_1")
    with pytest.raises(ValidationError, match=r"2 layers or more to cross-layer"):
        StyleSettings(distance="cross-layer", layers={"relu2_1": 1.0, "relu3_1": 0.0})
    StyleSettings(distance="cross-layer@relu2_1+relu3_1")


@pytest.mark.parametrize("name", ALL)
def test_maps_of_one_position_have_a_loss_and_a_gradient(name: str) -> None:
    style, image = ({k: v[..., :1, :1] for k, v in maps_of(seed).items()} for seed in (0, 1))
    loss = loss_for(name, [style], layers_of(name))
    leaves = {k: v.requires_grad_(True) for k, v in image.items()}
    value = loss(leaves)
    found = torch.autograd.grad(value.sum(), [leaves[k] for k in layers_of(name)])
    assert torch.isfinite(value).all() and all(torch.isfinite(g).all() for g in found)


def test_some_losses_have_usual_layers() -> None:
    layers = {"relu1_1": 3.0, "relu3_1": 1.0}
    assert StyleSettings(distance="mrf", layers=layers, unit="absolute").parts()["mrf"] == {
        "relu3_1": 60.0
    }
    deep = StyleSettings(distance="mrf").parts()["mrf"]  # of the default, at any part of the size
    assert set(deep) == {"relu3_1", "relu3_1/2", "relu4_1/2", "relu4_1/4"}
    named = StyleSettings(distance="mrf@relu1_1", layers=layers, unit="absolute")
    assert named.parts()["mrf"] == {"relu1_1": 180.0}
    others = StyleSettings(distance="mrf", layers={"conv2d0": 1.0}, unit="absolute")
    assert others.parts()["mrf"] == {"conv2d0": 60.0}


def test_plain_features_are_seen_as_they_are() -> None:
    features = random_features(0)
    assert plainly(features)(features) is features
