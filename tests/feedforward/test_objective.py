"""What paintings are measured by: shares of the way, and the gradient of all losses together."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from gramarye.feedforward.objective import (
    LOG_ABOVE,
    PairObjective,
    bounded,
    match_colors,
    mix_with_next,
)
from gramarye.feedforward.pairs import Pairs
from gramarye.feedforward.settings import CODE_LAYERS, FeedForwardConfig
from gramarye.losses.statistics import mix_moments, moments
from gramarye.networks.features import PerceptualNetwork
from gramarye.pictures.color import match_color

CONFIG = FeedForwardConfig(
    style_layers={"relu1_1": 2.0, "relu3_1/2": 1.0},
    content_layers={"relu3_1": 1.0, "relu4_2/2": 2.0},
    floor=0.01,
)


def pairs(batch: int = 2, shares: Tensor | None = None) -> Pairs:
    contents = torch.rand(batch, 3, 128, 128) * torch.linspace(0.3, 1, 128)
    styles = torch.rand(batch, 3, 128, 128).square()
    return Pairs(contents, styles, torch.zeros(batch) if shares is None else shares, own=False)


@pytest.fixture
def objective(tiny_network: PerceptualNetwork) -> PairObjective:
    return PairObjective(tiny_network, CONFIG, bfloat16=False)


def test_the_photograph_itself_has_the_whole_way_to_go(objective: PairObjective) -> None:
    task = objective.task(pairs())
    losses, _ = objective(task.contents, task, keep=False)
    for layer in CONFIG.style_layers:
        distance = objective.distances[layer]
        floor = CONFIG.floor * distance(task.styles[layer].empty(), task.styles[layer])
        above = task.ways[layer] > floor * (1 + 1e-9)
        assert above.any()
        assert_close(losses[f"style/{layer}"][above], torch.ones(int(above.sum())))
    for layer in CONFIG.content_layers:
        assert torch.equal(losses[f"content/{layer}"], torch.zeros(2))


def test_the_style_itself_has_no_way_to_go(objective: PairObjective) -> None:
    given = pairs()
    losses, _ = objective(given.styles, objective.task(given), keep=False)
    for layer in CONFIG.style_layers:
        assert float(losses[f"style/{layer}"].max()) < 1e-6


def test_a_style_painted_as_itself_counts_no_more_than_others(objective: PairObjective) -> None:
    given = pairs()
    task = objective.task(Pairs(given.styles, given.styles, given.shares, own=True))
    for layer, distance in objective.distances.items():
        black = distance(task.styles[layer].empty(), task.styles[layer])
        assert_close(task.ways[layer] / black, torch.tensor([1.0, CONFIG.floor]).double())


def test_the_gradient_is_that_of_all_losses_as_they_are_weighted(
    tiny_network: PerceptualNetwork,
) -> None:
    objective = PairObjective(tiny_network.double(), CONFIG, bfloat16=False)
    given = pairs()
    task = objective.task(
        Pairs(given.contents.double(), given.styles.double(), given.shares, False)
    )
    images = task.contents + 0.05 * torch.randn(task.contents.shape, dtype=torch.float64)
    images[1] = torch.rand(3, 128, 128)  # so far from its style that the logarithm counts
    losses, gradient = objective(images, task)
    assert float(losses["style/relu1_1"][1]) > LOG_ABOVE
    assert gradient is not None
    step = torch.randn_like(images)
    step *= 1e-6 / step.abs().max()

    def total(x: Tensor) -> float:
        """The sum written out, by ordinary autograd's features."""
        seen = tiny_network(x, {*CONFIG.style_layers, *CONFIG.content_layers})
        value = 0.0
        for layer, weight in (("relu1_1", 2 / 3), ("relu3_1/2", 1 / 3)):
            distance = objective.distances[layer](moments(seen[layer]), task.styles[layer])
            value += 12 * weight * float(bounded(distance / task.ways[layer]).mean())
        for layer, weight in (("relu3_1", 1 / 3), ("relu4_2/2", 2 / 3)):
            target = task.features[layer]
            error = (seen[layer] - target).square().sum((1, 2, 3))
            value += weight * float((error / target.square().sum((1, 2, 3))).mean())
        return value

    found = (total(images + step) - total(images - step)) / 2
    assert_close(found, float((gradient * step).sum()), rtol=1e-4, atol=1e-12)


def test_beyond_twice_the_way_a_loss_grows_as_its_logarithm() -> None:
    x = torch.tensor([0.0, 1.0, 2.0, 2.0 * torch.e], dtype=torch.float64, requires_grad=True)
    y = bounded(x)
    assert_close(y, torch.tensor([0.0, 1.0, 2.0, 4.0], dtype=torch.float64))
    (slope,) = torch.autograd.grad(y.sum(), x)
    assert_close(slope, torch.tensor([1, 1, 1, 1 / torch.e], dtype=torch.float64))


def test_contents_have_the_colors_of_their_styles() -> None:
    contents, styles = torch.rand(2, 3, 9, 8) ** 2, 0.3 + 0.3 * torch.rand(2, 3, 7, 6)
    found = match_colors(contents, moments(styles.double()))
    for one, content, style in zip(found, contents, styles, strict=True):
        assert_close(one[None], match_color(content[None], style[None], clamp=True))


def test_a_mixture_is_that_of_the_losses_of_several_styles() -> None:
    features = torch.rand(3, 2, 4, 5, dtype=torch.float64)
    found = mix_with_next(moments(features), torch.tensor([0.25, 0.0, 0.5]))
    for i, share in enumerate((0.25, 0.0, 0.5)):
        own, other = moments(features[i : i + 1]), moments(features[[(i + 1) % 3]])
        wanted = mix_moments([own, other], [1 - share, share])
        assert_close(found.gram()[i : i + 1], wanted.gram())
        assert_close(found.mean()[i : i + 1], wanted.mean())


def test_a_mixed_style_is_described_and_measured_as_mixed(objective: PairObjective) -> None:
    given = pairs(2, torch.tensor([0.5, 0.0]))
    mixed, plain = objective.task(given), objective.task(pairs_without(given))
    assert_close(mixed.statistics[1], plain.statistics[1])
    assert not torch.allclose(mixed.statistics[0], plain.statistics[0])
    styles = objective.moments(given.styles, frozenset(CODE_LAYERS))
    wanted = styles["relu3_1/2"].mean().mean(0)
    assert_close(mixed.styles["relu3_1/2"].mean()[0], wanted)


def pairs_without(given: Pairs) -> Pairs:
    return Pairs(given.contents, given.styles, torch.zeros(2), own=False)
