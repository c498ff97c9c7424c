"""Features carried over to a style: moments by hand, the least move, what is rare."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from gramarye.feedforward import transport as module
from gramarye.feedforward.transport import transport
from gramarye.losses.statistics import moments


def features(seed: int, batch: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    mix = torch.randn(4, 4, generator=generator)
    noise = torch.randn(batch, 4, 30, 20, generator=generator)
    return torch.einsum("ij,bjhw->bihw", mix, noise) + torch.randn(4, 1, 1, generator=generator)


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the ridge and the limit, which keep rare directions from being blown up."""
    monkeypatch.setattr(module, "RIDGE", 0.0)
    monkeypatch.setattr(module, "ROUNDING", 0.0)
    monkeypatch.setattr(module, "LARGEST", 1e6)


@pytest.mark.usefixtures("exact")
def test_what_is_carried_over_has_the_styles_moments() -> None:
    content, style = features(0), features(1)
    found = moments(transport(moments(content), moments(style))(content).double())
    wanted = moments(style.double())
    assert_close(found.mean(), wanted.mean(), atol=1e-4, rtol=1e-4)
    assert_close(found.covariance(), wanted.covariance(), atol=1e-4, rtol=1e-3)


def test_the_size_is_the_root_of_the_styles_mean_square() -> None:
    content, style = features(0), features(1)
    move = transport(moments(content), moments(style))
    assert_close(move.size, style.square().mean((1, 2, 3)).sqrt())
    bigger = transport(moments(content), moments(3 * style))
    assert_close(bigger.size, 3 * move.size)


@pytest.mark.usefixtures("exact")
def test_a_photograph_that_is_its_style_stays() -> None:
    content = features(2)
    move = transport(moments(content), moments(content))
    assert_close(move(content), content, atol=1e-3, rtol=1e-3)


@pytest.mark.usefixtures("exact")
def test_the_map_is_symmetric_and_turns_nothing_about() -> None:
    matrix = transport(moments(features(3)), moments(features(4))).matrix
    assert_close(matrix, matrix.mT, atol=1e-5, rtol=1e-4)
    assert bool((torch.linalg.eigvalsh(matrix) > 0).all())


@pytest.mark.usefixtures("exact")
def test_no_other_map_to_the_styles_moments_moves_less() -> None:
    content, style = features(5, 1).double(), features(6, 1).double()
    moved = transport(moments(content), moments(style))(content).double()
    least = (moved - content).square().mean()
    mean = moved.mean((2, 3), keepdim=True)
    root = torch.linalg.cholesky(moments(moved).covariance()[0])
    for seed in range(8):  # turned within the style's covariance, as whitening and coloring may
        drawn = torch.randn(4, 4, generator=torch.Generator().manual_seed(seed)).double()
        turn = root @ torch.linalg.qr(drawn).Q @ root.inverse()
        other = mean + torch.einsum("ij,bjhw->bihw", turn, moved - mean)
        assert_close(moments(other).covariance(), moments(moved).covariance(), atol=1e-8, rtol=1e-6)
        assert (other - content).square().mean() > least


def test_a_direction_that_hardly_varies_is_not_blown_up() -> None:
    content = features(7)
    content[:, 0] = 1.0
    matrix = transport(moments(content), moments(100 * features(8))).matrix
    assert float(torch.linalg.eigvalsh(matrix).max()) <= module.LARGEST * 1.001


def test_a_flat_photograph_is_carried_over_to_the_styles_mean() -> None:
    flat = torch.full((1, 4, 64, 64), 0.1) * torch.tensor([1.0, 3.0, 7.0, 0.0]).view(1, 4, 1, 1)
    style = features(9, batch=1)
    found = transport(moments(flat), moments(style))(flat)
    assert_close(found, style.mean((2, 3), keepdim=True).expand_as(found), atol=1e-3, rtol=1e-3)
    black = transport(moments(0 * flat), moments(0 * style))
    assert torch.equal(black(0 * flat), 0 * flat) and black.size > 0
