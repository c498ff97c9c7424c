"""Running means of moments."""

from __future__ import annotations

import torch
from torch.testing import assert_close

from gramarye.losses.statistics import Moments, moments
from gramarye.video.shot_averages import FRAMES, ShotAverages


def constant(value: float) -> Moments:
    return moments(torch.full((1, 1, 2, 2), value, dtype=torch.float64))


def test_a_shots_first_frames_count_alike() -> None:
    averages = ShotAverages()
    for value in (1.0, 2.0, 6.0):
        averages.next_frame()
        found = averages.averaged("a", constant(value))
    assert_close(found.mean()[0, 0].item(), 3.0)
    # As if all three frames were one picture: the variance between them is there.
    assert_close(found.covariance()[0, 0, 0].item(), 14 / 3)


def test_later_frames_count_by_the_length_of_the_mean() -> None:
    averages = ShotAverages()
    for _ in range(FRAMES):
        averages.next_frame()
        averages.averaged("a", constant(0.0))
    averages.next_frame()
    assert_close(averages.averaged("a", constant(1.0)).mean()[0, 0].item(), 1 / FRAMES)


def test_a_new_shot_knows_nothing_of_the_last() -> None:
    averages = ShotAverages()
    averages.next_frame()
    averages.averaged("a", constant(9.0))
    averages.forget()
    averages.next_frame()
    assert_close(averages.averaged("a", constant(1.0)).mean()[0, 0].item(), 1.0)


def test_what_is_kept_goes_on_as_it_was() -> None:
    averages, other = ShotAverages(), ShotAverages()
    for value in (1.0, 5.0):
        averages.next_frame()
        averages.of_step(3, [{"relu1_1": constant(value)}])
    other.restore(averages.state())
    for each in (averages, other):
        each.next_frame()
    ours, theirs = (
        each.of_step(3, [{"relu1_1": constant(2.0)}])[0]["relu1_1"] for each in (averages, other)
    )
    assert torch.equal(ours.second, theirs.second) and torch.equal(ours.first, theirs.first)
