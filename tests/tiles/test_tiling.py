"""Tiles: they leave nothing out and count nothing twice, and give what the whole image gives."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from gramarye.distributed.bands import whole
from gramarye.losses.kind import ErrorUnit
from gramarye.losses.laplacian import MattingLoss
from gramarye.losses.masks import MaskWeights
from gramarye.losses.moments_loss import MomentsLoss
from gramarye.losses.seeing import Seeing
from gramarye.losses.squared_error import content_loss
from gramarye.losses.statistic_loss import PositionSums, StatisticLoss, means
from gramarye.losses.statistics import PositionWeights, moments
from gramarye.losses.style_losses import STYLE_LOSSES
from gramarye.losses.style_terms import style_distance
from gramarye.losses.variation import TotalVariation
from gramarye.networks.catalog import find_network
from gramarye.networks.features import Padding, PerceptualNetwork, Pooling
from gramarye.networks.layers import VGG19_BLOCKS, joined
from gramarye.networks.registry import DEFINITIONS, define
from gramarye.networks.vgg import vgg_steps
from gramarye.objective import Objective, Term, TiledEvaluation
from gramarye.tiles import tiling
from gramarye.tiles.plan import TilePlan
from gramarye.tiles.regions import IMAGE
from gramarye.tiles.tiling import margins, plan_tiles, splits, total_stride

BLOCKS = ((3, 4), (5, 3), (4, 3, 2, 4), (4, 5, 3, 4), (6,))  # of the narrow VGG-19
OTHERS = ("alexnet", "googlenet", "squeezenet1_0", "squeezenet1_1")

given_few = partial(settings, deadline=None, derandomize=True, database=None)


def fill(network: PerceptualNetwork, seed: int = 1) -> PerceptualNetwork:
    """Random weights under which activations neither die out nor grow."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in network.named_parameters():
        noise = torch.randn(value.shape, generator=generator)
        if value.ndim == 4:
            value.copy_(noise * (2 / value[0].numel()) ** 0.5)
        else:
            value.copy_(0.1 * noise + (1 if name.endswith("bn.weight") else 0))
    return network


def narrow(pooling: Pooling = "max", padding: Padding = "zeros") -> PerceptualNetwork:
    return fill(PerceptualNetwork("narrow", vgg_steps(BLOCKS, pooling, padding)))


def other(name: str, pooling: Pooling, padding: Padding, deepest: str) -> PerceptualNetwork:
    build, network = DEFINITIONS[name]
    made = network(name, build(pooling, padding))
    made.truncate([deepest])
    return fill(made)


def pictures(height: int, width: int, dtype: torch.dtype) -> list[Tensor]:
    """A content, a style and an image, all three random."""
    generator = torch.Generator().manual_seed(height * 1000 + width)
    return [
        torch.rand(1, 3, height, width, generator=generator, dtype=torch.float64).to(dtype)
        for _ in range(3)
    ]


SUMMED = sorted(name for name, loss in STYLE_LOSSES.items() if loss.of != "maps")
# Random deep layers hardly vary: waves as fine as that turn rounding into differences.
STEADY = [name for name in SUMMED if name != "mmd-gaussian"]
# In float32, rounding moves a value from one bin to the next, and shifts take large numbers away.
ROUNDED = ["covariance", "gram", "gram-paper", "mean", "wasserstein"]


def style_loss(
    kind: str,
    network: PerceptualNetwork,
    layer: str,
    style: Tensor,
    weights: PositionWeights | None = None,
) -> MomentsLoss | StatisticLoss:
    """A style loss of any kind that is a function of sums, for the style's features."""
    target = moments(style)
    if STYLE_LOSSES[kind].of == "moments":
        return MomentsLoss(layer, target, style_distance(kind, network, layer), weights)
    seeing = Seeing.of(network, layer)
    statistic = STYLE_LOSSES[kind].function()(seeing.moments(target), seeing, 0)
    summed = PositionSums(layer, statistic, seeing)
    return StatisticLoss(layer, means(summed(style, None)), summed, weights)


def objective_of(
    network: PerceptualNetwork,
    content: Tensor,
    style: Tensor,
    content_layer: str,
    style_layers: Collection[str],
    kinds: Collection[str] = ("gram", "covariance", "gram-paper"),
    unit: ErrorUnit = "relative",
    weights: PositionWeights | None = None,
) -> Objective:
    """An objective of every kind of term, all the targets from plain features in one piece."""
    with torch.no_grad():
        p, a = network(content, [content_layer]), network(style, style_layers)
    target = content_loss(content_layer, p[content_layer], unit)
    terms = [Term("content", 1.0, target, (content_layer,))]
    for layer, kind in zip(style_layers, itertools.cycle(kinds), strict=False):
        loss = style_loss(kind, network, layer, a[layer].double(), weights)
        terms.append(Term(f"style/{layer}", 0.7, loss, (layer,)))
    terms.append(Term("tv", 2.0, TotalVariation("squared")))
    terms.append(Term("tv-absolute", 0.3, TotalVariation("absolute")))
    terms.append(Term("matting", 1.0, MattingLoss(lambda box: box.of(content))))
    return Objective(network, terms)


def agree_tiled(objective: Objective, image: Tensor, rows: int, columns: int, kept: float) -> int:
    """Check a tiled evaluation against plain autograd in one piece; how many tiles there were."""
    leaf = image.clone().requires_grad_(True)
    expected = objective.losses(leaf)
    (gradient,) = torch.autograd.grad(sum(expected.values()).sum(), leaf)
    height, width = image.shape[-2:]
    tiles = plan_tiles(objective.network, objective.layers, height, width, rows, columns)
    plan = TilePlan(tuple(tiles), round(kept * len(tiles)), 0, 0)
    found = TiledEvaluation(objective, image, plan, whole(height, width)).evaluation()
    limit = 1e-12 if image.dtype == torch.float64 else 3e-5  # 1.5e-5 at most were seen
    largest = max(value.max().item() for value in expected.values())
    assert found.losses.keys() == expected.keys()
    for name, value in expected.items():
        assert found.losses[name].shape == value.shape == (len(image),)
        assert (found.losses[name] - value).abs().max() <= limit * largest, name
    assert (found.total - sum(found.losses.values())).abs().max() <= limit * largest
    assert found.gradient.dtype == image.dtype
    assert (found.gradient - gradient).norm() <= limit * gradient.norm()
    return len(tiles)


# tiled and in one piece


STYLE_SETS = (
    ("relu1_1",),
    ("conv1_2", "relu2_2"),
    ("pool1", "relu1_2", "conv2_2"),
    ("relu1_1", "relu2_1", "relu3_1"),
    ("pool2", "conv3_1"),
    ("relu1_1", "relu2_1", "relu3_1", "relu4_1"),
    ("pool3", "conv4_1", "relu4_2"),
    ("relu1_1", "relu5_1"),
    ("relu1_1/2", "conv2_2", "relu3_1/4"),  # of the image at half and at a quarter of its size
    ("pool1/8", "relu2_1/2"),
    ("relu1_1", "relu4_1/2"),
)


@given_few(max_examples=30)
@given(
    pooling=st.sampled_from(["max", "avg", "l2"]),
    padding=st.sampled_from(["zeros", "reflect", "replicate"]),
    style_layers=st.sampled_from(STYLE_SETS),
    content_layer=st.sampled_from(["conv1_1", "relu2_2", "relu3_3", "conv4_2", "relu4_2"]),
    unit=st.sampled_from(["relative", "mean", "sum"]),
    kinds=st.permutations(STEADY),
    height=st.integers(40, 170),
    width=st.integers(40, 170),
    rows=st.integers(1, 4),
    columns=st.integers(1, 4),
    kept=st.floats(0, 1),
)
def test_tiles_of_a_vgg_give_the_losses_and_the_gradient_of_the_whole(
    pooling: Pooling,
    padding: Padding,
    style_layers: tuple[str, ...],
    content_layer: str,
    unit: ErrorUnit,
    kinds: list[str],
    height: int,
    width: int,
    rows: int,
    columns: int,
    kept: float,
) -> None:
    content, style, image = pictures(height, width, torch.float64)
    network = narrow(pooling, padding).double()
    objective = objective_of(network, content, style, content_layer, style_layers, kinds, unit)
    agree_tiled(objective, image, rows, columns, kept)


@given_few(max_examples=12)
@given(
    pooling=st.sampled_from(["max", "avg", "l2"]),
    padding=st.sampled_from(["zeros", "reflect", "replicate"]),
    style_layers=st.sampled_from(STYLE_SETS),
    unit=st.sampled_from(["relative", "mean"]),
    kinds=st.permutations(ROUNDED),
    height=st.integers(90, 230),
    width=st.integers(90, 230),
    rows=st.integers(1, 3),
    columns=st.integers(1, 3),
    kept=st.floats(0, 1),
)
def test_in_float32_they_agree_to_its_rounding(
    pooling: Pooling,
    padding: Padding,
    style_layers: tuple[str, ...],
    unit: ErrorUnit,
    kinds: list[str],
    height: int,
    width: int,
    rows: int,
    columns: int,
    kept: float,
) -> None:
    content, style, image = pictures(height, width, torch.float32)
    network = narrow(pooling, padding)
    objective = objective_of(network, content, style, "relu3_2", style_layers, kinds, unit)
    agree_tiled(objective, image, rows, columns, kept)


# Layers that few pixels reach: these networks are as wide as published, and slow.
SHALLOW = {
    "alexnet": ("relu2", ("conv1", "pool1", "relu2")),
    "googlenet": ("inception3a", ("relu1", "conv3", "pool2", "inception3a")),
    "squeezenet1_0": ("fire3", ("relu1", "pool1", "fire2", "fire3")),
    "squeezenet1_1": ("fire4", ("conv1", "fire2/2", "pool2", "fire4")),
}


@pytest.mark.parametrize("name", OTHERS)
@given_few(max_examples=3)
@given(
    pooling=st.sampled_from(["max", "avg", "l2"]),
    padding=st.sampled_from(["zeros", "reflect", "replicate"]),
    kinds=st.permutations(["gram", "gram-paper", "covariance"]),
    height=st.integers(70, 150),
    width=st.integers(70, 150),
    grid=st.sampled_from([(1, 2), (2, 2), (3, 1)]),
    kept=st.floats(0, 1),
)
def test_tiles_of_other_networks_give_the_losses_and_the_gradient_of_the_whole(
    name: str,
    pooling: Pooling,
    padding: Padding,
    kinds: list[str],
    height: int,
    width: int,
    grid: tuple[int, int],
    kept: float,
) -> None:
    content_layer, style_layers = SHALLOW[name]
    network = other(name, pooling, padding, style_layers[-1]).double()
    content, style, image = pictures(height, width, torch.float64)
    objective = objective_of(network, content, style, content_layer, style_layers, kinds)
    assert agree_tiled(objective, image, *grid, kept) > 1


@pytest.mark.parametrize("name", OTHERS)
def test_tiles_of_other_networks_agree_at_the_layers_they_are_used_with(name: str) -> None:
    info = find_network(name)
    used = (*info.style_layers[:4], info.content_layer)
    deepest = max(used, key=definition(name).layers.index)
    network = other(name, "max", "zeros", deepest).double()
    content, style, image = pictures(139, 201, torch.float64)
    objective = objective_of(network, content, style, info.content_layer, info.style_layers[:4])
    assert agree_tiled(objective, image, 2, 2, 0.5) > 1


def test_a_tile_that_owns_no_position_of_a_layer_adds_nothing() -> None:
    # AlexNet does not pad enough: its last positions end before the image does.
    network = other("alexnet", "max", "zeros", "pool5").double()
    content, style, image = pictures(66, 127, torch.float64)
    objective = objective_of(network, content, style, "pool5", ("conv1", "pool5"), ("gram",))
    tiles = plan_tiles(network, objective.layers, 66, 127, 2, 3)
    assert any(tile.regions["pool5"].whole.area == 0 for tile in tiles)
    assert agree_tiled(objective, image, 2, 3, 0.0) == len(tiles)


# weighted positions


def mask_of(network: PerceptualNetwork, height: int, width: int, kind: str) -> MaskWeights:
    """A mask of grays, of half of the picture, or of a disk in it."""
    y, x = torch.meshgrid(torch.arange(height) / height, torch.arange(width) / width, indexing="ij")
    masks = {
        "grays": torch.rand(height, width, generator=torch.Generator().manual_seed(height)),
        "half": (x < 0.5).float(),
        "disk": ((x - 0.4).square() + (y - 0.6).square() < 0.1).float(),
    }
    mask = masks[kind][None, None].double()
    return MaskWeights("content-mask", mask, network, (height, width))


@given_few(max_examples=20)
@given(
    padding=st.sampled_from(["zeros", "reflect", "replicate"]),
    style_layers=st.sampled_from(STYLE_SETS),
    kinds=st.permutations(STEADY),
    mask=st.sampled_from(["grays", "half", "disk"]),
    height=st.integers(40, 170),
    width=st.integers(40, 170),
    rows=st.integers(1, 4),
    columns=st.integers(1, 4),
    kept=st.floats(0, 1),
)
def test_tiles_with_weighted_positions_give_what_the_whole_gives(
    padding: Padding,
    style_layers: tuple[str, ...],
    kinds: list[str],
    mask: str,
    height: int,
    width: int,
    rows: int,
    columns: int,
    kept: float,
) -> None:
    content, style, image = pictures(height, width, torch.float64)
    network = narrow("max", padding).double()
    weights = mask_of(network, height, width, mask)
    objective = objective_of(
        network, content, style, "relu2_2", style_layers, kinds, weights=weights
    )
    agree_tiled(objective, image, rows, columns, kept)


@pytest.mark.parametrize("name", OTHERS)
def test_weighted_tiles_of_other_networks_give_what_the_whole_gives(name: str) -> None:
    content_layer, style_layers = SHALLOW[name]
    # PyTorch 2.13's batch normalization answers such a gradient wrongly as autograd brings it: of
    # one image, whose stride in memory is that of a position.
    style_layers = tuple(layer.replace("conv3", "relu3") for layer in style_layers)
    network = other(name, "max", "zeros", style_layers[-1]).double()
    content, style, image = pictures(111, 90, torch.float64)
    weights = mask_of(network, 111, 90, "grays")
    objective = objective_of(network, content, style, content_layer, style_layers, weights=weights)
    assert agree_tiled(objective, image, 2, 2, 0.5) > 1


def test_a_weighted_tile_that_owns_no_position_of_a_layer_adds_nothing() -> None:
    network = other("alexnet", "max", "zeros", "pool5").double()
    content, style, image = pictures(66, 127, torch.float64)
    weights = mask_of(network, 66, 127, "grays")
    objective = objective_of(
        network, content, style, "pool5", ("conv1", "pool5"), ("gram",), weights=weights
    )
    tiles = plan_tiles(network, objective.layers, 66, 127, 2, 3)
    assert any(tile.regions["pool5"].whole.area == 0 for tile in tiles)
    assert agree_tiled(objective, image, 2, 3, 0.0) == len(tiles)


# batches


def with_heads(network: PerceptualNetwork, layers: Collection[str]) -> PerceptualNetwork:
    generator = torch.Generator().manual_seed(3)
    for layer in layers:
        channels = network.geometry(layer).channels
        head = torch.randn(40, channels + 1, generator=generator, dtype=torch.float64)
        values, vectors = torch.linalg.eigh(head.mT @ head)
        root = vectors @ torch.diag(values.clamp_min(0).sqrt()) @ vectors.mT
        network.heads[layer], network.widths[layer] = root, 40
    return network


@pytest.mark.parametrize("heads", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("grid", [(1, 1), (2, 3)])
@pytest.mark.parametrize("kind", SUMMED)
def test_a_batch_in_tiles_has_per_image_the_losses_and_the_gradient_of_one(
    kind: str, grid: tuple[int, int], weighted: bool, heads: bool
) -> None:
    height, width, layers = 75, 90, ("relu1_1", "relu2_1", "relu3_1")
    content, style, image = pictures(height, width, torch.float64)
    network = narrow("max", "reflect").double()
    network = with_heads(network, layers) if heads else network
    weights = mask_of(network, height, width, "grays") if weighted else None
    objective = objective_of(network, content, style, "relu2_2", layers, (kind,), weights=weights)
    tiles = plan_tiles(network, objective.layers, height, width, *grid)
    plan = TilePlan(tuple(tiles), len(tiles) // 2, 0, 0)
    batch = torch.cat([image, content, image])
    band = whole(height, width)
    found = TiledEvaluation(objective, batch, plan, band).evaluation()
    for i, one in enumerate((image, content, image)):
        alone = TiledEvaluation(objective, one, plan, band).evaluation()
        largest = max(value.item() for value in alone.losses.values())
        for name, value in alone.losses.items():
            assert found.losses[name].shape == (3,)
            assert abs(found.losses[name][i].item() - value.item()) <= 1e-12 * largest, name
        assert abs(found.total[i].item() - alone.total.item()) <= 1e-12 * largest
        difference = found.gradient[i : i + 1] - alone.gradient
        assert difference.norm() <= 1e-12 * alone.gradient.norm()
    assert agree_tiled(objective, batch, *grid, 0.5) == grid[0] * grid[1]


# what the tiles are


@given_few(max_examples=150)
@given(
    name=st.sampled_from(["vgg19", "vgg16", *OTHERS]),
    data=st.data(),
    height=st.integers(63, 700),
    width=st.integers(63, 700),
    rows=st.integers(1, 9),
    columns=st.integers(1, 9),
)
def test_tiles_partition_the_image_and_the_positions_of_every_layer(
    name: str, data: st.DataObject, height: int, width: int, rows: int, columns: int
) -> None:
    network = definition(name)
    layers = data.draw(st.sets(st.sampled_from(network.layers), max_size=4))
    layers |= {joined(x, 2) for x in data.draw(st.sets(st.sampled_from(network.layers[:9])))}
    layers |= {joined(x, 8) for x in data.draw(st.sets(st.sampled_from(network.layers[:3])))}
    tiles = plan_tiles(network, layers, height, width, rows, columns)
    stride = total_stride(network, layers)
    assert all(stride % network.geometry(layer).stride == 0 for layer in layers)
    assert 1 <= len(tiles) <= rows * columns
    owned = torch.zeros(height, width, dtype=torch.int)
    for tile in tiles:
        assert tile.owned.area > 0
        tile.owned.of(owned).add_(1)
        window = tile.window
        assert window.top % stride == 0 and window.left % stride == 0
        assert 0 <= window.top <= tile.owned.top and tile.owned.bottom <= window.bottom <= height
        assert 0 <= window.left <= tile.owned.left and tile.owned.right <= window.right <= width
        assert set(tile.regions) == {IMAGE, *layers}
    assert (owned == 1).all()
    for layer in layers:
        size = network.positions(layer, height), network.positions(layer, width)
        taken = torch.zeros(size, dtype=torch.int)
        for tile in tiles:
            region, window = tile.regions[layer], tile.window
            assert region.size == size
            region.whole.of(taken).add_(1)
            assert region.inside.top >= 0 and region.inside.left >= 0
            assert region.inside.height == region.whole.height
            assert region.inside.width == region.whole.width
            if region.whole.area > 0:  # what it owns is in its window's features
                assert region.inside.bottom <= network.positions(layer, window.height)
                assert region.inside.right <= network.positions(layer, window.width)
        assert (taken == 1).all(), layer


def definition(name: str, made: dict[str, PerceptualNetwork] = {}) -> PerceptualNetwork:  # noqa: B006
    """A network without weights; made once, for its geometry."""
    return made.setdefault(name, made.get(name) or define(name, "max", "zeros"))


@given_few(max_examples=60)
@given(
    height=st.integers(40, 600),
    cuts=st.sets(st.integers(1, 36), max_size=4),
    rows=st.integers(1, 4),
    columns=st.integers(1, 4),
)
def test_bands_of_several_machines_partition_the_image_too(
    height: int, cuts: set[int], rows: int, columns: int
) -> None:
    network, layers, width = definition("vgg19"), ["relu1_1", "relu5_1"], 75
    edges = [0, *sorted(16 * cut for cut in cuts if 16 * cut < height), height]
    owned = torch.zeros(height, width, dtype=torch.int)
    positions = torch.zeros(
        network.positions("relu5_1", height), network.positions("relu5_1", width), dtype=torch.int
    )
    for band in itertools.pairwise(edges):
        for tile in plan_tiles(network, layers, height, width, rows, columns, within=band):
            assert band[0] <= tile.owned.top and tile.owned.bottom <= band[1]
            tile.owned.of(owned).add_(1)
            tile.regions["relu5_1"].whole.of(positions).add_(1)
    assert (owned == 1).all() and (positions == 1).all()


def test_splits_by_hand() -> None:
    assert list(splits(0, 100, 3, 16)) == [(0, 32), (32, 64), (64, 100)]
    assert list(splits(32, 100, 2, 16)) == [(32, 64), (64, 100)]
    assert list(splits(0, 40, 9, 16)) == [(0, 16), (16, 40)]  # no tile shorter than a stride
    assert list(splits(0, 9, 4, 16)) == [(0, 9)]


def test_margins_of_vgg19_are_those_of_its_receptive_fields() -> None:
    network = definition("vgg19")
    # 2 x 1 + 2 x 2 + 4 x 4 + 4 x 8 + 1 x 16, the reach of the convolutions by block, and the
    # poolings look to the right only: 1 + 2 + 4 + 8 pixels, of which a position owns 16.
    assert margins(network, ["relu5_1"]) == (70, 70)
    assert margins(network, ["relu1_1"]) == (1, 1)
    assert margins(network, ["relu1_1", "relu4_1"]) == (30, 30)
    assert margins(network, ["relu1_1", "relu4_1/2"]) == (60, 60)
    assert margins(network, []) == (1, 1)  # total variation looks at the next pixel
    tiles = plan_tiles(network, ["relu5_1"], 480, 480, 3, 3)
    middle = tiles[4]
    assert (middle.owned.top, middle.owned.bottom) == (160, 320)
    assert (middle.window.top, middle.window.bottom) == (80, 390)  # 80: Galerne et al. 2024


# margins: enough, and not a stride too many


def features_differ(network: PerceptualNetwork, layers: Collection[str], side: int) -> float:
    """By how much, at most, what tiles own differs from the whole image's features."""
    image = pictures(side, side + 13, torch.float64)[2]
    with torch.no_grad():
        whole = network(image, layers)
        worst = 0.0
        for tile in plan_tiles(network, layers, side, side + 13, 3, 3):
            found = network(tile.window.of(image), layers)
            for layer in layers:
                region = tile.regions[layer]
                difference = region.inside.of(found[layer]) - region.whole.of(whole[layer])
                worst = max(worst, *difference.abs().flatten().tolist(), 0.0)
    return worst


MARGIN_CASES: dict[str, tuple[Callable[[], PerceptualNetwork], str, int]] = {
    "vgg19": (lambda: averaging(BLOCKS), "relu5_1", 251),
    "vgg19 pool4": (lambda: averaging(BLOCKS), "pool4", 205),
    "vgg to relu3_1": (lambda: averaging(BLOCKS[:3]), "relu3_1", 61),
    "vgg to relu3_1/2": (lambda: averaging(BLOCKS[:3]), "relu3_1/2", 125),
    "vgg to relu2_1/4": (lambda: averaging(BLOCKS[:3]), "relu2_1/4", 103),
    "alexnet": (lambda: other("alexnet", "avg", "zeros", "relu2"), "relu2", 131),
    "squeezenet1_1": (lambda: other("squeezenet1_1", "avg", "zeros", "fire2"), "fire2", 77),
    "googlenet": (lambda: other("googlenet", "avg", "reflect", "conv3"), "conv3", 77),
}


def averaging(blocks: Collection[tuple[int, ...]]) -> PerceptualNetwork:
    """A VGG through which every pixel of a receptive field is seen: it takes means of all of it."""
    network = fill(PerceptualNetwork("averaging", vgg_steps(tuple(blocks), "avg")))
    for parameter in network.parameters():
        parameter.abs_()
        if parameter.ndim == 4:
            parameter /= parameter.sum((1, 2, 3), keepdim=True)
    return network


@pytest.mark.parametrize("case", MARGIN_CASES)
@pytest.mark.parametrize("side", ["before", "after"])
def test_margins_are_enough_and_a_stride_less_is_not(
    case: str, side: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, layer, size = MARGIN_CASES[case]
    network = make().double()
    assert features_differ(network, [layer], size) < 1e-12
    stride = network.geometry(layer).stride

    def less(network: PerceptualNetwork, layers: Collection[str]) -> tuple[int, int]:
        before, after = margins(network, layers)
        return (before - stride, after) if side == "before" else (before, after - stride)

    monkeypatch.setattr(tiling, "margins", less)
    assert features_differ(network, [layer], size) > 1e-9


def test_the_margins_after_are_needed_to_the_last_pixel(monkeypatch: pytest.MonkeyPatch) -> None:
    network = averaging(BLOCKS[:3]).double()
    before, after = margins(network, ["relu3_1"])
    monkeypatch.setattr(tiling, "margins", lambda *_: (before, after - 1))
    assert features_differ(network, ["relu3_1"], 61) > 1e-9


def test_published_vggs_have_the_narrow_ones_geometry() -> None:
    network = PerceptualNetwork("narrow", vgg_steps(BLOCKS))
    assert [len(block) for block in VGG19_BLOCKS[:4]] == [len(block) for block in BLOCKS[:4]]
    for layer in ("relu1_1", "conv2_2", "pool3", "relu5_1"):
        assert margins(network, [layer]) == margins(definition("vgg19"), [layer])


def test_total_variation_of_tiles_is_that_of_the_image() -> None:
    network = narrow()
    image = pictures(5, 7, torch.float64)[2]
    for kind in ("squared", "absolute"):
        loss = TotalVariation(kind)
        for grid in ((1, 1), (2, 3), (5, 7)):
            parts = [
                loss.sums(tile.window.of(image), tile.regions[IMAGE])[0]
                for tile in plan_tiles(network, [], 5, 7, *grid)
            ]
            assert len(parts) == grid[0] * grid[1]
            assert_close(loss.value((torch.stack(parts).sum(0),)), loss({IMAGE: image}))
