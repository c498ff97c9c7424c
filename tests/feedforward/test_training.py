"""Training: that it learns, that it goes on to the bit, and what it refuses."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from gramarye.errors import OptimizationError
from gramarye.feedforward.cascade import Aim
from gramarye.feedforward.pairs import Pairs, PairSampler
from gramarye.feedforward.settings import FeedForwardConfig
from gramarye.feedforward.training import Training, crop
from gramarye.losses.statistics import Moments
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
    contents, styles = (
        F.interpolate(torch.rand(2, 3, side, side), size=128, mode="bicubic").clamp(0, 1)
        for side in (8, 32)
    )
    given = Pairs(contents, styles)
    training.pairs = lambda _: given  # type: ignore[assignment,misc]

    def left() -> dict[str, float]:
        """How much is left of the way to the styles, and to the wanted features, by part."""
        losses = training.learn()
        kinds = {k: f"{k[0]}/{k.split('/')[1]}" for k in losses if "match" in k or "style" in k}
        return {
            kind: sum(losses[k] for k, of in kinds.items() if of == kind)
            for kind in set(kinds.values())
        }

    before = left()
    steps(training, 24)
    after = left()
    assert len(before) == 8
    for kind, loss in after.items():
        assert loss < (0.7 if kind.endswith("style") else 0.97) * before[kind]


def test_a_step_begins_at_what_the_last_one_painted(training: Training) -> None:
    """With a coarse step that paints all gray, the next part begins with gray and some detail."""
    with torch.no_grad():
        training.painter.coarse.finish.weight.zero_()
        training.painter.coarse.finish.bias.fill_(9.0)
    entered = []
    enter = training.cascade.enter

    def watched(before: Tensor | None, contents: Tensor, part: int, seeds: Sequence[int]) -> Tensor:
        entered.append((part, before))
        return enter(before, contents, part, seeds)

    training.cascade.enter = watched  # type: ignore[method-assign]
    training.learn()
    parts, images = zip(*entered, strict=True)
    assert parts == (4, 2, 2, 1) and images[0] is None
    assert [tuple(image.shape) for image in images[1:]] == [
        (2, 3, 32, 32), (2, 3, 64, 64), (2, 3, 64, 64)
    ]  # fmt: skip
    assert all((image == 1).all() for image in images[1:])  # clamped


def test_fine_steps_learn_from_a_part_of_the_crops(training: Training) -> None:
    images = torch.rand(2, 3, 96, 128)
    places = set()
    for step in range(40):
        found = crop(images, 64, step)
        assert found.shape == (2, 3, 64, 64)
        rows = F.unfold(images[:1, :1], (64, 64), stride=8)[0].T
        places |= {n for n, row in enumerate(rows) if torch.equal(row, found[0, 0].flatten())}
        assert torch.equal(found, crop(images, 64, step))
    assert len(places) > 20  # of 45
    assert torch.equal(crop(images, 200, 1), images)
    training.config = training.config.model_copy(update={"fine_side": 64})
    seen = []
    aim = training.cascade.aim

    def watched(image: Tensor, style: Mapping[str, Moments], strength: float = 1.0) -> Aim:
        seen.append(tuple(image.shape[-2:]))
        return aim(image, style, strength)

    training.cascade.aim = watched  # type: ignore[method-assign]
    training.learn()
    assert seen == [(32, 32), (64, 64), (64, 64), (64, 64)]


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


def test_weights_that_are_no_numbers_end_a_training(training: Training) -> None:
    with torch.no_grad():
        training.painter.fine.finish.weight[0] = torch.nan
    with pytest.raises(OptimizationError, match="diverged at step 1: lower the learning rate"):
        steps(training, 1)


def test_an_altered_state_is_refused(training: Training) -> None:
    steps(training, 1)
    state = copy.deepcopy(training.state_dict())
    state["average"]["fine.finish.weight"][0] = torch.inf
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
    assert torch.equal(same.painter.fine.finish.weight, training.painter.fine.finish.weight)
    other = training.config.model_copy(update={"seed": 1})
    different = Training(other, tiny_network, sampler)
    assert not torch.equal(
        different.painter.fine.finish.weight, training.painter.fine.finish.weight
    )
