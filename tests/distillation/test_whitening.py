"""Whitening: other coordinates of the same maps."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from gramarye.distillation.whitening import InputMoments, inputs_of, measured, whiten
from gramarye.networks.features import Conv


def layers() -> nn.Sequential:
    torch.manual_seed(2)
    net = nn.Sequential(
        Conv(3, 5, 3, padding=1, mode="reflect"), nn.ReLU(), nn.Conv2d(5, 4, 1)
    ).double()
    return net.requires_grad_(True)


def pictures() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(3, 3, 20, 24, generator=generator, dtype=torch.float64)


def whitened(net: nn.Sequential, images: Tensor, floor: float = 1e-2) -> nn.Sequential:
    copied = copy.deepcopy(net).double()
    found = {name: m for name, m in copied.named_modules() if isinstance(m, nn.Conv2d)}
    whiten(found, lambda: copied(images), floor)
    return copied.double()


def test_a_patch_is_in_the_order_of_the_weights() -> None:
    conv, image = layers()[0], pictures()
    assert isinstance(conv, nn.Conv2d) and conv.bias is not None
    by_hand = inputs_of(conv, image).double() @ conv.weight.flatten(1).mT + conv.bias
    expected = conv(image).permute(0, 2, 3, 1).flatten(0, 2)
    assert_close(by_hand, expected, rtol=1e-5, atol=1e-6)


def test_what_is_computed_stays_the_same() -> None:
    net, images = layers(), pictures()
    assert_close(whitened(net, images)(images), net(images), rtol=1e-4, atol=1e-5)


def test_the_learned_bias_is_what_comes_out_for_the_mean_input() -> None:
    net, images = layers(), pictures()
    conv = whitened(net, images)[0]
    learned = conv.parametrizations["bias"].original  # type: ignore[union-attr, index]
    mean = conv(images).mean((0, 2, 3))
    assert_close(learned, mean, rtol=1e-4, atol=1e-5)


def test_without_a_floor_the_learned_weights_see_uncorrelated_inputs_of_one_size() -> None:
    generator = torch.Generator().manual_seed(3)
    mixing = torch.randn(4, 4, generator=generator).double()
    inputs = torch.randn(5000, 4, generator=generator).double() @ mixing + 7
    found = InputMoments()
    found.add(inputs)
    whitening, mean = found.whitening(0.0)
    white = (inputs - mean) @ whitening.mT
    assert_close(white.mT @ white / len(white), torch.eye(4).double(), rtol=0, atol=1e-3)
    assert_close(white.mean(0), torch.zeros(4).double(), rtol=0, atol=1e-3)


def test_what_hardly_varies_is_not_blown_up() -> None:
    generator = torch.Generator().manual_seed(3)
    inputs = torch.randn(5000, 2, generator=generator) * torch.tensor([1.0, 1e-4])
    found = InputMoments()
    found.add(inputs)
    largest = torch.linalg.eigvalsh(found.whitening(1e-2)[0]).max()
    assert float(largest) == pytest.approx(1 / (1e-2 / 2) ** 0.5, rel=0.05)


def test_every_batch_counts_and_the_hooks_are_gone_afterwards() -> None:
    net, images = layers(), pictures()
    convs = {"first": net[0]}
    with measured(convs) as found:  # type: ignore[arg-type]
        net(images)
        net(images[:1])
    assert found["first"].count == 4 * 20 * 24
    net(images)
    assert found["first"].count == 4 * 20 * 24


def test_a_step_of_one_length_fits_all_directions() -> None:
    """A regression whose inputs share a large mean: plain descent crawls, whitened it arrives."""
    generator = torch.Generator().manual_seed(4)
    images = torch.rand(4, 3, 12, 12, generator=generator).double() + 3
    torch.manual_seed(5)
    target, start = nn.Conv2d(3, 2, 1).double(), nn.Conv2d(3, 2, 1).double()
    wanted = target(images).detach()

    def error_after(net: nn.Module, rate: float) -> float:
        optimizer = torch.optim.SGD(net.parameters(), rate)
        for _ in range(60):
            optimizer.zero_grad()
            loss = (net(images) - wanted).square().mean()
            loss.backward()
            optimizer.step()
        return loss.item()

    net = nn.Sequential(start)
    plain = min(error_after(copy.deepcopy(net), rate) for rate in (0.003, 0.01, 0.03, 0.06))
    assert error_after(whitened(net, images), 0.5) < 1e-6 < 1e-3 * plain
