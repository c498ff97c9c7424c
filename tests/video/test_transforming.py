"""A Johnson network on frames: the picture's own at first, then the statistics of the shot."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.testing import assert_close

from gramarye.johnson.network import ConditionalNorm, Johnson, one_of
from gramarye.johnson.painting import transformed
from gramarye.johnson.settings import JohnsonConfig
from gramarye.pictures.finishing import denoised
from gramarye.special_configs import make_instant_config
from gramarye.video.transforming import TransformedFrames


@pytest.fixture
def network() -> Johnson:
    torch.manual_seed(4)
    made = Johnson(JohnsonConfig(channels=(3, 4, 5), blocks=1, border="everywhere"), 1)
    return made.requires_grad_(False).eval()


def frames(network: Johnson, **settings: Any) -> TransformedFrames:
    made = TransformedFrames(network, make_instant_config((24, 16), color="free", **settings))
    made.new_shot()
    return made


def test_the_first_frame_is_what_the_network_paints(network: Johnson) -> None:
    frame, painter = torch.rand(1, 3, 16, 24), frames(network)
    painted = painter.paint(frame)
    assert_close(painted, transformed(network, frame, one_of(1, 0)), atol=1e-5, rtol=0)
    assert_close(painter.finished(painted, frame), painted, atol=1e-5, rtol=0)


def test_a_still_shot_stays_and_another_begins_anew(network: Johnson) -> None:
    frame, other, painter = torch.rand(1, 3, 16, 24), torch.rand(1, 3, 16, 24) / 3, frames(network)
    images = [painter.paint(frame) for _ in range(3)]
    assert_close(images[2], images[0], atol=1e-5, rtol=0)
    within = painter.paint(other)
    painter.new_shot()
    alone = painter.paint(other)
    assert float((within - alone).abs().mean()) > 1e-3
    assert_close(alone, transformed(network, other, one_of(1, 0)), atol=1e-5, rtol=0)


def test_two_frames_count_as_both_together(network: Johnson) -> None:
    painter, norm = frames(network), network.norms[0]
    assert isinstance(norm, ConditionalNorm)
    one, other = torch.rand(1, 3, 16, 24), 2 + torch.rand(1, 3, 16, 24)
    for x in (one, other):
        painter.averages.next_frame()
        mean, variance = painter.over_shot(norm, lambda x=x: norm.statistics(x))  # type: ignore[misc]
    wanted = norm.statistics(torch.cat([one, other], -1))
    assert_close((mean, variance), wanted, atol=1e-5, rtol=1e-5)


def test_what_is_painted_is_without_noise(network: Johnson) -> None:
    frame = torch.rand(1, 3, 16, 24)
    found = frames(network, denoise=1).paint(frame)
    wanted = transformed(network, denoised(frame, 1), one_of(1, 0))
    assert_close(found, wanted, atol=1e-5, rtol=0)
    assert float((found - frames(network).paint(frame)).abs().max()) > 1e-3


def test_half_the_strength_is_half_the_painting(network: Johnson) -> None:
    frame = torch.rand(1, 3, 16, 24)
    whole, half = (frames(network, strength=s).paint(frame) for s in (0.5, 0.25))
    assert_close(half, (frame + whole) / 2, atol=1e-5, rtol=0)
