from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.testing import assert_close

from gramarye.errors import LayerError, SettingsError
from gramarye.networks.alexnet import alexnet_steps
from gramarye.networks.features import Conv, PerceptualNetwork, Pool, Pooling, Step
from gramarye.networks.googlenet import googlenet_steps
from gramarye.networks.layers import VGG16_BLOCKS, VGG19_BLOCKS
from gramarye.networks.squeezenet import squeezenet_steps
from gramarye.networks.vgg import vgg_steps

NARROW19 = [(2,) * len(widths) for widths in VGG19_BLOCKS]
NARROW16 = [(2,) * len(widths) for widths in VGG16_BLOCKS]


def tiny(**keywords: object) -> PerceptualNetwork:
    return PerceptualNetwork("tiny", vgg_steps(((4, 4), (4, 4))), **keywords)  # type: ignore[arg-type]


def seen_by(steps: list[Step], layers: tuple[str, ...], size: int) -> None:
    """Check the geometry of layers against the gradient of one position.

    With averages for maxima and positive weights no gradient vanishes in the receptive field.
    """
    network = PerceptualNetwork("positive", steps)
    for parameter in network.parameters():
        nn.init.constant_(parameter, 1 / parameter[0].numel() if parameter.ndim == 4 else 1.0)
    height, width = size, size + 18
    image = torch.ones(1, 3, height, width, requires_grad=True)
    features = network(image, layers)
    for layer in layers:
        geometry, x = network.geometry(layer), features[layer]
        assert x.shape[1] == geometry.channels
        row, column = x.shape[2] // 2, x.shape[3] // 2
        seen = x[0, :, row, column].sum()  # of all branches
        (gradient,) = torch.autograd.grad(seen, image, retain_graph=True)
        touched = gradient[0, 0].nonzero()
        first = torch.tensor([row, column]) * geometry.stride - geometry.offset
        last = first + geometry.receptive_field - 1
        assert first.min() > 0 and last[0] < height - 1 and last[1] < width - 1, "enlarge size"
        assert_close(touched.amin(0), first, msg=f"{layer} begins elsewhere")
        assert_close(touched.amax(0), last, msg=f"{layer} ends elsewhere")


def test_geometry_of_vgg19_is_what_a_gradient_shows() -> None:
    layers = ("conv1_1", "relu2_2", "pool2", "conv3_4", "relu4_2", "pool4", "conv5_4", "pool5")
    seen_by(vgg_steps(NARROW19, "avg"), layers, 351)


def test_geometry_of_vgg16_is_what_a_gradient_shows() -> None:
    seen_by(vgg_steps(NARROW16, "avg"), ("conv3_3", "relu5_1", "pool5"), 277)


def test_geometry_of_alexnet_is_what_a_gradient_shows() -> None:
    layers = ("conv1", "pool1", "conv2", "pool2", "relu3", "conv4", "relu5", "pool5")
    seen_by(alexnet_steps("avg"), layers, 281)


def test_geometry_of_squeezenet_is_what_a_gradient_shows() -> None:
    layers = ("conv1", "pool1", "fire2", "pool2", "fire5", "fire9")
    seen_by(squeezenet_steps("1.0", "avg"), layers, 225)
    seen_by(squeezenet_steps("1.1", "avg"), layers, 259)


def test_geometry_of_googlenet_is_what_a_gradient_shows() -> None:
    layers = ("conv1", "conv3", "inception3a", "pool3", "inception4e", "inception5b")
    seen_by(googlenet_steps("avg"), layers, 461)


def test_geometry_by_hand() -> None:
    network = PerceptualNetwork("vgg", vgg_steps(NARROW19))
    relu5_1 = network.geometry("relu5_1")
    assert (relu5_1.stride, relu5_1.receptive_field) == (16, 156)  # notes of Galerne et al., 2024
    conv1_2 = network.geometry("conv1_2")
    assert (conv1_2.stride, conv1_2.receptive_field, conv1_2.offset) == (1, 5, 2)


@pytest.mark.parametrize("size", range(1, 40))
def test_positions_are_what_the_convolution_or_pooling_makes(size: int) -> None:
    steps = [*alexnet_steps(), *googlenet_steps(), *squeezenet_steps("1.0")]
    for step in steps:
        count = step.positions(size)
        module = step.module
        if isinstance(module, Conv):
            x = torch.zeros(1, module.in_channels, size, size)
        elif isinstance(module, Pool):
            x = torch.zeros(1, 1, size, size)
        else:
            continue
        if count > 0:
            assert module(x).shape[-1] == count
        else:
            with pytest.raises(RuntimeError):
                module(x)


@pytest.mark.parametrize(
    ("steps", "smallest"),
    [  # the sizes torchvision states for its networks
        (vgg_steps(NARROW19), 32),
        (alexnet_steps(), 63),
        (googlenet_steps(), 15),
        (squeezenet_steps("1.0"), 21),
        (squeezenet_steps("1.1"), 17),
    ],
)
def test_the_smallest_image_is_accepted_and_a_smaller_one_explained(
    steps: list[Step], smallest: int
) -> None:
    network = PerceptualNetwork("some", steps)
    deepest = network.layers[-1]
    assert network.minimum_size([deepest]) == smallest
    assert network(torch.rand(1, 3, smallest, smallest + 5), [deepest])[deepest].numel() > 0
    with pytest.raises(SettingsError, match=f"{deepest} of some.* {smallest} pixels"):
        network(torch.rand(1, 3, smallest + 5, smallest - 1), [deepest])


@pytest.mark.parametrize("size", range(1, 8))
def test_reflection_needs_more_than_one_pixel(size: int) -> None:
    network = PerceptualNetwork("some", vgg_steps(((2, 2), (2,)), padding="reflect"))
    assert network.fits(size, ["relu2_1"]) == (size >= 4)
    if size >= 4:
        network(torch.rand(1, 3, size, size), ["relu2_1"])
    else:
        with pytest.raises(SettingsError, match="at least 4 pixels"):
            network(torch.rand(1, 3, size, size), ["relu2_1"])


def test_a_tensor_that_is_no_image_is_explained() -> None:
    with pytest.raises(SettingsError, match=r"\(3, 8, 8\).*image\[None\]"):
        tiny()(torch.rand(3, 8, 8), ["relu1_1"])
    with pytest.raises(SettingsError, match=r"\(1, 4, 8, 8\)"):
        tiny()(torch.rand(1, 4, 8, 8), ["relu1_1"])


def test_an_unknown_layer_is_named_with_the_nearest() -> None:
    with pytest.raises(LayerError, match=r"unknown layer 'relu1_9'.*did you mean 'relu1_2', "):
        tiny()(torch.rand(1, 3, 8, 8), ["relu1_9"])


def test_a_convolution_and_its_relu_can_both_be_read() -> None:
    features = tiny()(torch.rand(1, 3, 9, 7), ["conv1_2", "relu1_2", "conv2_1"])
    assert (features["conv1_2"] < 0).any()
    assert_close(features["relu1_2"], features["conv1_2"].relu())
    assert list(features) == ["conv1_2", "relu1_2", "conv2_1"]


def test_it_runs_no_deeper_than_asked() -> None:
    network = tiny()
    network.body["conv2_1"].register_forward_hook(lambda *_: pytest.fail("ran too deep"))
    network(torch.rand(1, 3, 8, 8), ["relu1_2", "pool1"])


def test_truncation_forgets_the_rest() -> None:
    network = tiny()
    image = torch.rand(1, 3, 8, 8)
    before = network(image, ["relu1_2"])["relu1_2"]
    network.truncate(["relu1_2", "relu1_1"])
    assert network.layers == ("conv1_1", "relu1_1", "conv1_2", "relu1_2")
    assert len(list(network.parameters())) == 4
    assert_close(network(image, ["relu1_2"])["relu1_2"], before)


def test_no_weight_takes_a_gradient_and_the_image_does() -> None:
    network = tiny()
    image = torch.rand(1, 3, 8, 8, requires_grad=True)
    network(image, ["relu2_1"])["relu2_1"].sum().backward()
    assert image.grad is not None and image.grad.abs().sum() > 0
    assert not any(p.requires_grad for p in network.parameters())


def test_caffe_networks_see_bgr_minus_its_mean() -> None:
    network = tiny(mean=(103.939, 116.779, 123.68), std=(1, 1, 1), scale=255.0, bgr=True)
    red = torch.tensor([1.0, 0.0, 0.5]).view(1, 3, 1, 1)
    expected = torch.tensor([127.5 - 103.939, -116.779, 255 - 123.68]).view(1, 3, 1, 1)
    assert_close(network.normalize(red), expected)


@pytest.mark.parametrize(
    ("kind", "expected"), [("max", 4.0), ("avg", 2.0), ("l2", (26 / 4) ** 0.5)]
)
def test_pooling_of_one_window_by_hand(kind: Pooling, expected: float) -> None:
    x = torch.tensor([[0.0, 4.0], [1.0, 3.0]])[None, None]
    assert_close(Pool(kind)(x), torch.full((1, 1, 1, 1), expected))


@pytest.mark.parametrize("kind", ["max", "avg", "l2"])
def test_pooling_of_a_constant_is_that_constant_also_at_overhanging_borders(kind: Pooling) -> None:
    x = torch.full((1, 2, 6, 7), 3.0)
    for pool in (Pool(kind, 3, 2, ceil=True), Pool(kind, 3, 1, padding=1)):
        assert_close(pool(x), torch.full_like(pool(x), 3.0))


def test_the_gradient_of_l2_pooling_at_zero_is_finite() -> None:
    x = torch.zeros(1, 1, 4, 4, requires_grad=True)
    Pool("l2")(x).sum().backward()
    assert x.grad is not None and x.grad.isfinite().all()


@pytest.mark.parametrize("mode", ["reflect", "replicate"])
@pytest.mark.parametrize("shape", [(9, 7), (2, 2), (2, 5), (3, 2)])
def test_padded_convolutions_and_gradients_agree_with_explicit_padding(
    mode: str, shape: tuple[int, int]
) -> None:
    conv = Conv(3, 5, 3, padding=1, mode=mode).double()  # type: ignore[arg-type]
    conv.requires_grad_(False)
    x = torch.randn(2, 3, *shape, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(2, 5, *shape, dtype=torch.float64)
    expected = F.conv2d(F.pad(x, (1, 1, 1, 1), mode=mode), conv.weight, conv.bias)
    found = conv(x)
    assert_close(found, expected)
    gradients = [torch.autograd.grad((y * weight).sum(), x)[0] for y in (found, expected)]
    assert_close(*gradients)


def test_weights_of_a_padded_convolution_can_be_trained() -> None:
    conv = Conv(3, 5, 3, padding=1, mode="reflect").double()
    x = torch.randn(1, 3, 5, 6, dtype=torch.float64)
    padded = F.pad(x, (1, 1, 1, 1), mode="reflect")
    expected = torch.autograd.grad(
        F.conv2d(padded, conv.weight, conv.bias).square().sum(), conv.weight
    )
    assert_close(torch.autograd.grad(conv(x).square().sum(), conv.weight), expected)


def test_a_constant_image_gives_constant_features_with_reflection() -> None:
    network = PerceptualNetwork("some", vgg_steps(((3, 3), (3,)), padding="reflect"))
    features = network(torch.full((1, 3, 12, 10), 0.7), ["relu2_1"])["relu2_1"]
    assert_close(features, features[:, :, :1, :1].expand_as(features))


def test_replicate_pads_with_the_border_itself() -> None:
    conv = Conv(1, 1, 3, padding=1, mode="replicate")
    nn.init.ones_(conv.weight)
    conv.weight.data[0, 0, 1] = 0  # the sum of the rows above and below
    nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
    x = torch.tensor([[1.0, 1.0], [5.0, 5.0]])[None, None]
    assert_close(conv(x), torch.full((1, 1, 2, 2), 18.0))
