"""What a teacher says of a painting: its shares of the way, and whose gradient it is."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing import assert_close

from gramarye.feedforward import training
from gramarye.feedforward.objective import LOG_ABOVE
from gramarye.feedforward.pairs import PairSampler
from gramarye.feedforward.settings import FeedForwardConfig
from gramarye.feedforward.teaching import LAYERS, Teaching
from gramarye.feedforward.training import Training
from gramarye.networks.features import PerceptualNetwork

from .conftest import SMALL

CONFIG = SMALL.model_copy(update={"taught": 3.0, "floor": 0.0})


@pytest.fixture
def teaching(tiny_network: PerceptualNetwork) -> Teaching:
    return Teaching(tiny_network, CONFIG)


@pytest.fixture
def contents() -> Tensor:
    return torch.rand(2, 3, 64, 64)


@pytest.fixture
def styles() -> Tensor:
    """Smooth ones, far from noise."""
    return F.interpolate(torch.rand(2, 3, 8, 8), size=64, mode="bilinear").square()


def test_a_photograph_has_all_of_the_way_to_go_and_a_style_none(
    teaching: Teaching, contents: Tensor, styles: Tensor
) -> None:
    whole, _ = teaching(contents, contents, styles, 0)
    none, slope = teaching(styles, contents, styles, 0)
    for layer in LAYERS:
        assert_close(whole[f"taught/{layer}"], torch.ones(1))
        assert float(none[f"taught/{layer}"]) < 1e-9
    assert float(slope.abs().max()) < 1e-6


def test_it_speaks_of_one_painting_at_a_time_and_of_all_by_turns(
    teaching: Teaching, contents: Tensor, styles: Tensor
) -> None:
    images = contents.flip(-1) * 0.7
    for step in (4, 5):
        found, slope = teaching(images, contents, styles, step)
        told, silent = step % 2, 1 - step % 2
        assert float(slope[silent].abs().max()) == 0 < float(slope[told].abs().max())
        alone, _ = teaching(
            images[told : told + 1], contents[told : told + 1], styles[told : told + 1], 0
        )
        assert_close(found, alone)


def test_the_gradient_is_that_of_the_weighted_mean_over_layers(
    tiny_network: PerceptualNetwork, contents: Tensor, styles: Tensor
) -> None:
    """By the definition, in float64: squares of differences of means and of covariances."""
    network = tiny_network.double()
    contents, styles = contents.double(), styles.double()
    image = contents[:1].lerp(styles[:1], 0.1).requires_grad_()  # near enough for no logarithm

    def look(x: Tensor, layer: str) -> tuple[Tensor, Tensor]:
        rows = network(x, [layer])[layer][0].flatten(1)
        return rows.mean(1), torch.cov(rows, correction=0)

    def distance(x: Tensor, y: Tensor, layer: str) -> Tensor:
        (mean, spread), (goal, other) = look(x, layer), look(y, layer)
        return (mean - goal).square().mean() + (spread - other).square().mean()

    shares = {
        layer: distance(image, styles[:1], layer) / distance(contents[:1], styles[:1], layer)
        for layer in LAYERS
    }
    assert max(shares.values()) < LOG_ABOVE
    total = 3.0 * sum(LAYERS[k] * v for k, v in shares.items()) / sum(LAYERS.values())
    (expected,) = torch.autograd.grad(total, image)
    losses, found = Teaching(network, CONFIG)(image, contents[:1], styles[:1], 0)
    assert_close(found, expected, rtol=1e-6, atol=1e-12)
    for layer, share in shares.items():
        assert_close(losses[f"taught/{layer}"], share.detach()[None].float())


def test_a_training_hears_its_teacher_at_the_last_step(
    tiny_network: PerceptualNetwork, sampler: PairSampler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "LARGEST_GRADIENT", 1e9)  # nothing is clipped
    taught = Training(CONFIG, tiny_network, sampler, tiny_network)
    alone = Training(CONFIG, tiny_network, sampler)
    losses, plain = taught.learn(), alone.learn()
    assert {k for k in losses if k not in plain} == {f"3/taught/{layer}" for layer in LAYERS}

    def same(one: nn.Module, other: nn.Module) -> bool:
        pairs = zip(one.parameters(), other.parameters(), strict=True)
        return all(a.grad is not None and torch.equal(a.grad, b.grad) for a, b in pairs)

    assert same(taught.painter.coarse, alone.painter.coarse)
    assert not same(taught.painter.fine, alone.painter.fine)


def test_deeper_layers_join_the_style_loss_of_coarse_steps(
    tiny_network: PerceptualNetwork, sampler: PairSampler
) -> None:
    config = SMALL.model_copy(update={"deeper": ("relu4_2",)})
    losses = Training(config, tiny_network, sampler).learn()
    assert {k for k in losses if "relu4_2" in k} == {f"{n}/style/relu4_2" for n in range(3)}


def test_emphasis_is_a_layers_weight_in_the_style_loss(
    tiny_network: PerceptualNetwork, sampler: PairSampler
) -> None:
    """All weights alike are none; a layer of weight 0 is as if it was not there."""
    layers = ("relu4_1", "relu3_1", "relu2_1", "relu1_1")

    def slopes(emphasis: dict[str, float]) -> list[Tensor]:
        config = SMALL.model_copy(update={"emphasis": emphasis})
        one = Training(config, tiny_network, sampler)
        one.learn()
        return [p.grad for p in one.painter.parameters() if p.grad is not None]

    plain = slopes({})
    assert all(map(torch.equal, plain, slopes(dict.fromkeys(layers, 1.0))))
    for found, expected in zip(slopes(dict.fromkeys(layers, 3.0)), plain, strict=True):
        assert_close(found, expected)
    assert not all(map(torch.allclose, plain, slopes({"relu3_1": 5.0})))


def test_settings_refuse_negative_weights() -> None:
    with pytest.raises(ValueError, match="emphasis"):
        FeedForwardConfig(emphasis={"relu3_1": -1.0})
