"""Cuts, and what is none: a pan, a fade, a fast motion, more light."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gramarye.video.frames import Pixels
from gramarye.video.shots import Cuts, histogram, other_colors

Scene = Callable[..., list[Pixels]]


def cuts(frames: list[Pixels]) -> list[int]:
    find = Cuts()
    return [number for number, frame in enumerate(frames) if find(frame)]


def test_a_cut_is_found_where_it_is(scene: Scene) -> None:
    assert cuts([*scene(4, seed=1), *scene(3, moved=1, seed=5), *scene(2, seed=9)]) == [0, 4, 7]


def test_a_pan_is_no_cut(scene: Scene) -> None:
    assert cuts(scene(8, moved=4)) == [0]


def test_a_fade_is_no_cut(scene: Scene) -> None:
    frame = scene(1)[0]
    faded = [(frame * share).astype(np.uint8) for share in np.linspace(1, 0, 13)]
    assert cuts(faded) == [0]


def test_a_fast_motion_is_no_cut(scene: Scene) -> None:
    rng = np.random.default_rng(0)
    texture = rng.integers(0, 256, (8, 12, 3), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
    turned = [np.roll(texture, 9 * i, axis=1) for i in range(6)]
    assert cuts(turned) == [0]


def test_a_still_picture_with_noise_is_no_cut(scene: Scene) -> None:
    rng = np.random.default_rng(0)
    frame = scene(1)[0].astype(int)
    noisy = [(frame + rng.integers(-8, 9, frame.shape)).clip(0, 255) for _ in range(6)]
    assert cuts([x.astype(np.uint8) for x in noisy]) == [0]


def test_from_black_to_white_is_a_cut() -> None:
    black, white = (np.full((32, 48, 3), level, np.uint8) for level in (0, 255))
    assert cuts([black, black, white, white]) == [0, 2]


def test_histograms_are_shares_and_apart_by_one_at_most() -> None:
    red, blue = np.zeros((3, 4, 4), np.float32), np.zeros((3, 4, 4), np.float32)
    red[0] = blue[2] = 1
    assert histogram(red).sum() == 1
    assert other_colors(red, red) == 0 and other_colors(red, blue) == 1
