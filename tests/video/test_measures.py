"""Warping error and drift against answers worked out by hand."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from gramarye.errors import InputError
from gramarye.video.frames import Pixels
from gramarye.video.measures import drift, steadiness, warping_error

pytest.importorskip("cv2", reason="OpenCV is not installed (the extra 'video')")

Scene = Callable[..., list[Pixels]]


def plain(x: float, y: float = 0) -> np.ndarray:
    return np.broadcast_to(np.array([x, y], np.float32), (32, 48, 2)).copy()


def test_a_shifted_picture_has_no_error_with_its_own_flow(scene: Scene) -> None:
    before, after = scene(2, moved=3)
    mask = np.zeros((32, 48), bool)
    mask[:, :45] = True  # the rest came in
    assert warping_error(after, before, plain(3), mask) == 0
    assert warping_error(after, before, plain(0), mask) > 1e-4


def test_a_lighter_picture_has_the_square_of_the_difference() -> None:
    dark, light = (np.full((32, 48, 3), level, np.uint8) for level in (51, 102))
    assert warping_error(light, dark, plain(0)) == pytest.approx(0.04)


def test_what_the_flow_does_not_know_is_left_out() -> None:
    before = np.zeros((32, 48, 3), np.uint8)
    after, flow = before.copy(), plain(0)
    after[:10], flow[:10] = 255, np.nan
    assert warping_error(after, before, flow) == 0
    assert warping_error(after, before, np.full_like(flow, np.nan)) == 0


def test_a_film_is_as_steady_as_itself(scene: Scene) -> None:
    film = scene(5, moved=2)
    found = steadiness(film, film, apart=3)
    assert found.short == found.film_short and found.long == found.film_long
    assert found.ratio == 1 and found.long is not None


def test_flicker_is_an_error_of_its_size(scene: Scene) -> None:
    film = scene(1) * 4
    flickering = [(x.astype(int) // 2 + 51 * (i % 2)).astype(np.uint8) for i, x in enumerate(film)]
    found = steadiness(film, flickering)
    assert found.short == pytest.approx(0.2) and found.film_short == 0
    assert found.long is None and found.ratio == float("inf")


def test_drift_is_the_way_from_the_first_frame_to_the_last() -> None:
    frames = [np.full((4, 4, 3), level, np.uint8) for level in (10, 90, 13)]
    assert drift(frames) == 3


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_frames_are_told(scene: Scene, count: int) -> None:
    with pytest.raises(InputError, match="two at least"):
        steadiness(scene(2)[:count], scene(2)[:count])


def test_clips_that_are_no_pair_are_told(scene: Scene) -> None:
    with pytest.raises(InputError, match="another number or size"):
        steadiness(scene(3), scene(2))
    with pytest.raises(InputError, match="no frame"):
        drift([])
