"""Features carried over to a style: moments by hand, the least move, colored noise."""

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


@pytest.fixture(autouse=True)
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the ridge and the limit, which keep rare directions from being blown up."""
    monkeypatch.setattr(module, "RIDGE", 0.0)
    monkeypatch.setattr(module, "ROUNDING", 0.0)
    monkeypatch.setattr(module, "LARGEST", 1e6)


def test_what_is_carried_over_has_the_styles_moments() -> None:
    content, style = features(0), features(1)
    found = moments(transport(moments(content), moments(style))(content).double())
    wanted = moments(style.double())
    unit = torch.diagonal(wanted.gram(), dim1=1, dim2=2).mean(1).rsqrt()[:, None]
    assert_close(found.mean(), unit * wanted.mean(), atol=1e-4, rtol=1e-4)
    scaled = unit[:, :, None] ** 2 * wanted.covariance()
    assert_close(found.covariance(), scaled, atol=1e-4, rtol=1e-3)


def test_a_photograph_that_is_its_style_stays() -> None:
    content = features(2)
    move = transport(moments(content), moments(content))
    square = content.square().mean((1, 2, 3), keepdim=True)
    assert_close(move(content), content * square.rsqrt(), atol=1e-3, rtol=1e-3)


def test_the_map_is_symmetric_and_turns_nothing_about() -> None:
    matrix = transport(moments(features(3)), moments(features(4))).matrix
    assert_close(matrix, matrix.mT, atol=1e-5, rtol=1e-4)
    assert bool((torch.linalg.eigvalsh(matrix) > 0).all())


def test_noise_gets_the_styles_covariance() -> None:
    style = features(5)
    move = transport(moments(features(6)), moments(style))
    square = torch.diagonal(moments(style).gram(), dim1=1, dim2=2).mean(1)
    wanted = moments(style.double()).covariance() / square[:, None, None].double()
    assert_close((move.root @ move.root.mT).double(), wanted, atol=1e-4, rtol=1e-3)
    colored = move.colored(torch.randn(2, 4, 100, 100))
    assert_close(moments(colored).covariance().double(), wanted, atol=0.1, rtol=0.1)


def test_a_direction_that_hardly_varies_is_not_blown_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    content = features(7)
    content[:, 0] = 1.0
    move = transport(moments(content), moments(10 * features(8)))
    square = torch.diagonal(moments(10 * features(8)).gram(), dim1=1, dim2=2).mean(1)
    stretched = torch.linalg.eigvalsh(move.matrix) * square.sqrt()[:, None]
    assert float(stretched.max()) <= module.LARGEST * 1.001


def test_a_flat_photograph_is_carried_over_to_the_styles_mean(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.undo()
    flat = torch.full((1, 4, 64, 64), 0.1) * torch.tensor([1.0, 3.0, 7.0, 0.0]).view(1, 4, 1, 1)
    style = features(9, batch=1)
    found = transport(moments(flat), moments(style))(flat)
    unit = style.square().mean().rsqrt()
    mean = (unit * style.mean((2, 3), keepdim=True)).expand_as(found)
    assert_close(found, mean, atol=1e-3, rtol=1e-3)
