"""Training: that it learns, that it goes on to the bit, and what it refuses."""

from __future__ import annotations

import copy

import pytest
import torch

from gramarye.errors import OptimizationError
from gramarye.feedforward.objective import bounded
from gramarye.feedforward.painting import paint_task
from gramarye.feedforward.pairs import Pairs, PairSampler
from gramarye.feedforward.settings import FeedForwardConfig
from gramarye.feedforward.training import Training
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.registry import load_network
from tests.feedforward.conftest import SMALL


def steps(training: Training, count: int) -> None:
    for _ in range(count):
        next(training.run())


def weights(training: Training) -> list[torch.Tensor]:
    return [*training.painter.state_dict().values(), *training.average.state_dict().values()]


def equal(one: Training, other: Training) -> bool:
    pairs = zip(weights(one), weights(other), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_paintings_come_nearer_to_their_styles(sampler: PairSampler) -> None:
    """Through the packaged network: features of two channels can hardly be carried over."""
    config = SMALL.model_copy(update={"learning_rate": 2e-3})
    training = Training(config, load_network("vgg19-lite"), sampler)
    training.standardize(batches=2)
    ramp = torch.linspace(0, 1, 128).expand(2, 3, 128, 128)
    stripes = (torch.arange(128) // 3 % 2).float().expand(128, 128)
    styles = torch.stack([stripes, stripes.mT])[:, None].expand(2, 3, 128, 128)
    given = Pairs(ramp.contiguous(), styles.contiguous(), torch.zeros(2), own=False)
    weights = training.objective.style_layers

    def left() -> float:
        """How much of the way to the stripes, as it is trained, is left."""
        task = training.objective.task(given)
        with torch.no_grad():
            painted = paint_task(training.painter, task, [0, 1])
        losses, _ = training.objective(painted, task, keep=False)
        return sum(w * float(bounded(losses[f"style/{k}"]).mean()) for k, w in weights.items())

    training.pairs = lambda _: given
    before = left()
    steps(training, 16)
    assert left() < 0.9 * before


def test_a_training_goes_on_to_the_same_bits(
    training: Training, tiny_network: PerceptualNetwork
) -> None:
    steps(training, 2)
    state = copy.deepcopy(training.state_dict())
    steps(training, 2)
    other = Training(training.config, tiny_network, training.pairs)
    assert not equal(training, other)
    other.load_state_dict(state)
    steps(other, 2)
    assert other.step == 4
    assert other.means == training.means
    assert equal(training, other)


def test_styles_are_standardized_by_what_they_are_on_average(training: Training) -> None:
    rows = [training.objective.task(training.pairs(-1 - i)).statistics for i in range(2)]
    standard = (torch.cat(rows) - training.painter.center) / training.painter.spread
    assert standard.abs().median() < 1.5
    assert torch.equal(training.painter.center, training.average.center)


def test_weights_that_are_no_numbers_end_a_training(training: Training) -> None:
    with torch.no_grad():
        training.painter.finish.weight[0] = torch.nan
    with pytest.raises(OptimizationError, match="diverged at step 1: lower the learning rate"):
        steps(training, 1)


def test_an_altered_state_is_refused(training: Training) -> None:
    steps(training, 1)
    state = copy.deepcopy(training.state_dict())
    state["average"]["finish.weight"][0] = torch.inf
    with pytest.raises(ValueError, match="not finite"):
        training.load_state_dict(state)


def test_the_rate_needs_no_last_step() -> None:
    config = FeedForwardConfig(learning_rate=1.0, warmup=10, plateau=100)
    rates = [config.rate(step) for step in (0, 4, 9, 100, 400, 10_000)]
    assert rates == pytest.approx([0.1, 0.5, 1, 1, 0.5, 0.1])


def test_the_seed_decides_the_first_weights(
    tiny_network: PerceptualNetwork, sampler: PairSampler, training: Training
) -> None:
    same = Training(training.config, tiny_network, sampler)
    assert torch.equal(same.painter.finish.weight, training.painter.finish.weight)
    other = training.config.model_copy(update={"seed": 1})
    different = Training(other, tiny_network, sampler)
    assert not torch.equal(different.painter.finish.weight, training.painter.finish.weight)
