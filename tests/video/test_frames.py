"""Frames chosen by their time."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import torch

from gramarye.video.frames import Frame, as_image, as_pixels, at_times, even_size

PIXELS = np.zeros((2, 2, 3), np.uint8)


def frames(*times: Fraction | int) -> list[Frame]:
    ends = [*times[1:], times[-1] + 1]
    return [Frame(PIXELS, Fraction(a), Fraction(b - a)) for a, b in zip(times, ends, strict=True)]


def times(found: object) -> list[Fraction]:
    return [frame.time for frame in found]  # type: ignore[attr-defined]


def test_the_frame_that_is_shown_at_the_start_is_the_first() -> None:
    found = at_times(frames(0, 2, 4, 6), Fraction(3), Fraction(6), None)
    assert times(found) == [2, 4]


def test_fewer_frames_a_second_keep_their_own_times() -> None:
    given = frames(*(Fraction(i, 10) for i in range(10)))
    found = times(at_times(given, None, None, Fraction(5)))
    assert found == [Fraction(i, 5) for i in range(5)]


def test_more_frames_a_second_than_there_are_change_nothing() -> None:
    given = frames(0, Fraction(1, 10), Fraction(9, 10), 1)
    assert times(at_times(given, None, None, Fraction(60))) == times(given)


@pytest.mark.parametrize(
    ("size", "longest", "found"),
    [((31, 47), None, (30, 46)), ((360, 640), 96, (54, 96)), ((1, 1), None, (2, 2))],
)
def test_sizes_are_even(size: tuple[int, int], longest: int | None, found: tuple[int, int]) -> None:
    assert even_size(size, longest) == found


def test_pixels_come_back_as_they_were() -> None:
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3) * 10
    assert np.array_equal(as_pixels(as_image(pixels, (2, 4))), pixels)
    assert as_image(pixels, (2, 4)).dtype == torch.float32
