"""Positions that count: what is computed of them alone is what weights give."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from gramarye.losses.positions import (
    Parts,
    Positions,
    add_chosen,
    add_gradients_at,
    chosen,
    positions_of,
    sums_at,
)
from gramarye.losses.statistics import add_sums_gradient, moments


def mask_of(height: int, width: int) -> Tensor:
    """A disk with a soft edge, and a corner."""
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    far = ((y - height / 2) ** 2 + (x - width / 2.5) ** 2).double().sqrt()
    mask = (0.4 * height - far).clamp(0, 1)
    mask[: height // 4, : width // 3] = 1
    return mask[None, None]


def features_of(height: int, width: int, layout: str, channels: int = 3) -> Tensor:
    """Random features of two pictures, laid out as networks leave them."""
    shape = (2, channels, height + 2, width + 2)
    features = torch.randn(shape, dtype=torch.float64)
    if layout == "bordered":
        features = features.contiguous(memory_format=torch.channels_last)
    features = features[..., 1:-1, 1:-1]
    return features.contiguous() if layout == "plain" else features


SIZES = [(9, 7), (12, 256), (5, 300)]  # 256 positions and more are taken in runs


@pytest.mark.parametrize("layout", ["plain", "bordered"])
@pytest.mark.parametrize("size", SIZES)
def test_moments_and_gradients_are_those_of_weights(size: tuple[int, int], layout: str) -> None:
    features, weights = features_of(*size, layout), mask_of(*size)
    positions = positions_of(weights)
    assert isinstance(positions, Positions)
    assert bool(len(positions.runs)) == (size[1] >= 256)
    found, expected = moments(features, positions), moments(features, weights)
    for part in ("second", "first", "count"):
        assert_close(getattr(found, part), getattr(expected, part), rtol=1e-12, atol=1e-12)
    second, first = torch.randn_like(found.second), torch.randn_like(found.first)
    one, other = features_of(*size, layout), torch.zeros_like(features)
    before = one.clone()
    add_sums_gradient(one, features, second, first, positions)
    add_sums_gradient(other, features, second, first, weights)
    assert_close(one - before, other, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("chunk", [1 << 20, 200])
def test_sums_of_several_are_those_of_each(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gramarye.losses.positions.CHUNK", chunk)
    size = (6, 260)
    features = features_of(*size, "bordered")
    masks = [mask_of(*size), torch.zeros(1, 1, *size).double(), 1 - mask_of(*size).ceil()]
    second, first = sums_at(features, Parts([Positions(mask) for mask in masks]))
    for number, mask in enumerate(masks):
        expected = moments(features, mask)
        assert_close(second[:, number], expected.second, rtol=1e-12, atol=1e-12)
        assert_close(first[:, number], expected.first, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("chunk", [1 << 20, 200])
def test_gradients_of_several_are_added(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gramarye.losses.positions.CHUNK", chunk)
    size = (6, 260)
    features = features_of(*size, "bordered")
    masks = [mask_of(*size), mask_of(*size).flip(3), (1 - mask_of(*size))]
    matrices, slopes = torch.randn(2, 3, 3, 3).double(), torch.randn(2, 3, 3).double()
    found, expected = torch.zeros_like(features), torch.zeros_like(features)
    parts = Parts([Positions(mask) for mask in masks])
    add_gradients_at(found, features, matrices, slopes, parts)
    for number, mask in enumerate(masks):
        rows = features.permute(0, 2, 3, 1).flatten(1, 2) @ matrices[:, number]
        rows += slopes[:, number, None]
        expected += mask * rows.mT.reshape(features.shape)
    assert_close(found, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("size", SIZES)
def test_what_is_chosen_comes_back_to_its_place(size: tuple[int, int]) -> None:
    features, positions = features_of(*size, "bordered"), Positions(mask_of(*size))
    found, weights = chosen(features, positions)
    assert found.shape == (2, 3, len(weights)) and weights.min() > 0
    assert_close(weights.sum(), mask_of(*size).sum())
    into = torch.zeros_like(features)
    add_chosen(into, positions, found)
    assert_close(into, features * (mask_of(*size) > 0), rtol=1e-12, atol=0)


def test_nothing_is_chosen_of_what_counts_everywhere() -> None:
    ones = torch.ones(1, 1, 4, 5)
    assert positions_of(ones) is None
    assert positions_of(ones * 0.5) is not None and not isinstance(
        positions_of(ones / 2), Positions
    )
    empty = positions_of(ones * 0)
    assert isinstance(empty, Positions) and float(empty.count) == 0
    assert not moments(torch.rand(1, 2, 4, 5), empty).second.any()


def test_moments_at_positions_have_a_gradient() -> None:
    weights = F.pad(torch.ones(1, 1, 3, 2, dtype=torch.float64), (1, 2))
    weights[..., 2] = 0.25

    def second(x: Tensor) -> Tensor:
        return moments(x, positions_of(weights)).second

    x = torch.randn(1, 2, 3, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(second, [x])
