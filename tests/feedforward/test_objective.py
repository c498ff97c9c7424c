"""What steps are measured by: the features wanted, shares of the way, and their gradient."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from gramarye.feedforward.cascade import Aim, Cascade
from gramarye.feedforward.objective import LOG_ABOVE, StepObjective, bounded, spread
from gramarye.feedforward.settings import CONTENT_LAYERS, STYLE_LAYERS
from gramarye.losses.statistics import Moments, moments
from gramarye.networks.features import PerceptualNetwork
from tests.feedforward.conftest import SHAPE, SMALL

CONFIG = SMALL.model_copy(update={"floor": 0.01, "match": 0.7, "style": 1.9})
LAYERS = SHAPE.fine.layers

Task = tuple[dict[str, Moments], dict[str, Tensor]]


def make_objective(network: PerceptualNetwork, cascade: Cascade) -> StepObjective:
    return StepObjective(network, cascade.passes, CONFIG)


@pytest.fixture
def objective(tiny_network: PerceptualNetwork, cascade: Cascade) -> StepObjective:
    return make_objective(tiny_network, cascade)


@pytest.fixture
def contents() -> Tensor:
    return torch.rand(2, 3, 128, 128) * torch.linspace(0.3, 1, 128)


@pytest.fixture
def styles() -> Tensor:
    return torch.rand(2, 3, 128, 128).square()


def task(objective: StepObjective, cascade: Cascade, contents: Tensor, styles: Tensor) -> Task:
    """The styles at the whole size, and the ways there."""
    style, own = cascade.look(styles)[1], cascade.look(contents)[1]
    return style, {k: objective.way(k, own[k], goal) for k, goal in style.items()}


def test_the_photograph_itself_has_the_whole_way_to_go(
    objective: StepObjective, cascade: Cascade, contents: Tensor, styles: Tensor
) -> None:
    style, ways = task(objective, cascade, contents, styles)
    losses, _ = objective(contents, cascade.aim(contents, style), style, ways)
    for layer in LAYERS:
        floor = CONFIG.floor * objective.distance(layer, style[layer].empty(), style[layer])
        above = ways[layer] > floor * (1 + 1e-9)
        assert above.any()
        share = losses[f"style/{layer}"]
        assert_close(share[above], torch.ones(int(above.sum())), atol=1e-4, rtol=0)
        assert (share[~above] < 1).all()


def test_the_style_itself_has_no_way_to_go(
    objective: StepObjective, cascade: Cascade, contents: Tensor, styles: Tensor
) -> None:
    style, ways = task(objective, cascade, contents, styles)
    losses, _ = objective(styles, cascade.aim(styles, style), style, ways)
    assert all(float(losses[f"style/{layer}"].max()) < 1e-6 for layer in LAYERS)


def test_the_way_to_ones_own_style_is_the_floor(
    objective: StepObjective, cascade: Cascade, styles: Tensor
) -> None:
    style, ways = task(objective, cascade, styles, styles)
    for layer in LAYERS:
        black = objective.distance(layer, style[layer].empty(), style[layer])
        assert_close(ways[layer] / black, torch.full((2,), CONFIG.floor).double())


def test_an_image_with_the_features_that_are_wanted_matches(
    objective: StepObjective, cascade: Cascade, contents: Tensor, styles: Tensor
) -> None:
    style, ways = task(objective, cascade, contents, styles)
    at_goal, _ = objective(contents, cascade.aim(contents, style, 0.0), style, ways)
    on_its_way, _ = objective(contents, cascade.aim(contents, style, 0.5), style, ways)
    far, _ = objective(contents, cascade.aim(contents, style, 1.0), style, ways)
    for layer in LAYERS:
        assert float(at_goal[f"match/{layer}"].max()) < 1e-10
        # Half as far in features is a quarter in squares.
        quarter = far[f"match/{layer}"] / 4
        assert_close(on_its_way[f"match/{layer}"], quarter, rtol=1e-3, atol=1e-9)


def test_features_all_at_the_styles_mean_miss_its_variance(
    objective: StepObjective, cascade: Cascade, contents: Tensor, styles: Tensor
) -> None:
    """The unit of a match: what is wanted is the style, and what is there its mean, all over."""
    style, ways = task(objective, cascade, contents, styles)
    aim = cascade.aim(styles, style, 0.0)
    means = {k: v.mean((2, 3), keepdim=True).expand_as(v) for k, v in aim.felt.items()}
    losses, _ = objective(styles, Aim(aim.felt, means, aim.units), style, ways)
    for layer in LAYERS:
        assert_close(losses[f"match/{layer}"], torch.ones(2), rtol=1e-3, atol=1e-3)


def test_the_gradient_is_that_of_all_losses_as_they_are_weighted(
    tiny_network: PerceptualNetwork, objective: StepObjective, cascade: Cascade,
    contents: Tensor, styles: Tensor,
) -> None:  # fmt: skip
    style, ways = task(objective, cascade, contents, styles)
    images = contents + 0.05 * torch.randn_like(contents)
    aim = cascade.aim(images, style)
    images = images + 0.02 * torch.randn_like(images)
    images[1] = torch.rand(3, 128, 128)  # so far from its style that the logarithm counts
    ways = {k: way * torch.tensor([1.0, 0.3]) for k, way in ways.items()}
    losses, gradient = objective(images, aim, style, ways)
    assert float(losses["style/relu1_1"].max()) > LOG_ABOVE
    assert float(losses["style/relu1_1"].min()) < LOG_ABOVE
    exact = copy.deepcopy(tiny_network).double()

    def total(x: Tensor) -> Tensor:
        """The sum written out, by ordinary autograd's features in float64."""
        value, seen = torch.zeros((), dtype=torch.float64), exact(x, LAYERS)
        for layer in LAYERS:
            unit = aim.units[layer].double()[:, None, None, None]
            error = (seen[layer] * unit - aim.wanted[layer]).square().mean((1, 2, 3))
            match = error / (spread(style[layer]) * aim.units[layer] ** 2)
            share = objective.distance(layer, moments(seen[layer]), style[layer]) / ways[layer]
            value = value + (0.7 * match.mean() + 1.9 * bounded(share).mean()) / len(LAYERS)
        return value

    x = images.double()
    assert_close(float(total(x)), weighted(losses), rtol=1e-4, atol=0)
    step = torch.randn_like(x)
    step *= 1e-6 / step.abs().max()
    with torch.no_grad():
        found = float(total(x + step) - total(x - step)) / 2
    assert_close(float((gradient * step).sum()), found, rtol=1e-3, atol=0)
    (wanted,) = torch.autograd.grad(total(x.requires_grad_()), x)
    assert_close(gradient.double(), wanted, rtol=1e-3, atol=1e-4 * float(wanted.abs().max()))


def weighted(losses: Mapping[str, Tensor]) -> float:
    weights = {"match": 0.7, "style": 1.9}
    parts = [
        weights[k.partition("/")[0]] * float(bounded(v).mean() if k[0] == "s" else v.mean())
        for k, v in losses.items()
    ]
    return sum(parts) / len(LAYERS)


def test_beyond_twice_the_way_a_loss_grows_as_its_logarithm() -> None:
    x = torch.tensor([0.0, 1.0, 2.0, 2.0 * torch.e], dtype=torch.float64, requires_grad=True)
    y = bounded(x)
    assert_close(y, torch.tensor([0.0, 1.0, 2.0, 4.0], dtype=torch.float64))
    (slope,) = torch.autograd.grad(y.sum(), x)
    assert_close(slope, torch.tensor([1, 1, 1, 1 / torch.e], dtype=torch.float64))


def test_paintings_are_measured_by_the_layers_of_the_default(
    objective: StepObjective, contents: Tensor, styles: Tensor
) -> None:
    still = objective.measure(contents, contents, styles)
    gone = objective.measure(styles, contents, styles)
    assert set(still) == {
        *(f"style/{layer}" for layer in STYLE_LAYERS),
        *(f"content/{layer}" for layer in CONTENT_LAYERS),
    }
    assert all(
        still[f"content/{layer}"] == 0 < gone[f"content/{layer}"] for layer in CONTENT_LAYERS
    )
    assert all(gone[f"style/{layer}"] < 1e-6 for layer in STYLE_LAYERS)
    assert max(still[f"style/{layer}"] for layer in STYLE_LAYERS) == pytest.approx(1, abs=1e-4)
