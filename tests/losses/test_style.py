"""The style term: its settings, its unit, several styles, and masks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor
from torch.testing import assert_close

from gramarye.distributed.bands import whole
from gramarye.errors import SettingsError
from gramarye.losses.kind import Needs, Term
from gramarye.losses.statistics import Moments, moments
from gramarye.losses.style import (
    STYLE,
    StyleSettings,
    strength_factor,
)
from gramarye.losses.style_look import own_distance
from gramarye.losses.style_losses import STYLE_LOSSES
from gramarye.losses.targets import Targets
from gramarye.networks.features import PerceptualNetwork
from gramarye.objective import Objective
from gramarye.tiles.extractor import FeatureExtractor
from gramarye.tiles.plan import choose_tiles

HEIGHT, WIDTH = 40, 52
LAYERS = {"relu1_1": 3.0, "relu2_1": 1.0}


@pytest.fixture
def network(tiny_network: PerceptualNetwork) -> PerceptualNetwork:
    return tiny_network.double()


@pytest.fixture
def seen() -> dict[str, Tensor]:
    return {
        "content": torch.rand(1, 3, HEIGHT, WIDTH, dtype=torch.float64),
        "style/0": torch.rand(1, 3, 36, 44, dtype=torch.float64),
        "style/1": torch.rand(1, 3, 60, 33, dtype=torch.float64) ** 2,
    }


def style_terms(
    network: PerceptualNetwork,
    seen: Mapping[str, Tensor],
    memory: int | None = None,
    **settings: Any,
) -> dict[str, Term]:
    """The terms by layer; with little memory, everything is measured in tiles."""
    part = StyleSettings(**{"layers": LAYERS, **settings})
    return {term.layers[0]: term for term in made(network, seen, part, memory).values()}


def made(
    network: PerceptualNetwork,
    seen: Mapping[str, Tensor],
    part: StyleSettings,
    memory: int | None = None,
) -> dict[str, Term]:
    """The terms by name."""
    tiles = choose_tiles(network, part.layers, HEIGHT, WIDTH, memory)
    extractor = FeatureExtractor(network, memory=memory)
    targets = Targets(extractor, seen, whole(HEIGHT, WIDTH), tiles)
    make = STYLE.prepare(part, targets)
    targets.measure()
    return {term.name: term for term in make()}


def target_of(term: Term) -> Moments:
    return term.loss.target  # type: ignore[attr-defined, no-any-return]


def of_style(network: PerceptualNetwork, picture: Tensor, layer: str = "relu1_1") -> Moments:
    return moments(network(picture, [layer])[layer])


def assert_same(found: Moments, expected: Moments) -> None:
    """As distributions: whatever their counts."""
    assert_close(found.gram(), expected.gram(), rtol=1e-12, atol=0)
    assert_close(found.mean(), expected.mean(), rtol=1e-12, atol=0)


# settings


@pytest.mark.parametrize(("strength", "factor"), [(0.0, 0.1), (0.5, 1.0), (1.0, 10.0)])
def test_strength_by_hand(strength: float, factor: float) -> None:
    assert strength_factor(strength) == pytest.approx(factor)


def test_weights_are_shares_where_the_unit_is_relative() -> None:
    settings = {"layers": {**LAYERS, "relu3_1": 0.0}, "weight": 8.0}
    assert StyleSettings(**settings).parts() == {"covariance": {"relu1_1": 6.0, "relu2_1": 2.0}}
    absolute = StyleSettings(**settings, unit="absolute")
    assert absolute.parts() == {"covariance": {"relu1_1": 24.0, "relu2_1": 8.0}}
    assert STYLE.needs(absolute) == Needs(inputs=frozenset({"style"}), layers=frozenset(LAYERS))
    assert STYLE.needs(StyleSettings(weight=0.0)) == Needs()


@pytest.mark.parametrize("mix", [(1.0, -1.0), (0.0, 0.0)])
def test_a_mix_is_of_positive_weights(mix: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError, match=r"greater than or equal to 0|a weight above 0"):
        StyleSettings(mix=mix)


def test_a_mix_has_a_number_for_each_style(
    network: PerceptualNetwork, seen: dict[str, Tensor]
) -> None:
    with pytest.raises(
        SettingsError, match="style_weights has 3 numbers, and there are 2 styles: give one"
    ):
        style_terms(network, seen, mix=(1.0, 2.0, 3.0))


# several styles


@pytest.mark.parametrize(
    ("mix", "shares"),
    [((), (0.5, 0.5)), ((3.0, 1.0), (0.75, 0.25)), ((0.0, 2.0), (0.0, 1.0))],
)
def test_styles_are_mixed_by_hand(
    network: PerceptualNetwork,
    seen: dict[str, Tensor],
    mix: tuple[float, ...],
    shares: tuple[float, ...],
) -> None:
    terms = style_terms(network, seen, mix=mix)
    for layer in LAYERS:
        parts = [of_style(network, seen[name], layer) for name in ("style/0", "style/1")]
        found = target_of(terms[layer])
        for statistic in (Moments.gram, Moments.mean):
            expected = sum(w * statistic(part) for w, part in zip(shares, parts, strict=True))
            assert_close(statistic(found), expected, rtol=1e-12, atol=0)


def test_a_mix_of_one_style_is_that_style(
    network: PerceptualNetwork, seen: dict[str, Tensor]
) -> None:
    only = {name: picture for name, picture in seen.items() if name != "style/1"}
    terms, alone = style_terms(network, seen, mix=(1.0, 0.0)), style_terms(network, only)
    for layer in LAYERS:
        assert_same(target_of(terms[layer]), target_of(alone[layer]))
        assert_close(terms[layer].weight, alone[layer].weight, rtol=1e-12, atol=0)


# the unit


def test_the_unit_is_the_contents_own_distance(
    network: PerceptualNetwork, seen: dict[str, Tensor]
) -> None:
    relative = style_terms(network, seen, weight=8.0)
    absolute = style_terms(network, seen, weight=8.0, unit="absolute")
    features = network(seen["content"], LAYERS)
    unit = sum(
        share * float(absolute[layer].loss(features))
        for layer, share in {"relu1_1": 0.75, "relu2_1": 0.25}.items()
    )
    assert_close(relative["relu1_1"].weight, 6.0 / unit, rtol=1e-12, atol=0)
    assert_close(relative["relu2_1"].weight, 2.0 / unit, rtol=1e-12, atol=0)
    total = sum(term.weight * float(term.loss(features)) for term in relative.values())
    assert_close(total, 8.0, rtol=1e-12, atol=0)


def test_a_content_that_is_its_style_has_a_unit_too(
    network: PerceptualNetwork, seen: dict[str, Tensor]
) -> None:
    assert own_distance(2.0, 50.0) == 2.0
    assert own_distance(0.0, 50.0) == 0.05
    assert own_distance(0.0, 0.0) == 1.0
    seen["style/0"] = seen["content"]
    del seen["style/1"]
    terms = style_terms(network, seen, distance="mean")
    black = sum(
        LAYERS[layer]
        / 4
        * float(network(seen["content"], [layer])[layer].mean((2, 3)).square().mean())
        for layer in LAYERS
    )
    for layer, share in (("relu1_1", 0.75), ("relu2_1", 0.25)):
        assert_close(terms[layer].weight, 60 * share / (1e-3 * black), rtol=1e-9, atol=0)


# masks


def mask_of(height: int, width: int, top: int, bottom: int, left: int, right: int) -> Tensor:
    mask = torch.zeros(1, 1, height, width, dtype=torch.float64)
    mask[..., top:bottom, left:right] = 1
    return mask


@pytest.mark.parametrize("memory", [None, 200_000])
def test_a_style_mask_measures_the_white_part_of_its_style_alone(
    network: PerceptualNetwork, seen: dict[str, Tensor], memory: int | None
) -> None:
    seen["style-mask/1"] = mask_of(60, 33, 8, 40, 4, 20)
    one, two = (style_terms(network, seen, memory, mix=mix) for mix in ((1.0, 0.0), (0.0, 1.0)))
    for layer, stride in (("relu1_1", 1), ("relu2_1", 2)):
        assert_same(target_of(one[layer]), of_style(network, seen["style/0"], layer))
        features = network(seen["style/1"], [layer])[layer]
        cut = features[..., 8 // stride : 40 // stride, 4 // stride : 20 // stride]
        assert_same(target_of(two[layer]), moments(cut))


@pytest.mark.parametrize("memory", [None, 200_000])
def test_a_content_mask_says_where_the_image_and_the_unit_are_measured(
    network: PerceptualNetwork, seen: dict[str, Tensor], memory: int | None
) -> None:
    absolute = style_terms(network, seen, memory, unit="absolute")
    seen["content-mask"] = mask_of(HEIGHT, WIDTH, 4, 36, 8, 30)
    masked = style_terms(network, seen, memory, unit="absolute")
    relative = style_terms(network, seen, memory)
    image = torch.rand(1, 3, HEIGHT, WIDTH, dtype=torch.float64)
    whole_picture, content = network(image, LAYERS), network(seen["content"], LAYERS)
    unit = 0.0
    for layer, stride in (("relu1_1", 1), ("relu2_1", 2)):
        rows, columns = slice(4 // stride, 36 // stride), slice(8 // stride, 30 // stride)
        plain, found = absolute[layer].loss, masked[layer].loss
        assert_same(target_of(masked[layer]), target_of(absolute[layer]))  # the style's own
        expected = plain({layer: whole_picture[layer][..., rows, columns]})
        assert_close(found(whole_picture), expected, rtol=1e-12, atol=0)
        assert not torch.isclose(found(whole_picture), plain(whole_picture), rtol=1e-3)
        of_content = plain({layer: content[layer][..., rows, columns]})
        unit += LAYERS[layer] / 4 * float(of_content)
    for layer, share in (("relu1_1", 0.75), ("relu2_1", 0.25)):
        expected_weight = share * StyleSettings().weight / unit
        assert_close(relative[layer].weight, expected_weight, rtol=1e-12, atol=0)


def test_where_a_content_mask_is_black_the_style_does_not_pull(
    network: PerceptualNetwork, seen: dict[str, Tensor]
) -> None:
    seen["content-mask"] = mask_of(HEIGHT, WIDTH, 0, HEIGHT, 0, 24)
    objective = Objective(network, list(style_terms(network, seen).values()))
    gradient = objective.evaluate(seen["content"]).gradient
    reach = 24 + 6  # relu2_1's receptive field is 10 wide, and starts 4 before its 2 pixels
    assert gradient[..., reach:].abs().max() == 0
    assert gradient[..., :24].abs().min() > 0


def test_a_gray_mask_counts_in_part(network: PerceptualNetwork, seen: dict[str, Tensor]) -> None:
    seen["style-mask/0"] = torch.full((1, 1, 36, 44), 0.5, dtype=torch.float64)
    seen["style-mask/0"][..., 20:] = 0.25
    found = target_of(style_terms(network, seen, mix=(1.0, 0.0))["relu1_1"])
    features = network(seen["style/0"], ["relu1_1"])["relu1_1"]
    left, right = moments(features[..., :20]), moments(features[..., 20:])
    assert_same(found, left + left + right)


def test_white_masks_change_nothing(network: PerceptualNetwork, seen: dict[str, Tensor]) -> None:
    plain = style_terms(network, seen)
    white = {
        "content-mask": torch.ones_like(seen["content"][:, :1]),
        "style-mask/0": torch.ones_like(seen["style/0"][:, :1]),
        "style-mask/1": torch.ones_like(seen["style/1"][:, :1]),
    }
    masked, features = style_terms(network, seen | white), network(seen["content"], LAYERS)
    for layer in LAYERS:
        assert_same(target_of(masked[layer]), target_of(plain[layer]))
        assert_close(masked[layer].weight, plain[layer].weight, rtol=1e-12, atol=0)
        assert_close(masked[layer].loss(features), plain[layer].loss(features), rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", ["content-mask", "style-mask/1"])
def test_a_mask_that_leaves_nothing_is_named(
    network: PerceptualNetwork, seen: dict[str, Tensor], name: str
) -> None:
    of = "content" if name == "content-mask" else "style/1"
    free = " and not protected" if of == "content" else ""
    seen[name] = torch.zeros_like(seen[of][:, :1])
    told = rf"^{name} leaves nothing of {of}, at relu1_1: .* white .* opaque{free}$"
    with pytest.raises(SettingsError, match=told):
        style_terms(network, seen)


# mixes of losses


def test_a_mix_is_each_loss_in_its_own_unit(
    network: PerceptualNetwork, seen: dict[str, Tensor]
) -> None:
    part = StyleSettings(distance="covariance=3,swd=1@relu2_1,remd=4", layers=LAYERS, weight=8.0)
    seen["style/0"] = seen["style/0"] ** 4  # darker: not within the unit's floor
    terms = made(network, seen, part)
    assert list(terms) == [
        "style/covariance/relu1_1",
        "style/covariance/relu2_1",
        "style/swd/relu2_1",
        "style/remd",
    ]
    features = network(seen["content"], LAYERS)
    values = {name: term.weight * float(term.loss(features)) for name, term in terms.items()}
    covariance = sum(value for name, value in values.items() if "covariance" in name)
    expected = {
        name: 8.0 * share * STYLE_LOSSES[name].balance
        for name, share in (("covariance", 3 / 8), ("swd", 1 / 8), ("remd", 4 / 8))
    }
    assert covariance == pytest.approx(expected["covariance"], rel=1e-9)
    assert values["style/swd/relu2_1"] == pytest.approx(expected["swd"], rel=1e-6)
    assert values["style/remd"] == pytest.approx(expected["remd"], rel=1e-6)


@pytest.mark.parametrize("name", sorted(STYLE_LOSSES))
@pytest.mark.parametrize("memory", [None, 200_000])
def test_every_loss_is_measured_of_inputs_in_tiles_as_in_one_piece(
    network: PerceptualNetwork, seen: dict[str, Tensor], name: str, memory: int | None
) -> None:
    image = network(seen["style/1"][..., :40, :32], LAYERS)
    terms = style_terms(network, seen, distance=name, mix=(0.3, 0.7))
    tiled = style_terms(network, seen, memory, distance=name, mix=(0.3, 0.7))
    for layer, term in terms.items():
        assert_close(tiled[layer].weight, term.weight, rtol=1e-8, atol=0)
        assert_close(tiled[layer].loss(image), term.loss(image), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("name", sorted(STYLE_LOSSES))
def test_the_gain_is_of_the_features_the_style_is_seen_as_having(
    network: PerceptualNetwork, seen: dict[str, Tensor], name: str
) -> None:
    only = {key: picture for key, picture in seen.items() if key != "style/1"}
    terms = style_terms(network, only, distance=name, gain=1.5, unit="absolute")
    amplified = {k: 1.5 * v for k, v in network(seen["style/0"], LAYERS).items()}
    assert all(abs(float(term.loss(amplified))) < 1e-9 for term in terms.values())
    plain = style_terms(network, only, distance=name, unit="absolute")
    # A cosine knows no length.
    if name not in ("remd",):
        assert all(float(term.loss(amplified)) > 1e-9 for term in plain.values())


def test_what_no_sums_can_tell_is_known_beforehand() -> None:
    needs = STYLE.needs(StyleSettings(distance="gram=1,remd=1@relu4_1,mrf=2@relu4_1"))
    assert needs.whole == {"the style loss remd", "the style loss mrf"}
    assert needs.copies == {"relu4_1": 9.0}
    assert STYLE.needs(StyleSettings(distance="swd=1,cmd=1")).whole == frozenset()
