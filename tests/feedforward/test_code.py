"""A style's numbers, by hand, and as those of its parts."""

from __future__ import annotations

import torch
from torch.testing import assert_close

from gramarye.feedforward.code import count_statistics, statistics_of
from gramarye.feedforward.settings import CODE_LAYERS
from gramarye.losses.statistics import moments
from gramarye.networks.features import PerceptualNetwork


def test_the_numbers_are_roots_of_means_and_deviations() -> None:
    features = torch.tensor([[0.0, 8.0], [9.0, 9.0]]).view(1, 2, 1, 2)
    found = statistics_of({"a": moments(features)}, ["a"])
    assert_close(found, torch.tensor([[2.0, 3.0, 2.0, 1e-3]]))


def test_a_picture_has_the_numbers_of_its_halves_together() -> None:
    features = torch.rand(1, 3, 4, 6, dtype=torch.float64)
    halves = moments(features[..., :2]) + moments(features[..., 2:])
    assert_close(
        statistics_of({"a": halves}, ["a"]), statistics_of({"a": moments(features)}, ["a"])
    )


def test_the_count_is_two_for_every_channel(tiny_network: PerceptualNetwork) -> None:
    image = torch.rand(1, 3, 64, 64)
    found = {k: moments(f) for k, f in tiny_network(image, CODE_LAYERS).items()}
    statistics = statistics_of(found, CODE_LAYERS)
    assert statistics.shape == (1, count_statistics(tiny_network, CODE_LAYERS)) == (1, 24)
    assert statistics.isfinite().all()
