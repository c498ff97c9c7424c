"""The guard of a run, and the average of its images."""

import math

import pytest
import torch
from torch.testing import assert_close

from gramarye.errors import OptimizationError
from gramarye.optimizers.guard import EXPLODED, RETRIES, Average, Guard

IMAGES = [torch.full((1, 3, 2, 2), value) for value in (0.1, 0.5, 0.2)]


def test_the_average_is_the_weighted_mean_of_all_images() -> None:
    average, weights = Average(0.9), torch.tensor([0.081, 0.09, 0.1])
    for image in IMAGES:
        found = average.update(image)
    expected = float((weights * torch.tensor([0.1, 0.5, 0.2])).sum() / weights.sum())
    assert_close(found, torch.full_like(found, expected))
    assert Average(0.0).update(IMAGES[0]) is IMAGES[0]


def test_the_best_image_is_kept_and_an_explosion_noticed() -> None:
    guard = Guard(rate=1.0)
    assert not guard.diverged({"a": 1.0, "b": 1.0}, IMAGES[0])
    assert not guard.diverged({"a": 0.5, "b": 0.5}, IMAGES[1])
    assert not guard.diverged({"a": 2 * EXPLODED, "b": 0.0}, IMAGES[2])
    assert guard.image is IMAGES[1] and guard.losses == {"a": 0.5, "b": 0.5}
    assert guard.diverged({"a": 2 * EXPLODED, "b": 0.1}, IMAGES[2])
    assert guard.diverged({"a": math.nan, "b": 0.1}, IMAGES[2])
    assert guard.image is IMAGES[1]


def test_each_step_back_halves_the_step_until_it_is_given_up() -> None:
    guard = Guard(rate=1.0)
    guard.diverged({"a": 1.0}, IMAGES[0])
    for retry in range(1, RETRIES + 1):
        assert f"step length now {2.0**-retry:.2g}" in guard.step_back(math.inf)
    with pytest.raises(OptimizationError, match="diverged 6 times"):
        guard.step_back(math.inf)


def test_where_no_step_was_good_the_next_is_as_short_as_a_square_law_says() -> None:
    guard = Guard(rate=1.0)
    guard.diverged({"a": 1e-3}, IMAGES[0])
    guard.step_back(1e3)
    rate = math.sqrt(EXPLODED * 1e-3 / 1e3)
    assert guard.rate == pytest.approx(rate)
    assert not guard.diverged({"a": 0.99 * 1e3 * rate**2}, IMAGES[1])
    guard.diverged({"a": 0.5e-3}, IMAGES[2])  # a step has been good: the next bad one is only that
    guard.step_back(1e3)
    assert guard.rate == pytest.approx(rate / 2)


def test_a_first_image_that_no_step_can_better_is_solved() -> None:
    guard = Guard(rate=1.0)
    guard.diverged({"a": 1e-11, "b": 0.0}, IMAGES[0])
    assert not guard.solved({"a": 1e-11, "b": 0.0})
    assert not guard.solved({"a": 1e-3, "b": 0.0})
    assert not guard.solved({"a": math.inf})
    assert guard.solved({"a": 1.0, "b": 84.0})
    exact = Guard(rate=1.0)
    exact.diverged({"a": 0.0}, IMAGES[0])
    assert not exact.solved({"a": 0.0}) and exact.solved({"a": 1e-6})
