"""Johnson's network, by hand: shapes, its range, what a block does, whose style it paints in."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from gramarye.johnson.network import (
    ConditionalNorm,
    Johnson,
    Residual,
    mean_and_variance,
    one_of,
    reflected,
)
from gramarye.johnson.painting import Remembered, transformed
from gramarye.johnson.settings import JohnsonConfig
from gramarye.scales.resizing import resize

SMALL = JohnsonConfig(channels=(3, 4, 5), blocks=2)


def changed(**fields: object) -> JohnsonConfig:
    return JohnsonConfig(**{**SMALL.model_dump(), **fields})


SHAPES = [
    SMALL,
    changed(border="everywhere"),
    changed(upsampling="nearest"),
    changed(border="everywhere", upsampling="nearest", norm="batch"),
    changed(blocks=0),
    changed(kernel=5, border="everywhere"),
]


@pytest.mark.parametrize("config", SHAPES)
def test_a_painting_has_the_size_of_its_photograph(config: JohnsonConfig) -> None:
    network = Johnson(config, 1)
    for height, width in ((24, 40), (4, 8), (16, 16)):
        painted = network(torch.rand(2, 3, height, width), one_of(1, 0, 2))
        assert painted.shape == (2, 3, height, width)


def test_the_papers_network_has_the_papers_weights() -> None:
    network = Johnson(JohnsonConfig(), 1)
    convolutions = [p for name, p in network.named_parameters() if "norm" not in name]
    # 9x9 of 3 and 32 twice, 3x3 of 32, 64, 128 down and up, and ten of 128, with their biases
    expected = 2 * 81 * 3 * 32 + 35 + 2 * 9 * (32 * 64 + 64 * 128) + (64 + 128 + 64 + 32)
    expected += 10 * (9 * 128 * 128 + 128)
    assert sum(p.numel() for p in convolutions) == expected
    assert JohnsonConfig().blocks * 8 == 40  # pixels of reflection at the start


def test_tanh_is_scaled_to_the_range_of_pixels() -> None:
    network = Johnson(SMALL, 1)
    torch.nn.init.zeros_(network.last.weight)
    assert network.last.bias is not None
    with torch.no_grad():
        network.last.bias.copy_(torch.tensor([0.0, 1.0, -100.0]))
    painted = network(torch.rand(1, 3, 8, 8), one_of(1, 0))
    wanted = torch.tensor([0.5, (1 + torch.tanh(torch.tensor(1.0)).item()) / 2, 0.0])
    assert_close(painted, wanted.view(1, 3, 1, 1).expand(1, 3, 8, 8))


@pytest.mark.parametrize(("border", "lost"), [("start", 2), ("everywhere", 0)])
def test_a_block_that_adds_nothing_is_its_input_within_the_border(border: str, lost: int) -> None:
    block = Residual(3, 1, changed(border=border))
    torch.nn.init.zeros_(block.last_norm.gain)
    x = torch.rand(1, 3, 9, 7)
    assert_close(block(x, one_of(1, 0)), x[..., lost : 9 - lost, lost : 7 - lost])


def test_reflection_goes_on_where_a_picture_is_small() -> None:
    x = torch.rand(1, 2, 6, 5)
    assert torch.equal(reflected(x, 3), F.pad(x, (3,) * 4, mode="reflect"))
    row = torch.arange(3.0).view(1, 1, 1, 3).expand(1, 1, 3, 3)
    assert reflected(row, 4)[0, 0, 0].tolist() == [0, 1, 2, 1, 0, 1, 2, 1, 0, 1, 2]
    dot = torch.full((1, 1, 1, 1), 0.3)
    assert torch.equal(reflected(dot, 2), torch.full((1, 1, 5, 5), 0.3))


def test_each_style_has_gains_and_shifts_of_its_own() -> None:
    norm = ConditionalNorm(2, 3, "instance")
    with torch.no_grad():
        norm.gain.copy_(torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]))
        norm.shift.copy_(torch.tensor([[0.0, 1.0], [-1.0, 0.5], [2.0, 2.0]]))
    x = 5 + 3 * torch.randn(3, 2, 8, 8)
    found = norm(x, torch.eye(3)[[1, 0, 2]])
    assert_close(found.mean((2, 3)), norm.shift[[1, 0, 2]].detach(), atol=1e-5, rtol=0)
    assert_close(
        found.std((2, 3), correction=0), norm.gain[[1, 0, 2]].detach(), atol=1e-4, rtol=1e-4
    )
    between = norm(x[:1], torch.tensor([[0.5, 0.5, 0.0]]))
    assert_close(between.mean((2, 3)), torch.tensor([[-0.5, 0.75]]), atol=1e-5, rtol=0)


def test_batch_norm_learns_what_it_uses_afterwards() -> None:
    norm = ConditionalNorm(2, 1, "batch")
    x = torch.tensor([2.0, -1.0]).view(1, 2, 1, 1) + 3 * torch.randn(4, 2, 16, 16)
    found = norm(x, one_of(1, 0, 4))
    assert_close(found.mean((0, 2, 3)), torch.zeros(2), atol=1e-5, rtol=0)
    assert_close(norm.mean, 0.1 * x.mean((0, 2, 3)))
    for _ in range(100):
        norm(x, one_of(1, 0, 4))
    assert_close(norm.eval()(x, one_of(1, 0, 4)), found, atol=1e-3, rtol=0)


def test_styles_paint_differently_and_the_mix_chooses() -> None:
    network, image = Johnson(SMALL, 2), torch.rand(1, 3, 16, 16)
    for norm in network.norms:
        assert isinstance(norm, ConditionalNorm)
        torch.nn.init.normal_(norm.gain)
    one, other = (transformed(network, image, one_of(2, which)) for which in (0, 1))
    assert float((one - other).abs().mean()) > 1e-3
    together = network(image.expand(2, -1, -1, -1), torch.eye(2)).detach()
    assert_close(together, torch.cat([one, other]), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("config", SHAPES)
def test_a_tile_sees_all_that_it_needs(config: JohnsonConfig) -> None:
    network, image = Johnson(config, 1).eval(), torch.rand(1, 3, 160, 200)
    mix, notes = one_of(1, 0), Remembered()
    whole = network(image, mix, notes).detach()
    margin, inner = network.margin, slice(80, 84)
    part = image[..., :, 80 - margin : 84 + margin]
    assert_close(network(part, mix, notes)[..., margin : margin + 4], whole[..., inner])


def test_tiles_make_the_whole_picture_with_the_statistics_of_a_small_one() -> None:
    network, mix, tile = Johnson(SMALL, 1).eval(), one_of(1, 0), 80 * 80
    image = torch.rand(1, 3, 188, 252)
    share, notes = (tile / (188 * 252)) ** 0.5, Remembered()
    small = [int(side * share) // 4 * 4 for side in (188, 252)]
    network(resize(image, *small).clamp(0, 1), mix, notes)
    whole = network(image, mix, notes).detach()
    assert_close(transformed(network, image, mix, tile), whole, atol=1e-5, rtol=1e-5)
    odd = image[..., :187, :249]
    assert transformed(network, odd, mix, tile).shape == odd.shape
    one_piece = transformed(network, image, mix)
    assert float((one_piece - whole).abs().mean()) > 1e-4  # with its own statistics


def test_statistics_that_are_noted_are_those_that_are_used() -> None:
    norm, kept = ConditionalNorm(2, 1, "instance"), Remembered()
    x = torch.rand(1, 2, 4, 4)
    first = norm(x, one_of(1, 0), kept)
    assert list(kept) == [norm]
    assert_close(norm(x[..., :2], one_of(1, 0), kept), first[..., :2])


def test_means_and_variances_are_pytorchs() -> None:
    x = 5 + torch.randn(2, 3, 8, 10, dtype=torch.float64)
    for over in ((2, 3), (0, 2, 3)):
        variance, mean = torch.var_mean(x, over, correction=0)
        found = mean_and_variance(x, over)
        assert found[0].ndim == found[1].ndim == 2
        assert_close(found[0].squeeze(0), mean.squeeze(0))
        assert_close(found[1].squeeze(0), variance.squeeze(0))


def test_a_smaller_kernel_at_the_ends() -> None:
    network = Johnson(changed(kernel=3, blocks=0), 1)
    assert network.first.kernel_size == network.last.kernel_size == (3, 3)
    assert network.margin < Johnson(changed(blocks=0), 1).margin
