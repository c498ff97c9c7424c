"""Steadiness by hand: what moves where, what counts, what a steady painter is charged."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from gramarye.johnson.stability import BEND, SHIFT, Warp, as_filmed, unsteadiness


def shifted(height: int, width: int, right: float, down: float) -> Warp:
    """A motion by which every pixel comes from so many pixels further right and down."""
    still = F.affine_grid(torch.eye(2, 3)[None], [1, 3, height, width], False)
    return Warp(still + 2 * torch.tensor([right / width, down / height]))


def test_pixels_come_from_where_the_motion_says() -> None:
    picture, motion = torch.rand(1, 3, 6, 8), shifted(6, 8, 2, 1)
    moved = motion(picture)
    assert_close(moved[..., :5, :6], picture[..., 1:, 2:])
    assert_close(moved[..., 6:], picture[..., [1, 2, 3, 4, 5, 5], 7:].expand(-1, -1, -1, 2))
    inside = torch.zeros(1, 1, 6, 8, dtype=torch.bool)
    inside[..., :5, :6] = True
    assert bool((motion.inside == inside).all())


def test_motions_are_drawn_apart_and_bounded() -> None:
    like = torch.zeros(2, 3, 128, 96)
    motion = Warp.drawn(like, torch.Generator().manual_seed(3))
    again = Warp.drawn(like, torch.Generator().manual_seed(3))
    assert_close(motion.places, again.places, rtol=0, atol=0)
    still = F.affine_grid(torch.eye(2, 3).expand(2, 2, 3), [2, 3, 128, 96], False)
    pixels = (motion.places - still) * torch.tensor([96, 128]) / 2
    assert float((pixels[0] - pixels[1]).abs().max()) > 1
    assert float(pixels.abs().max()) < SHIFT + 6 * BEND
    assert float(pixels.diff(dim=1).abs().max()) < 0.5  # smooth: hardly another from row to row
    deviations = pixels.std((1, 2))
    assert float(deviations.min()) > 0.1  # and no mere shift


def test_motions_are_as_large_as_their_sizes_say() -> None:
    """A shift is uniform, of the deviation SHIFT / sqrt(3); bends, at their places, are normal."""
    like = torch.zeros(400, 3, 65, 65)  # two by two places, at the corners
    warp = Warp.drawn(like, torch.Generator().manual_seed(5))
    still = F.affine_grid(torch.eye(2, 3).expand(400, 2, 3), [400, 3, 65, 65], False)
    pixels = (warp.places - still) * 65 / 2
    bends = pixels[:, 0, 0] - pixels[:, -1, -1]  # without the shift: a difference of two bends
    assert abs(float(bends.std()) - BEND * 2**0.5) < 0.3
    shifts = (pixels[:, 0, 0] ** 2).mean() - BEND**2  # x and y
    assert abs(float(shifts) - SHIFT**2 / 3) < 4


def test_a_painter_of_every_pixel_by_itself_is_steady() -> None:
    pictures, motion = torch.rand(2, 3, 40, 48), shifted(40, 48, 3, -2)
    motion = Warp(motion.places.expand(2, -1, -1, -1))

    def darker(x: Tensor) -> Tensor:
        return 0.5 * x

    found = unsteadiness(darker(pictures), darker(motion(pictures)), motion)
    assert_close(found, torch.zeros(2), rtol=0, atol=1e-12)


def test_a_difference_counts_where_something_was_before() -> None:
    painted, motion = torch.rand(1, 3, 6, 8), shifted(6, 8, 2, 1)
    painted_next = motion(painted)
    painted_next[..., 5, :] += 7  # not seen before
    assert_close(unsteadiness(painted, painted_next, motion), torch.zeros(1), atol=1e-10, rtol=0)
    painted_next[:, 0, 0, 0] += 0.3  # one value of 5 x 6 x 3
    assert_close(unsteadiness(painted, painted_next, motion), torch.tensor([0.09 / 90]))


def test_the_next_frame_has_another_noise() -> None:
    pictures, motion = torch.full((1, 3, 64, 64), 0.5), shifted(64, 64, 0, 0)
    found = as_filmed(pictures, motion, torch.Generator().manual_seed(1)) - pictures
    assert abs(float(found.std()) - 0.01) < 1e-3 and abs(float(found.mean())) < 1e-3
