"""Passes: the chain's own way there and back is autograd's, at less memory."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from gramarye.config import make_config
from gramarye.errors import LayerError, SettingsError
from gramarye.networks import pools
from gramarye.networks.features import Padding, PerceptualNetwork, Pool, Pooling
from gramarye.networks.googlenet import googlenet_steps
from gramarye.networks.passes import (
    AutogradPasses,
    ChainPasses,
    Passes,
    PyramidPasses,
    choose_precision,
    is_chain,
    make_passes,
    split_image,
    split_weight,
)
from gramarye.networks.pools import pooled, unpooled
from gramarye.networks.registry import load_network
from gramarye.networks.vgg import vgg_steps
from gramarye.objective import Evaluation
from gramarye.stylize import make_objective
from tests.whole_image import WHOLE

LAYER_SETS = (
    ("relu1_1", "conv2_1", "relu3_1"),
    ("conv1_1", "relu1_1", "relu1_2", "pool1", "conv1_2"),
    ("conv2_2", "relu2_2", "pool2", "conv3_1"),  # a convolution, its ReLU and what pools it
    ("pool2",),
    ("conv1_1",),
    ("relu2_2",),
)


def chain(
    pooling: Pooling = "max", padding: Padding = "zeros", *, caffe: bool = False
) -> PerceptualNetwork:
    """A VGG of three blocks with random weights; `caffe` reads BGR from 0 to 255."""
    numbers = {"scale": 255.0, "bgr": True, "mean": (104.0, 117.0, 124.0), "std": (1, 1, 1)}
    network = PerceptualNetwork(
        "chain",
        vgg_steps(((4, 4), (5, 6), (7,)), pooling, padding),
        **(numbers if caffe else {}),  # type: ignore[arg-type]
    )
    generator = torch.Generator().manual_seed(3)
    for parameter in network.parameters():
        gain = (2 / parameter[0].numel()) ** 0.5 if parameter.ndim == 4 else 0.1
        parameter.copy_(gain * torch.randn(parameter.shape, generator=generator))
    return network


def way_back(
    passes: Passes, image: Tensor, gradients: Mapping[str, Tensor]
) -> tuple[dict[str, Tensor], Tensor]:
    """The features of the layers, and the gradient in the image of these gradients in them."""
    made = passes(image, gradients, keep=True)
    features = {layer: made.features[layer].detach().clone() for layer in gradients}

    return features, made.backward({k: adding(g) for k, g in gradients.items()})


def adding(gradient: Tensor | float) -> Callable[[Tensor], None]:
    def add(into: Tensor) -> None:
        into += gradient

    return add


def random_gradients(
    network: PerceptualNetwork, image: Tensor, layers: Collection[str]
) -> dict[str, Tensor]:
    return {layer: torch.randn_like(x) for layer, x in network(image, layers).items()}


@pytest.mark.parametrize("caffe", [False, True])
@pytest.mark.parametrize("pooling", ["max", "avg", "l2"])
@pytest.mark.parametrize("padding", ["zeros", "reflect", "replicate"])
def test_the_chain_gives_autograds_features_and_gradients(
    padding: Padding, pooling: Pooling, caffe: bool
) -> None:
    network = chain(pooling, padding, caffe=caffe).double()
    sizes = itertools.cycle([(21, 18), (20, 20), (9, 33), (8, 7)])
    for layers, (height, width) in zip(LAYER_SETS, sizes, strict=False):
        image = torch.rand(1, 3, height, width, dtype=torch.float64)
        gradients = random_gradients(network, image, layers)
        expected, gradient = way_back(AutogradPasses(network), image, gradients)
        found, ours = way_back(ChainPasses(network), image, gradients)
        for layer in layers:
            assert_close(found[layer], expected[layer], rtol=1e-12, atol=1e-12)
        assert (ours - gradient).norm() <= 1e-12 * gradient.norm(), layers


@pytest.mark.parametrize("padding", ["zeros", "reflect", "replicate"])
def test_several_images_go_at_once(padding: Padding) -> None:
    network = chain("max", padding).double()
    images = torch.rand(3, 3, 13, 14, dtype=torch.float64)
    gradients = random_gradients(network, images, ("relu1_2", "relu2_1"))
    _, together = way_back(ChainPasses(network), images, gradients)
    for i in range(3):
        own = {layer: g[i : i + 1] for layer, g in gradients.items()}
        _, alone = way_back(ChainPasses(network), images[i : i + 1], own)
        assert_close(together[i : i + 1], alone, rtol=1e-12, atol=1e-12)


def test_the_image_may_lie_in_memory_as_it_likes() -> None:
    network = chain("max", "reflect").double()
    image = torch.rand(1, 3, 30, 26, dtype=torch.float64)
    window = image[:, :, 4:25, 8:26]
    gradients = random_gradients(network, window, ("relu1_1", "relu3_1"))
    _, expected = way_back(ChainPasses(network), window.contiguous(), gradients)
    for same in (window, window.contiguous(memory_format=torch.channels_last)):
        _, found = way_back(ChainPasses(network), same, gradients)
        assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [None, torch.bfloat16])
@pytest.mark.parametrize("layers", LAYER_SETS)
def test_neither_the_image_nor_features_handed_out_are_written_to(
    layers: tuple[str, ...], dtype: torch.dtype | None
) -> None:
    network = chain("max", "reflect")
    image = torch.rand(1, 3, 21, 18)
    before = image.clone()
    made = ChainPasses(network, dtype)(image, layers, keep=True)
    features = {layer: x.clone() for layer, x in made.features.items()}
    for layer, x in made.features.items():  # handed out before later steps were done
        alone = ChainPasses(network, dtype)(image, [layer], keep=False).features[layer]
        assert_close(x, alone, rtol=0, atol=0)
    made.backward({layer: adding(1.0) for layer in layers})
    assert_close(image, before, rtol=0, atol=0)
    for layer, x in made.features.items():
        assert_close(x, features[layer], rtol=0, atol=0)


def test_the_way_there_alone_keeps_nothing_for_the_way_back() -> None:
    network, image = chain(), torch.rand(1, 3, 16, 16)
    assert ChainPasses(network)(image, ["relu2_1"], keep=False).saved == []
    with_graph = AutogradPasses(network)
    assert with_graph(image, ["relu2_1"], keep=True).features["relu2_1"].requires_grad
    assert not with_graph(image, ["relu2_1"], keep=False).features["relu2_1"].requires_grad


def test_a_wrong_layer_and_too_small_an_image_are_explained_as_the_network_does() -> None:
    passes = ChainPasses(chain())
    with pytest.raises(LayerError, match="unknown layer 'relu9_1'"):
        passes(torch.rand(1, 3, 16, 16), ["relu9_1"], keep=False)
    with pytest.raises(SettingsError, match="too small for layer relu3_1"):
        passes(torch.rand(1, 3, 16, 3), ["relu3_1"], keep=False)


def test_a_vgg_goes_through_the_chain_and_others_through_autograd() -> None:
    google = PerceptualNetwork("googlenet", googlenet_steps()[:3])
    assert is_chain(chain()) and not is_chain(google)
    for network, kind in ((chain(), ChainPasses), (google, AutogradPasses)):
        passes = make_passes(network)
        assert isinstance(passes, PyramidPasses) and isinstance(passes.passes, kind)


def test_auto_is_bfloat16_where_the_processor_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    monkeypatch.delenv("GRAMARYE_NO_BFLOAT16", raising=False)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    for has, expected in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda has=has: has)
        assert choose_precision("auto", cpu) == expected
        assert choose_precision("float32", cpu) == "float32"


def test_a_processor_can_be_taken_for_one_without_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    monkeypatch.setenv("GRAMARYE_NO_BFLOAT16", "1")
    assert choose_precision("auto", torch.device("cpu")) == "float32"


def test_bfloat16_is_refused_where_it_would_be_emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAMARYE_NO_BFLOAT16", "1")
    with pytest.raises(SettingsError, match=r"no instructions for it.*: choose auto or float32"):
        choose_precision("bfloat16", torch.device("cpu"))
    assert choose_precision("bfloat16", torch.device("mps")) == "bfloat16"  # which is not measured


@pytest.mark.parametrize("chunk", [1, 100, 100_000])
@pytest.mark.parametrize("channels", [5, 40])  # columns shorter and longer than pools.RUN
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("size", [(8, 8), (7, 10), (9, 5), (2, 2), (3, 3)])
def test_a_maximums_way_back_is_autograds_also_where_positions_are_equal(
    dtype: torch.dtype,
    size: tuple[int, int],
    channels: int,
    chunk: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pools, "CHUNK", chunk)
    # A few whole numbers: nearly every window has two that are the largest.
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randint(0, 3, (2, channels, *size), generator=generator).to(dtype)
    inputs = inputs.contiguous(memory_format=torch.channels_last)
    pool = Pool("max")
    leaf = inputs.clone().requires_grad_(True)
    expected = pool(leaf)
    gradient = torch.randn(expected.shape, generator=generator).to(dtype)
    expected.backward(gradient)
    assert torch.equal(pooled(pool, inputs), expected)
    bordered = unpooled(pool, inputs, gradient)
    assert leaf.grad is not None
    assert torch.equal(bordered[:, :, 1:-1, 1:-1], leaf.grad)
    assert bordered.count_nonzero() == leaf.grad.count_nonzero()  # the border is zero


def test_a_split_convolution_reads_sixteen_bits_of_image_weights_and_bias() -> None:
    generator = torch.Generator().manual_seed(2)
    image = torch.randn(1, 3, 9, 9, generator=generator)
    weight = torch.randn(6, 3, 3, 3, generator=generator)
    bias = 10 * torch.randn(6, generator=generator)
    high, low = (
        (split_image(image, dtype).float(), split_weight(weight, bias, dtype).float())
        for dtype in (torch.bfloat16, torch.float32)
    )
    expected = torch.nn.functional.conv2d(image, weight, bias)
    found = torch.nn.functional.conv2d(*high, bias.bfloat16().float())
    assert_close(found, expected, rtol=0, atol=2e-4 * float(expected.abs().max()))
    rough = torch.nn.functional.conv2d(
        image.bfloat16().float(), weight.bfloat16().float(), bias.bfloat16().float()
    )
    assert (rough - expected).norm() > 50 * (found - expected).norm()
    assert_close(torch.nn.functional.conv2d(*low, bias), expected)  # nothing is left to split


# bfloat16


@pytest.mark.parametrize("layers", LAYER_SETS)
def test_in_bfloat16_every_layer_can_be_read_and_has_a_way_back(layers: tuple[str, ...]) -> None:
    network, image = chain("avg", "reflect"), torch.rand(1, 3, 20, 24)
    gradients = random_gradients(network, image, layers)
    expected, gradient = way_back(ChainPasses(network), image, gradients)
    found, ours = way_back(ChainPasses(network, torch.bfloat16), image, gradients)
    assert ours.dtype == torch.float32
    assert torch.cosine_similarity(ours.flatten(), gradient.flatten(), 0) > 0.99
    for layer in layers:
        difference = found[layer].float() - expected[layer]
        assert difference.norm() < 0.02 * expected[layer].norm(), layer


def test_in_bfloat16_the_first_convolution_reads_sixteen_bits_of_the_image() -> None:
    # Two grays that bfloat16 cannot tell apart: between 0.5 and 1 its numbers are 1/256 apart.
    network = chain()
    first = network.body["conv1_1"]
    first.weight.fill_(0.0)
    first.weight[:, 0, 1, 1] = 1000.0  # type: ignore[index]
    first.bias.fill_(-1000 * ((0.7 - 0.485) / 0.229))  # type: ignore[operator]
    dark, light = torch.full((1, 3, 8, 8), 0.7), torch.full((1, 3, 8, 8), 0.7005)
    assert (dark.bfloat16() == light.bfloat16()).all()
    passes = ChainPasses(network, torch.bfloat16)
    a, b = (passes(x, ["relu1_1"], keep=False).features["relu1_1"] for x in (dark, light))
    assert a.dtype == torch.bfloat16
    assert_close((b - a).float().mean().item(), 1000 * 0.0005 / 0.229, rtol=0.02, atol=0.02)


def smooth_picture(seed: int, side: int = 96) -> Tensor:
    """Waves of a few colors, as a photograph has them."""
    generator = torch.Generator().manual_seed(seed)
    y, x = torch.meshgrid(*(torch.linspace(0, 1, side),) * 2, indexing="ij")
    waves = torch.rand(3, 4, generator=generator) * torch.tensor([25.0, 25.0, 6.28, 0.3])
    picture = torch.stack([0.5 + w[3] * torch.sin(w[0] * x + w[1] * y + w[2]) for w in waves])
    return picture[None] + 0.01 * torch.randn(1, 3, side, side, generator=generator)


def evaluation(precision: str, mixed: float, layers: Mapping[str, Any]) -> Evaluation:
    """At the content, or on the way to the style, with the noise that images on it have."""
    network = load_network("vgg19-lite", layers=["relu4_2"])
    config = make_config(precision=precision, **layers)
    content, style = smooth_picture(1), smooth_picture(2)
    noise = torch.randn(content.shape, generator=torch.Generator().manual_seed(4))
    image = content + mixed * (style - content + 0.1 * noise)
    return make_objective(network, {"content": content, "style/0": style}, config).evaluate(image)


@pytest.mark.bfloat16
@pytest.mark.parametrize(
    ("layers", "mixed", "least"),
    # Measured: 0.9989 and 0.9991; with the default's layers at a part of the size 0.9991, 0.9995.
    [(WHOLE, 0.0, 0.998), (WHOLE, 0.5, 0.98), ({}, 0.0, 0.998), ({}, 0.5, 0.98)],
)
def test_a_gradient_in_bfloat16_points_where_that_in_float32_does(
    layers: Mapping[str, Any], mixed: float, least: float
) -> None:
    exact, rough = (evaluation(kind, mixed, layers) for kind in ("float32", "bfloat16"))
    assert rough.gradient.dtype == torch.float32
    cosine = torch.cosine_similarity(rough.gradient.flatten(), exact.gradient.flatten(), 0)
    assert cosine > least
    assert_close(rough.total, exact.total, rtol=0.02, atol=0)
