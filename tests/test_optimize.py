"""One scale: every optimizer lowers the loss, and a run that leaves the rails is brought back."""

import math
from typing import Any, cast

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from gramarye.errors import OptimizationError
from gramarye.objective import Evaluation, Objective
from gramarye.optimize import AdamState, OptimizeConfig, OptimizerName, optimize


class Bowl:
    """1/2 k |x - 0.7|^2 with a stiffness of its own for every pixel; some calls may answer NaN."""

    def __init__(self, stiffness: Tensor, bad_calls: tuple[int, ...] = ()) -> None:
        self.stiffness, self.bad_calls, self.calls = stiffness, bad_calls, 0

    def evaluate(self, image: Tensor) -> Evaluation:
        self.calls += 1
        gradient = self.stiffness * (image - 0.7)
        total = 0.5 * (gradient * (image - 0.7)).sum()
        if self.calls in self.bad_calls:
            total, gradient = total * math.nan, gradient * math.nan
        return Evaluation({"bowl": total}, total, gradient)


START = torch.full((1, 3, 4, 4), 0.2)
STIFFNESS = torch.linspace(0.5, 2.0, 48).view(1, 3, 4, 4)


def run(objective: Any, **settings: Any) -> list[Any]:
    return list(optimize(START, cast(Objective, objective), OptimizeConfig(**settings)))


@pytest.mark.parametrize(
    ("optimizer", "rate"), [("lbfgs", 1.0), ("adam", 0.05), ("gradient-descent", 0.5)]
)
def test_every_optimizer_finds_the_bottom_of_a_bowl(optimizer: OptimizerName, rate: float) -> None:
    iterates = run(Bowl(STIFFNESS), optimizer=optimizer, learning_rate=rate, steps=60)
    assert [iterate.step for iterate in iterates] == list(range(1, 61))
    assert_close(iterates[-1].image, torch.full_like(START, 0.7), atol=0.02, rtol=0)


def test_strong_wolfe_finds_the_bottom_too() -> None:
    iterates = run(Bowl(STIFFNESS), line_search="strong-wolfe", steps=10)
    assert_close(iterates[-1].image, torch.full_like(START, 0.7), atol=1e-3, rtol=0)


def test_losses_are_those_of_the_image_they_come_with() -> None:
    for iterate in run(Bowl(STIFFNESS), steps=5):
        expected = Bowl(STIFFNESS).evaluate(iterate.image).total.item()
        assert_close(iterate.losses["bowl"], expected)


def test_gradient_descent_takes_the_step_written_down() -> None:
    first = run(Bowl(STIFFNESS), optimizer="gradient-descent", learning_rate=0.5, steps=1)[0]
    assert_close(first.image, START - 0.5 * STIFFNESS * (START - 0.7))


def test_the_given_image_is_left_alone() -> None:
    before = START.clone()
    run(Bowl(STIFFNESS), steps=3)
    assert_close(START, before)


def test_a_loss_that_is_not_a_number_is_stepped_back_from() -> None:
    iterates = run(Bowl(STIFFNESS, bad_calls=(5,)), steps=40)
    told = [note for iterate in iterates for note in iterate.notes]
    assert len(told) == 1 and "back to the best image" in told[0]
    assert all(torch.isfinite(iterate.image).all() for iterate in iterates)
    assert_close(iterates[-1].image, torch.full_like(START, 0.7), atol=0.02, rtol=0)


def test_an_exploding_run_is_brought_back_with_shorter_steps() -> None:
    # Gradient descent diverges where rate * stiffness > 2.
    iterates = run(Bowl(STIFFNESS), optimizer="gradient-descent", learning_rate=3.0, steps=60)
    assert any(iterate.notes for iterate in iterates)
    assert iterates[-1].losses["bowl"] < 0.01


def test_a_run_that_cannot_be_saved_says_what_to_do() -> None:
    with pytest.raises(OptimizationError, match="lower --learning-rate or --strength"):
        run(Bowl(STIFFNESS, bad_calls=tuple(range(3, 100))), steps=40)


def test_a_first_image_with_nan_is_refused() -> None:
    with pytest.raises(OptimizationError, match="first image"):
        run(Bowl(STIFFNESS, bad_calls=(1,)), steps=3)


def test_the_last_iterate_is_the_best() -> None:
    iterates = run(Bowl(STIFFNESS), steps=30)
    assert iterates[-1].losses["bowl"] == min(iterate.losses["bowl"] for iterate in iterates)


def test_averaging_is_the_bias_corrected_mean() -> None:
    plain = run(Bowl(STIFFNESS), optimizer="adam", learning_rate=0.05, steps=3)
    averaged = run(Bowl(STIFFNESS), optimizer="adam", learning_rate=0.05, steps=3, average=0.9)
    weights = [0.1 * 0.9**2, 0.1 * 0.9, 0.1]
    images = [iterate.image for iterate in plain]
    expected = sum(w * x for w, x in zip(weights, images, strict=True)) / sum(weights)
    assert_close(averaged[-1].image, expected)


def test_adam_stays_within_the_colors_there_are() -> None:
    iterates = run(Bowl(10 * STIFFNESS), optimizer="adam", learning_rate=0.5, steps=5)
    assert all(i.image.min() >= 0 and i.image.max() <= 1 for i in iterates)


def test_adam_carries_its_state_to_the_next_run() -> None:
    settings = OptimizeConfig(optimizer="adam", learning_rate=0.02, steps=4)
    whole = list(
        optimize(
            START,
            cast(Objective, Bowl(STIFFNESS)),
            OptimizeConfig(optimizer="adam", learning_rate=0.02, steps=8),
        )
    )
    state = AdamState()
    first = list(optimize(START, cast(Objective, Bowl(STIFFNESS)), settings, state))
    second = list(optimize(first[-1].image, cast(Objective, Bowl(STIFFNESS)), settings, state))
    assert_close(second[-1].image, whole[-1].image)


def test_carried_moments_are_resized_with_the_image() -> None:
    state = AdamState(torch.ones(1, 3, 4, 4), torch.rand(1, 3, 4, 4), 7.0).resized(8, 6)
    assert state.first is not None and state.second is not None
    assert state.first.shape == (1, 3, 8, 6)
    assert state.second.min() >= 0
    assert state.step == 7.0
