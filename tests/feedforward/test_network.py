"""The network: its shapes, what it is at first, what its noise and styles do, its size."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from gramarye.feedforward.network import AnyStyle, alike, depthwise, mirrored, normalized, smoothed
from gramarye.feedforward.settings import AnyStyleConfig

SHAPE = AnyStyleConfig(
    half=4, quarter=6, eighth=5, quarter_blocks=2, eighth_blocks=1, code=3, hidden=4
)


CHANNELS = (3, 4, 5)


@pytest.fixture
def network() -> AnyStyle:
    return AnyStyle(SHAPE, 10, CHANNELS)


def felt(height: int, width: int, count: int = 1) -> tuple[list[Tensor], list[Tensor]]:
    """Features at a half, a quarter and an eighth of the size, and noise at the last two."""
    sizes = [(height // part, width // part) for part in (2, 4, 8)]
    features = [torch.rand(count, c, *size) for c, size in zip(CHANNELS, sizes, strict=True)]
    return features, [torch.zeros_like(found) for found in features[1:]]


def test_a_painting_has_the_shape_of_its_photograph(network: AnyStyle) -> None:
    style = network.style(torch.randn(2, 10))
    noise = network.noise(24, 40, seed=0)
    assert [part.shape for part in style] == [(2, 60), (2, 78), (2, 78), (2, 44)]
    assert [part.shape for part in noise] == [(1, 1, 6, 10), (1, 1, 6, 10)]
    painted = network(torch.rand(2, 3, 24, 40), *felt(24, 40, 2), style, noise)
    assert painted.shape == (2, 3, 24, 40)


def test_a_batch_is_painted_as_each_of_its_pictures_alone(network: AnyStyle) -> None:
    images, statistics = torch.rand(3, 3, 16, 24), torch.randn(3, 10)
    noise = network.noise(16, 24, seed=1)
    features, sown = felt(16, 24, 3)
    together = network(images, features, sown, network.style(statistics), noise)
    for i in range(3):
        own = [[found[i : i + 1] for found in maps] for maps in (features, sown)]
        style = network.style(statistics[i : i + 1])
        alone = network(images[i : i + 1], *own, style, noise)
        assert_close(together[i : i + 1], alone)


def test_before_training_a_painting_is_nearly_its_photograph(network: AnyStyle) -> None:
    image = torch.rand(1, 3, 32, 32)
    style, noise = network.style(torch.randn(1, 10)), network.noise(32, 32, 0)
    painted = network(image, *felt(32, 32), style, noise)
    assert 0 < float((painted - image).detach().abs().mean()) < 0.1


def test_one_seed_is_one_noise(network: AnyStyle) -> None:
    one, same, other = (network.noise(16, 16, seed) for seed in (3, 3, 4))
    assert all(torch.equal(a, b) for a, b in zip(one, same, strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_noise_shows_even_where_the_photograph_is_flat(network: AnyStyle) -> None:
    flat, style = torch.full((1, 3, 32, 32), 0.5), network.style(torch.randn(1, 10))
    even = [[torch.full_like(found, 0.3) for found in maps] for maps in felt(32, 32)]
    quiet = [torch.zeros_like(part) for part in network.noise(32, 32, 0)]
    assert float(network(flat, *even, style, quiet).detach().var((2, 3)).max()) < 1e-8
    noisy = network(flat, *even, style, network.noise(32, 32, 0)).detach()
    assert float(noisy.var((2, 3)).max()) > 1e-7


def test_every_weight_learns(network: AnyStyle) -> None:
    style = network.style(torch.randn(2, 10))
    features, sown = felt(32, 32, 2)
    sown = [torch.randn_like(found) for found in sown]
    painted = network(torch.rand(2, 3, 32, 32), features, sown, style, network.noise(32, 32, 0))
    painted.backward(torch.randn_like(painted))
    silent = [
        name
        for name, parameter in network.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().sum() > 0
    ]
    assert not silent
    assert sum(len(group["params"]) for group in network.groups(0.5)) == len(
        list(network.parameters())
    )


def test_a_style_beyond_all_others_counts_as_one_at_the_edge(network: AnyStyle) -> None:
    far, edge = network.style(torch.full((1, 10), 1e6)), network.style(torch.full((1, 10), 4.0))
    assert all(torch.equal(a, b) for a, b in zip(far, edge, strict=True))


def test_whitened_styles_are_told_apart_in_every_direction_alike(network: AnyStyle) -> None:
    rows = torch.randn(400, 4) @ torch.randn(4, 10) * torch.logspace(-3, 2, 10) + 7
    network.whiten(rows)
    standard = (rows - network.center) / network.spread
    assert_close(standard.std(0), torch.ones(10), atol=1e-3, rtol=0)
    read = network.read(standard.clamp(-4, 4)).detach()
    assert_close(read.mT @ read / len(rows), torch.eye(4), atol=0.02, rtol=0)


def test_mirrored_is_reflection_padding_there_and_back() -> None:
    x = torch.rand(2, 3, 5, 4, dtype=torch.float64, requires_grad=True)
    assert torch.equal(mirrored(x), F.pad(x, (1, 1, 1, 1), mode="reflect"))
    assert torch.autograd.gradcheck(mirrored, x)


def test_depthwise_gives_every_picture_filters_of_its_own() -> None:
    x = torch.rand(2, 2, 4, 5)
    filters = torch.zeros(2, 2, 9)
    filters[0, :, 4] = 1  # the first as it is
    filters[1, 0, 5] = 2  # the second: twice what lies to the right, and the mean of all nine
    filters[1, 1] = 1 / 9
    found = depthwise(x, filters)
    assert torch.equal(found[0], x[0])
    assert torch.equal(found[1, 0, :, :-1], 2 * x[1, 0, :, 1:])
    assert_close(found[1, 1, 1:-1, 1:-1], F.avg_pool2d(x[1:, 1:], 3, 1)[0, 0])


def test_normalized_channels_have_the_mean_and_deviation_asked_for() -> None:
    x = 3 + 7 * torch.randn(2, 3, 16, 16)
    gain, shift = torch.tensor([[1.0, 2.0, 0.5]]).repeat(2, 1), torch.tensor([[0.0, 1.0, -4.0]])
    found = normalized(x, gain, shift.repeat(2, 1))
    assert_close(found.mean((2, 3)), shift.repeat(2, 1), atol=1e-4, rtol=0)
    assert_close(found.std((2, 3), correction=0), gain, rtol=1e-3, atol=0)
    flat = normalized(torch.full((1, 3, 4, 4), 5.0), gain[:1], shift)
    assert_close(flat.mean((2, 3)), shift, atol=1e-3, rtol=0)


def test_the_four_pixels_of_a_shuffle_begin_alike() -> None:
    conv = torch.nn.Conv2d(3, 8, 3, padding=1)
    assert conv.bias is not None
    torch.nn.init.zeros_(conv.bias)
    alike(conv, 4)
    found = F.pixel_shuffle(conv(torch.rand(1, 3, 5, 5)), 2)
    assert torch.equal(found[..., ::2, ::2], found[..., 1::2, 1::2])


def test_what_is_smoothed_has_no_pattern_of_two_pixels() -> None:
    checks = (torch.arange(6)[:, None] + torch.arange(8)) % 2
    columns = (torch.arange(8) % 2).expand(6, 8)
    for pattern in (checks, columns):
        found = smoothed(pattern.float()[None, None])[..., :-1, :-1]
        assert_close(found, torch.full_like(found, 0.5))
    assert_close(smoothed(torch.full((1, 1, 3, 3), 0.7)), torch.full((1, 1, 3, 3), 0.7))


def test_the_network_of_the_package_fits_into_its_place() -> None:
    network = AnyStyle(AnyStyleConfig(), statistics=1120, channels=(32, 96, 160))
    assert 2 * sum(tensor.numel() for tensor in network.state_dict().values()) <= 2.5e6
