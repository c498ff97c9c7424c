"""Targets: looked at in tiles as in one piece, computed anew as stored, and masks in boxes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from gramarye.distributed.bands import whole
from gramarye.losses.content import CONTENT, ContentSettings
from gramarye.losses.distances import covariance_distance
from gramarye.losses.kind import ErrorUnit
from gramarye.losses.masks import MaskWeights
from gramarye.losses.moments_loss import MomentsLoss
from gramarye.losses.squared_error import SquaredError
from gramarye.losses.statistics import Moments, mix_moments, moments
from gramarye.losses.style import STYLE, StyleSettings
from gramarye.losses.targets import ComputedTarget, FeatureTarget, Placed, Targets
from gramarye.networks.alexnet import alexnet_steps
from gramarye.networks.features import PerceptualNetwork, Step
from gramarye.networks.passes import Precision
from gramarye.networks.registry import define
from gramarye.networks.vgg import vgg_steps
from gramarye.objective import Evaluation, Objective, Term
from gramarye.tiles.extractor import FeatureExtractor
from gramarye.tiles.plan import choose_tiles
from gramarye.tiles.regions import Box
from gramarye.tiles.tiling import plan_tiles

CONTENT_LAYERS, STYLE_LAYERS = ("relu2_2", "conv3_1"), ("relu1_1", "relu2_1", "relu3_1")
LITTLE = 500_000  # bytes: too few for the content in one piece


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


def targets_of(
    network: PerceptualNetwork,
    seen: Mapping[str, Tensor],
    layers: Collection[str],
    memory: int | None = None,
    precision: Precision = "float32",
    *,
    stored: bool = True,
) -> Targets:
    """Targets of which nothing is asked yet; with little memory, in tiles."""
    size = seen["content"].shape[-2:]
    extractor = FeatureExtractor(network, precision, memory)
    tiles = choose_tiles(network, layers, *size, memory, precision)
    if memory is not None:
        assert len(tiles.tiles) > 4
    return Targets(extractor, seen, whole(*size), tiles, stored=stored)


def assert_same(found: Moments, expected: Moments) -> None:
    for a, b in zip(vars(found).values(), vars(expected).values(), strict=True):
        assert_close(a, b.to(a.dtype), rtol=1e-12, atol=0)


# moments


def test_moments_in_tiles_are_those_of_the_whole(
    network: PerceptualNetwork, content: Tensor
) -> None:
    features = network(content, STYLE_LAYERS)
    targets = targets_of(network, {"content": content}, STYLE_LAYERS, LITTLE)
    found = targets.moments("content", STYLE_LAYERS)
    targets.measure()
    for layer in STYLE_LAYERS:
        assert_same(found[layer], moments(features[layer]))


@pytest.mark.parametrize("memory", [None, LITTLE])
def test_weighted_moments_in_tiles_are_those_of_the_whole(
    network: PerceptualNetwork, content: Tensor, memory: int | None
) -> None:
    seen = {"content": content, "content-mask": torch.rand(1, 1, 83, 107, dtype=torch.float64)}
    features = network(content, STYLE_LAYERS)
    targets = targets_of(network, seen, STYLE_LAYERS, memory)
    mask = targets.weights("content-mask")
    assert mask is not None
    found = targets.moments("content", STYLE_LAYERS, mask)
    plain = targets.moments("content", STYLE_LAYERS)
    targets.measure()
    for layer in STYLE_LAYERS:
        here = features[layer]
        weights = mask(layer, Box.whole(*here.shape[-2:]))
        assert_same(found[layer], moments(here, weights))
        assert_same(plain[layer], moments(here))


def test_a_style_in_tiles_has_its_own_size_and_mask(
    network: PerceptualNetwork, content: Tensor
) -> None:
    style = 1 - torch.rand(1, 3, 91, 70, dtype=torch.float64) ** 2
    seen = {"content": content, "style/0": style}
    seen["style-mask/0"] = torch.rand(1, 1, 91, 70, dtype=torch.float64)
    targets = targets_of(network, seen, STYLE_LAYERS, LITTLE)
    assert len(targets.extractor.tiles(91, 70, STYLE_LAYERS)) > 1
    mask = targets.weights("style-mask/0")
    assert mask is not None
    found = targets.moments("style/0", STYLE_LAYERS, mask)
    targets.measure()
    for layer in STYLE_LAYERS:
        here = network(style, [layer])[layer]
        weights = mask(layer, Box.whole(*here.shape[-2:]))
        assert_same(found[layer], moments(here, weights))


def test_several_styles_are_mixed_as_wholes(network: PerceptualNetwork, content: Tensor) -> None:
    styles = [content, 1 - content[..., :64, :70]]
    seen = {"content": content, **{f"style/{i}": style for i, style in enumerate(styles)}}
    targets = targets_of(network, seen, STYLE_LAYERS, LITTLE)
    make = STYLE.prepare(StyleSettings(layers=dict.fromkeys(STYLE_LAYERS, 1.0)), targets)
    targets.measure()
    terms = {term.layers[0]: term.loss for term in make()}
    for layer in STYLE_LAYERS:
        alone = [moments(network(style, [layer])[layer]) for style in styles]
        loss = terms[layer]
        assert isinstance(loss, MomentsLoss)
        assert_same(loss.target, mix_moments(alone))


def test_moments_are_kept_in_float64(network: PerceptualNetwork, content: Tensor) -> None:
    targets = targets_of(network.float(), {"content": content.float()}, ["relu1_1"])
    found = targets.moments("content", ["relu1_1"])
    targets.measure()
    assert found["relu1_1"].second.dtype == torch.float64


def test_inputs_are_found_by_kind_and_missing_masks_are_none(
    network: PerceptualNetwork, content: Tensor
) -> None:
    seen = {"content": content} | {f"style/{i}": content for i in (10, 9)}
    targets = targets_of(network, seen, STYLE_LAYERS)
    assert targets.names("style") == ["style/9", "style/10"]
    assert targets.names("init") == []
    assert targets.weights("content-mask") is None
    assert targets.weights("style-mask/9") is None


def test_pixels_are_asked_for_by_boxes(network: PerceptualNetwork, content: Tensor) -> None:
    targets = targets_of(network, {"content": content, "init": 1 - content}, STYLE_LAYERS)
    box = Box(7, 20, 30, 31)
    assert torch.equal(targets.pixels("init")(box), 1 - box.of(content))
    rows = Placed(content[..., 5:, :], top=5)
    assert torch.equal(rows(box), box.of(content))


# features


@pytest.mark.parametrize("unit", ["relative", "mean", "sum"])
def test_content_targets_in_tiles_are_those_in_one_piece(
    network: PerceptualNetwork, content: Tensor, unit: ErrorUnit
) -> None:
    features = network(content, (*CONTENT_LAYERS, *STYLE_LAYERS))
    layers = {*CONTENT_LAYERS, *STYLE_LAYERS}
    targets = targets_of(network, {"content": content}, layers, LITTLE)
    make = CONTENT.prepare(content_settings(unit), targets)
    found = targets.moments("content", STYLE_LAYERS)
    targets.measure()
    losses = {term.layers[0]: term.loss for term in make()}
    assert set(losses) == set(CONTENT_LAYERS)
    for layer, loss in losses.items():
        expected = features[layer]
        assert isinstance(loss, SquaredError) and isinstance(loss.target, FeatureTarget)
        assert isinstance(loss.target.part, Placed)
        assert_close(loss.target.part.rows, expected, rtol=1e-12, atol=1e-12)
        divisors = {
            "relative": expected.square().sum().item(),
            "mean": float(expected.numel()),
            "sum": 2.0,
        }
        assert_close(loss.divisor, divisors[unit], rtol=1e-12, atol=0)
    for layer in STYLE_LAYERS:
        assert_same(found[layer], moments(features[layer]))


@pytest.mark.parametrize("stored", [True, False])
def test_a_content_that_is_not_opaque_counts_alike_in_tiles_and_in_one_piece(
    network: PerceptualNetwork, content: Tensor, stored: bool
) -> None:
    alpha = torch.rand(1, 1, 83, 107, dtype=torch.float64)
    seen = {"content": content, "content-alpha": alpha}
    evaluations = []
    for memory in (None, LITTLE):
        targets = targets_of(network, seen, CONTENT_LAYERS, memory, stored=stored)
        make = CONTENT.prepare(content_settings(), targets)
        targets.measure()
        losses = {term.layers[0]: term.loss for term in make()}
        evaluations.append(evaluation(network, losses, memory))  # type: ignore[arg-type]
    one, many = evaluations
    for name, value in one.losses.items():
        assert_close(many.losses[name], value, rtol=1e-12, atol=0)
    assert (many.gradient - one.gradient).norm() <= 1e-12 * one.gradient.norm()


@pytest.mark.parametrize("unit", ["relative", "mean", "sum"])
def test_the_divisor_is_that_of_what_is_opaque(
    network: PerceptualNetwork, content: Tensor, unit: ErrorUnit
) -> None:
    alpha = torch.zeros(1, 1, 83, 107, dtype=torch.float64)
    alpha[..., :40] = 1.0  # whole positions of relu2_2, of two pixels
    seen = {"content": content, "content-alpha": alpha}
    targets = targets_of(network, seen, ["relu2_2"], LITTLE // 2)
    make = CONTENT.prepare(content_settings(unit, ["relu2_2"]), targets)
    targets.measure()
    (term,) = make()
    opaque = network(content, ["relu2_2"])["relu2_2"][..., :20]
    divisors = {"relative": float(opaque.square().sum()), "mean": float(opaque.numel()), "sum": 2.0}
    assert isinstance(term.loss, SquaredError)
    assert_close(term.loss.divisor, divisors[unit], rtol=1e-12, atol=0)
    assert_close(term.loss({"relu2_2": network(content, ["relu2_2"])["relu2_2"]}).item(), 0.0)


def content_settings(
    unit: ErrorUnit = "relative", layers: Collection[str] = CONTENT_LAYERS
) -> ContentSettings:
    return ContentSettings(layers=dict.fromkeys(layers, 1.0), unit=unit)


def content_losses(
    network: PerceptualNetwork,
    content: Tensor,
    unit: ErrorUnit = "relative",
    layers: Collection[str] = CONTENT_LAYERS,
    memory: int | None = None,
    precision: Precision = "float32",
    *,
    stored: bool = True,
) -> tuple[dict[str, SquaredError], FeatureExtractor]:
    """The content losses by layer, and what their targets are computed with."""
    seen = {"content": content}
    targets = targets_of(network, seen, layers, memory, precision, stored=stored)
    make = CONTENT.prepare(content_settings(unit, layers), targets)
    targets.measure()
    return {term.layers[0]: term.loss for term in make()}, targets.extractor  # type: ignore[misc]


def part_of(loss: SquaredError) -> Callable[[Box], Tensor]:
    assert isinstance(loss.target, FeatureTarget)
    return loss.target.part


def evaluation(
    network: PerceptualNetwork, losses: Mapping[str, SquaredError], memory: int | None = None
) -> Evaluation:
    """Losses and gradient at an image, in tiles within that memory."""
    generator = torch.Generator().manual_seed(9)
    image = torch.rand(1, 3, 83, 107, generator=generator).to(torch.float64)
    terms = [Term(layer, 1.5, loss, (layer,)) for layer, loss in losses.items()]
    style = moments(torch.rand(1, 4, 9, 9, generator=generator).to(torch.float64))
    loss = MomentsLoss("relu1_1", style, covariance_distance)
    terms.append(Term("style", 1.0, loss, ("relu1_1",)))
    return Objective(network, terms, memory=memory).evaluate(image)


@pytest.mark.parametrize("tiled", [False, True])
def test_targets_computed_anew_give_the_losses_and_gradients_of_stored_ones(
    network: PerceptualNetwork, content: Tensor, tiled: bool
) -> None:
    memory = LITTLE if tiled else None
    stored, _ = content_losses(network, content)
    computed, _ = content_losses(network, content, memory=memory, stored=False)
    assert all(isinstance(part_of(loss), ComputedTarget) for loss in computed.values())
    expected, found = evaluation(network, stored), evaluation(network, computed, memory)
    for name, value in expected.losses.items():
        assert_close(found.losses[name], value, rtol=1e-12, atol=0)
    assert (found.gradient - expected.gradient).norm() <= 1e-12 * expected.gradient.norm()


def test_a_computed_target_is_right_where_positions_end_before_the_image() -> None:
    network, content = filled(alexnet_steps()[:6]), torch.rand(1, 3, 127, 98, dtype=torch.float64)
    expected = network(content, ["pool2"])["pool2"]
    losses, _ = content_losses(network, content, "mean", ["pool2"], stored=False)
    target = losses["pool2"].target
    assert callable(target) and isinstance(part_of(losses["pool2"]), ComputedTarget)
    tiles = FeatureExtractor(network, memory=1).tiles(127, 98, ["pool2"])
    assert len(tiles) > 1
    for tile in tiles:
        box = tile.regions["pool2"].whole
        assert_close(target(box), box.of(expected), rtol=1e-12, atol=1e-12)


def test_a_computed_target_is_computed_once_for_the_loss_and_its_slope(
    network: PerceptualNetwork, content: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses, extractor = content_losses(network, content, "mean", ["relu2_2"], stored=False)
    passes, calls = extractor.passes, []

    def counted(image: Tensor, layers: Collection[str], *, keep: bool) -> object:
        calls.append(layers)
        return passes(image, layers, keep=keep)

    monkeypatch.setattr(extractor, "passes", counted)
    evaluation(network, losses)
    assert len(calls) == 1


def test_a_computed_target_may_see_some_rows_of_its_picture(
    network: PerceptualNetwork, content: Tensor
) -> None:
    expected = network(content, ["conv3_1"])["conv3_1"]
    target = ComputedTarget(FeatureExtractor(network), content[..., 16:, :], "conv3_1", 16, 83)
    box = Box(12, 20, 3, 26)  # rows 48 to 80, and 13 around them
    assert_close(target(box), box.of(expected), rtol=1e-12, atol=1e-12)


def test_a_target_of_zeros_has_a_divisor(network: PerceptualNetwork, content: Tensor) -> None:
    for parameter in network.parameters():
        parameter.zero_()
    losses, _ = content_losses(network, content, "relative", ["relu2_2"])
    assert losses["relu2_2"].divisor == 3 * 41 * 53


def test_stored_targets_are_as_small_as_the_features(network: PerceptualNetwork) -> None:
    content = torch.rand(1, 3, 40, 44)
    losses, _ = content_losses(network.float(), content, layers=["relu2_2"], precision="bfloat16")
    part = part_of(losses["relu2_2"])
    assert isinstance(part, Placed)
    assert part.rows.dtype == torch.bfloat16
    assert part.rows.shape == (1, 3, 20, 22)


# masks


def test_the_weight_of_a_position_is_the_masks_mean_by_hand(network: PerceptualNetwork) -> None:
    mask = torch.tensor([[1.0, 0.0, 0.5], [0.0, 0.0, 1.0], [1.0, 0.5, 0.25]])[None, None]
    weights = MaskWeights("content-mask", mask, network, (3, 3))
    assert torch.equal(weights("relu1_1", Box.whole(3, 3)), mask)
    assert_close(weights("relu2_1", Box.whole(1, 1)), torch.tensor([[[[0.25]]]]))
    # As a network whose positions overhang would ask: of the last, the pixels that there are.
    expected = torch.tensor([[0.25, 0.75], [0.75, 0.25]])[None, None]
    assert_close(weights("relu2_1", Box.whole(2, 2)), expected)


WEIGHTED = {
    "vgg19": ("relu1_1", "relu2_1", "relu3_2", "relu5_1", "pool4"),
    "alexnet": ("conv1", "pool1", "relu3", "pool5"),
    "googlenet": ("conv1", "pool1", "conv3", "inception4a", "inception5b"),
    "squeezenet1_0": ("relu1", "pool1", "fire5", "fire9"),
    "squeezenet1_1": ("relu1", "pool1", "fire5", "fire9"),
}


@pytest.mark.parametrize("size", [(128, 160), (95, 131), (101, 66), (67, 200)])
@pytest.mark.parametrize("name", WEIGHTED)
def test_weights_asked_for_in_boxes_are_those_of_the_whole(
    name: str, size: tuple[int, int]
) -> None:
    network, layers = define(name, "max", "zeros"), WEIGHTED[name]
    mask = torch.rand(1, 1, *size, dtype=torch.float64)
    in_one, in_boxes = (MaskWeights("content-mask", mask, network, size) for _ in range(2))
    counts = dict.fromkeys(layers, 0)
    for grid in ((1, 1), (2, 3), (9, 9)):
        for tile in plan_tiles(network, layers, *size, *grid):
            for layer in layers:
                region = tile.regions[layer]
                expected = region.whole.of(in_one(layer, Box.whole(*region.size)))
                found = in_boxes(layer, region.whole)
                assert found.shape[-2:] == (region.whole.height, region.whole.width)
                assert torch.equal(found, expected)
                counts[layer] += found.numel()
    positions = {layer: [network.positions(layer, side) for side in size] for layer in layers}
    assert counts == {layer: 3 * h * w for layer, (h, w) in positions.items()}


@pytest.mark.parametrize("layer", ["relu1_1", "relu2_1", "relu3_1"])
def test_weights_from_some_rows_are_those_of_the_whole(
    network: PerceptualNetwork, layer: str
) -> None:
    mask = torch.rand(1, 1, 83, 107, dtype=torch.float64)
    stride = network.geometry(layer).stride
    in_one = MaskWeights("content-mask", mask, network, (83, 107))
    rows = MaskWeights("content-mask", mask[..., 24:, :], network, (83, 107), top=24)
    for box in (Box(28 // stride, 60 // stride, 2, 9), Box(28 // stride, 83 // stride, 0, 26)):
        assert torch.equal(rows(layer, box), box.of(in_one(layer, Box.whole(83 // stride, 26))))


def test_weights_of_one_are_one_at_every_layer() -> None:
    for name, layers in WEIGHTED.items():
        network = define(name, "max", "zeros")
        weights = MaskWeights("content-mask", torch.ones(1, 1, 95, 131), network, (95, 131))
        for layer in layers:
            box = Box.whole(network.positions(layer, 95), network.positions(layer, 131))
            assert_close(weights(layer, box), torch.ones(1, 1, box.height, box.width))


def test_a_weight_is_the_mean_over_the_stride(network: PerceptualNetwork) -> None:
    mask = torch.rand(1, 1, 84, 108)
    weights = MaskWeights("content-mask", mask, network, (84, 108))
    assert_close(weights("relu3_1", Box.whole(21, 27)), F.avg_pool2d(mask, 4))
