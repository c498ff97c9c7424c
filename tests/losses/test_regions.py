"""The style loss in regions: each compared with its own counterpart, in tiles as in one piece."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from gramarye.config import make_config
from gramarye.errors import SettingsError
from gramarye.losses.kind import Term
from gramarye.losses.masks import MaskWeights
from gramarye.losses.statistics import moments
from gramarye.losses.style_look import strength_ratio
from gramarye.losses.style_losses import STYLE_LOSSES
from gramarye.networks.features import PerceptualNetwork
from gramarye.objective import Objective
from gramarye.stylize import make_objective
from gramarye.tiles.regions import Box
from gramarye.tiles.tiling import plan_tiles

HEIGHT, WIDTH = 64, 96
LAYERS = {"relu1_1": 3.0, "relu2_1": 1.0}
ALL = sorted(STYLE_LOSSES)


@pytest.fixture
def network(tiny_network: PerceptualNetwork) -> PerceptualNetwork:
    return tiny_network.double()


def picture(seed: int, height: int = HEIGHT, width: int = WIDTH) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(1, 3, height, width, generator=generator, dtype=torch.float64)


def halves(left: int, width: int = WIDTH, height: int = HEIGHT) -> Tensor:
    """Two regions (1, 2, h, w), side by side."""
    found = torch.zeros(1, 2, height, width, dtype=torch.float64)
    found[:, 0, :, :left], found[:, 1, :, left:] = 1, 1
    return found


def seen_of() -> dict[str, Tensor]:
    """A third of the content is to look like the right of the style, the rest like its left."""
    return {
        "content": picture(1),
        "style/0": picture(2) ** 2,
        "content-regions": halves(32).flip(1),
        "style-regions/0": halves(48),
    }


def terms_of(network: PerceptualNetwork, seen: Mapping[str, Tensor], **settings: Any) -> list[Term]:
    chosen = {"style_layers": LAYERS, "content_layers": {}, "precision": "float32"} | settings
    config = make_config(**chosen)
    return [t for t in make_objective(network, seen, config).terms if t.name.startswith("style")]


@pytest.mark.parametrize("name", [n for n in ALL if STYLE_LOSSES[n].of == "moments"])
def test_the_loss_is_the_regions_distances_by_their_shares(
    network: PerceptualNetwork, name: str
) -> None:
    seen = seen_of()
    settings = {"style_loss": name, "balance": "absolute", "style_weight": 1.0}
    image = picture(3)
    features, style = (network(x, LAYERS) for x in (image, seen["style/0"]))
    for term in terms_of(network, seen, **settings):
        (layer,) = term.layers
        stride = network.geometry(layer).stride
        distance = term.loss.distance  # type: ignore[attr-defined]
        expected = 0.0
        for share, here, there in (
            (1 / 3, slice(0, 32 // stride), slice(48 // stride, None)),
            (2 / 3, slice(32 // stride, None), slice(0, 48 // stride)),
        ):
            parts = features[layer][..., here], style[layer][..., there]
            expected += share * float(distance(*map(moments, parts)))
        assert_close(float(term.loss(features)), expected, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("name", ALL)
def test_it_is_zero_where_each_region_is_its_counterpart(
    network: PerceptualNetwork, name: str
) -> None:
    """And not where they are exchanged, which a loss of the whole could not tell."""
    seen = seen_of() | {"content": seen_of()["style/0"], "content-regions": halves(48)}
    settings = {"style_loss": name, "balance": "absolute"}
    features = network(seen["style/0"], LAYERS)
    own = sum(float(t.loss(features)) for t in terms_of(network, seen, **settings))
    seen["content-regions"] = halves(48).flip(1)
    seen["style/0"] = seen["style/0"].clone()
    seen["style/0"][..., 48:] = seen["style/0"][..., 48:].sqrt()
    exchanged = sum(float(t.loss(features)) for t in terms_of(network, seen, **settings))
    # Averages over cells, random features and bins are not exact at the target.
    assert own <= 1e-9 or own < exchanged / 20


@pytest.mark.parametrize("few", [0, 1 << 16])
def test_few_positions_and_many_are_the_same(
    network: PerceptualNetwork, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = seen_of() | {"content-mask": picture(7)[:, :1].clamp(0.4, 0.8)}
    terms = terms_of(network, seen, style_loss="covariance")
    expected = evaluations(terms, network, None)
    monkeypatch.setattr("gramarye.losses.moments_loss.FEW", few)
    for memory in (None, 250_000):
        found = evaluations(terms, network, memory)
        assert_close(found.total, expected.total, rtol=1e-10, atol=0)
        assert (found.gradient - expected.gradient).norm() <= 1e-9 * expected.gradient.norm()


@pytest.mark.parametrize("name", ["covariance", "gram", "batch-norm"])
def test_positions_seen_through_a_head_have_the_loss_of_their_moments(
    network: PerceptualNetwork, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for layer in LAYERS:
        size = network.geometry(layer).channels + 1
        head = torch.randn(size, size, generator=torch.Generator().manual_seed(4)).double()
        network.heads[layer], network.widths[layer] = head + head.mT, 3 * size
    found = {}
    for seen in (0, 1 << 20):
        monkeypatch.setattr("gramarye.losses.style_terms.SEEN", seen)
        terms = terms_of(network, seen_of(), style_loss=name, style_gain=1.5)
        assert all((t.loss.seeing is None) == (seen == 0) for t in terms)  # type: ignore[attr-defined]
        for few in (0, 1 << 16):
            monkeypatch.setattr("gramarye.losses.moments_loss.FEW", few)
            for memory in (None, 250_000):
                found[seen, few, memory] = evaluations(terms, network, memory)
    expected = found[0, 0, None]
    for other in found.values():
        assert_close(other.total, expected.total, rtol=1e-10, atol=0)
        assert (other.gradient - expected.gradient).norm() <= 1e-9 * expected.gradient.norm()


def evaluations(terms: list[Term], network: PerceptualNetwork, memory: int | None) -> Any:
    objective = Objective(network, terms, memory=memory)
    assert (len(objective.plan(HEIGHT, WIDTH).tiles) > 1) == (memory is not None)
    return objective.evaluate(picture(3))


@pytest.mark.parametrize("mode", ["simple", "inside"])
@pytest.mark.parametrize("name", [n for n in ALL if STYLE_LOSSES[n].of != "maps"])
def test_tiles_change_nothing(network: PerceptualNetwork, name: str, mode: str) -> None:
    seen = seen_of() | {"content-mask": picture(7)[:, :1].clamp(0.4, 0.8)}
    seen["content-regions"] = halves(40)
    terms = terms_of(network, seen, style_loss=name, mask_mode=mode)
    one, many = (evaluations(terms, network, memory) for memory in (None, 250_000))
    assert_close(many.total, one.total, rtol=1e-10, atol=0)
    assert (many.gradient - one.gradient).norm() <= 1e-9 * one.gradient.norm()


@pytest.mark.parametrize("name", ["covariance", "cmd", "nearest"])
def test_the_gradient_is_the_losses_slope(network: PerceptualNetwork, name: str) -> None:
    terms = terms_of(network, seen_of(), style_loss=name)
    image, step = picture(3), picture(5) - 0.5
    objective = Objective(network, terms)
    slope = (objective.evaluate(image).gradient * step).sum()
    ends = [objective.evaluate(image + e * step).total for e in (1e-6, -1e-6)]
    assert_close(slope, ((ends[0] - ends[1]) / 2e-6)[0], rtol=2e-3, atol=0)


def test_a_batch_of_copies_has_per_image_the_losses_of_one(network: PerceptualNetwork) -> None:
    objective = Objective(network, terms_of(network, seen_of()))
    one, three = (objective.evaluate(picture(3).expand(n, -1, -1, -1)) for n in (1, 3))
    assert_close(three.total, one.total.expand(3), rtol=1e-12, atol=0)
    assert_close(three.gradient, one.gradient.expand(3, -1, -1, -1), rtol=1e-9, atol=1e-15)


def test_the_relative_loss_of_the_content_is_the_style_weight(network: PerceptualNetwork) -> None:
    seen = seen_of()
    features = network(seen["content"], LAYERS)
    for name in ("covariance", "swd", "remd"):
        balance = STYLE_LOSSES[name].balance
        terms = terms_of(network, seen, style_loss=name, style_weight=8.0)
        total = sum(term.weight * float(term.loss(features)) for term in terms)
        assert_close(total, 8.0 * balance, rtol=1e-9, atol=0)


def test_a_region_that_is_left_out_leaves_the_others_as_strong(network: PerceptualNetwork) -> None:
    """Shares are of the picture: half a picture is pulled with half the weight."""
    seen = seen_of()
    seen["content-regions"] = halves(48)[:, :1]
    seen["style-regions/0"] = halves(48)[:, :1]
    features = network(seen["content"], LAYERS)
    terms = terms_of(network, seen, style_weight=8.0)
    assert_close(sum(t.weight * float(t.loss(features)) for t in terms), 4.0, rtol=1e-9, atol=0)
    gradient = Objective(network, terms).evaluate(seen["content"]).gradient
    assert not gradient[..., 48 + 6 :].any() and gradient[..., :48].any()


def test_each_style_counts_for_the_regions_it_has(network: PerceptualNetwork) -> None:
    seen = seen_of()
    seen["style/1"] = picture(9).sqrt()
    seen["style-regions/1"] = halves(0)  # all of it is of the second region
    both = terms_of(network, seen, style_weights=(0.0, 1.0), balance="absolute")
    alone = {k: v for k, v in seen.items() if k not in ("style/0", "style-regions/0")}
    alone |= {"style/0": seen["style/1"], "style-regions/0": seen["style-regions/1"]}
    features = network(picture(3), LAYERS)
    for one, two in zip(both, terms_of(network, alone, balance="absolute"), strict=True):
        assert_close(one.loss(features), two.loss(features), rtol=1e-12, atol=0)


def test_masks_that_leave_no_region_are_one_sentence(network: PerceptualNetwork) -> None:
    seen = seen_of() | {"content-mask": torch.zeros(1, 1, HEIGHT, WIDTH, dtype=torch.float64)}
    with pytest.raises(SettingsError, match=r"^masks leave nothing of the picture"):
        terms_of(network, seen)


# inside


@pytest.mark.parametrize("layer", ["relu1_1", "relu2_2", "relu3_1", "relu2_1/2"])
def test_inside_is_the_least_weight_that_a_position_sees(
    network: PerceptualNetwork, layer: str
) -> None:
    mask = picture(1)[:, :1]
    weights = MaskWeights("content-mask", mask, network, (HEIGHT, WIDTH), mode="inside")
    g = network.geometry(layer)
    size = [network.positions(layer, side) for side in (HEIGHT, WIDTH)]
    found = weights(layer, Box.whole(*size))
    for y in range(0, size[0], 3):
        for x in range(0, size[1], 5):
            top, left = y * g.stride - g.offset, x * g.stride - g.offset
            rows = slice(max(0, top), top + g.receptive_field)
            columns = slice(max(0, left), left + g.receptive_field)
            assert found[0, 0, y, x] == mask[0, 0, rows, columns].min()
    for tile in plan_tiles(network, [layer], HEIGHT, WIDTH, 2, 3):
        region, top = tile.regions[layer], tile.window.top
        some = mask[..., top : tile.window.bottom, :]
        here = MaskWeights("content-mask", some, network, (HEIGHT, WIDTH), top, "inside")
        assert torch.equal(here(layer, region.whole), region.whole.of(found))


def test_inside_nothing_bleeds_over_the_edge(network: PerceptualNetwork) -> None:
    """What is beyond a region, in picture and style, changes nothing of its loss."""
    seen = seen_of()
    seen["content-regions"], seen["style-regions/0"] = halves(48)[:, :1], halves(48)[:, :1]
    image = picture(3)
    other = torch.cat([image[..., :48], picture(8)[..., 48:]], 3)
    changed = seen | {"style/0": seen["style/0"].clone()}
    changed["style/0"][..., 48:] = picture(6)[..., 48:]

    def losses(mode: str, image: Tensor, seen: Mapping[str, Tensor]) -> list[float]:
        terms = terms_of(network, seen, mask_mode=mode, balance="absolute")
        return [float(term.loss(network(image, LAYERS))) for term in terms]

    one = losses("inside", image, seen)
    assert losses("inside", other, changed) == pytest.approx(one, rel=1e-12)
    one = losses("simple", image, seen)
    assert losses("simple", other, changed) != pytest.approx(one, rel=1e-6)


def test_inside_a_small_region_leaves_deep_layers_out(network: PerceptualNetwork) -> None:
    seen = seen_of() | {"content-regions": halves(8)}
    layers = {"relu1_1": 1.0, "relu3_1": 1.0}  # which sees 24 pixels
    names = [t.name for t in terms_of(network, seen, mask_mode="inside", style_layers=layers)]
    assert names == ["style/relu1_1", "style/relu3_1"]
    seen["content-regions"] = halves(8)[:, :1]
    names = [t.name for t in terms_of(network, seen, mask_mode="inside", style_layers=layers)]
    assert names == ["style/relu1_1"]
    seen["content-regions"] = halves(1)[:, :1]
    with pytest.raises(SettingsError, match="or --mask-mode simple"):
        terms_of(network, seen, mask_mode="inside", style_layers=layers)


# the strength map


def test_the_strength_map_is_white_for_all_and_black_for_none() -> None:
    gray = torch.tensor([0.0, 0.5, 1.0])
    assert_close(strength_ratio(gray, 0.5), torch.tensor([0.0, (10**0.5 - 1) / 9, 1.0]))
    assert_close(strength_ratio(gray, 1.0), torch.tensor([0.0, 9 / 99, 1.0]))
    assert_close(strength_ratio(gray, 0.0), gray)
    assert_close(strength_ratio(gray, 1e-6), gray, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["covariance", "swd", "remd"])
@pytest.mark.parametrize("gray", [1.0, 0.5])
def test_a_map_of_one_gray_is_a_run_of_less_style(
    network: PerceptualNetwork, name: str, gray: float
) -> None:
    plain = {"content": picture(1), "style/0": picture(2) ** 2}
    settings = {"style_loss": name, "strength": 0.75}
    features = network(picture(3), LAYERS)
    there = plain | {"strength-map": torch.full((1, 1, HEIGHT, WIDTH), gray, dtype=torch.float64)}
    one, other = (terms_of(network, seen, **settings) for seen in (plain, there))
    ratio = (10 ** (1.5 * gray) - 1) / (10**1.5 - 1)
    for a, b in zip(one, other, strict=True):
        expected = ratio * a.weight * float(a.loss(features))
        assert_close(b.weight * float(b.loss(features)), expected, rtol=1e-9, atol=0)


def test_places_count_by_the_map(network: PerceptualNetwork) -> None:
    """By hand: black is not painted, and a gray half of the rest counts by its ratio."""
    gray = torch.zeros(1, 1, HEIGHT, WIDTH, dtype=torch.float64)
    gray[..., :24], gray[..., 24:48] = 1.0, 0.5
    seen = {"content": picture(1), "style/0": picture(2) ** 2, "strength-map": gray}
    settings = {"balance": "absolute", "style_layers": {"relu1_1": 1.0}}
    (term,) = terms_of(network, seen, **settings)
    features, style = (network(x, ["relu1_1"])["relu1_1"] for x in (picture(3), seen["style/0"]))
    ratio = (10**0.5 - 1) / 9
    weights = torch.tensor([1.0] * 24 + [ratio] * 24 + [0.0] * 48).double().expand(1, 1, HEIGHT, -1)
    distance = term.loss.distance(moments(features, weights), moments(style))  # type: ignore[attr-defined]
    expected = float(distance) * (1 + ratio) / 4
    assert_close(float(term.loss({"relu1_1": features})), expected, rtol=1e-9, atol=0)
    gradient = Objective(network, [term]).evaluate(picture(3)).gradient
    assert gradient[..., :48].any() and not gradient[..., 49:].any()


def test_a_black_map_is_one_sentence(network: PerceptualNetwork) -> None:
    black = torch.zeros(1, 1, HEIGHT, WIDTH, dtype=torch.float64)
    with pytest.raises(SettingsError, match="strength maps with more white"):
        terms_of(network, seen_of() | {"strength-map": black})
