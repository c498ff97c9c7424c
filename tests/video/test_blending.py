"""A blend has the contrast of what it is made of."""

from __future__ import annotations

import numpy as np
import pytest

from gramarye.video.blending import bands, blended

pytest.importorskip("cv2", reason="OpenCV is not installed (the extra 'video')")

SIZE = (64, 96)


def strokes(seed: int, size: float = 0.15) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (0.5 + size * rng.normal(size=(*SIZE, 3))).clip(0, 1).astype(np.float32)


def everywhere(share: float) -> np.ndarray:
    return np.full(SIZE, share, np.float32)


def test_bands_add_up() -> None:
    image = strokes(0)
    np.testing.assert_allclose(sum(bands(image)), image, atol=1e-6)


def test_nothing_and_all_taken_along_are_the_one_and_the_other() -> None:
    one, other = strokes(1), strokes(2)
    np.testing.assert_allclose(blended(one, other, everywhere(0)), one, atol=1e-6)
    assert np.abs(blended(one, other, everywhere(1)) - other).mean() < 0.02


def test_what_is_alike_stays_as_it_is() -> None:
    np.testing.assert_allclose(
        blended(strokes(1), strokes(1), everywhere(0.8)), strokes(1), atol=1e-6
    )


def test_a_lighter_painting_is_blended_by_the_share() -> None:
    dark, light = (np.full((*SIZE, 3), level, np.float32) for level in (0.2, 0.6))
    np.testing.assert_allclose(blended(dark, light, everywhere(0.75)), 0.5, atol=1e-5)


def test_strokes_of_many_frames_keep_the_contrast_of_one() -> None:
    """Their mean would keep a third: sqrt((1 - 0.8) / (1 + 0.8))."""
    image = plain = strokes(0)
    for seed in range(1, 15):
        image = blended(strokes(seed), image, everywhere(0.8))
        plain = 0.2 * strokes(seed) + 0.8 * plain
    assert plain.std() < 0.4 * strokes(0).std()
    assert image.std() == pytest.approx(strokes(0).std(), rel=0.1)


def test_most_of_the_strokes_are_those_that_were_there() -> None:
    new, before = strokes(1), strokes(2)
    found = blended(new, before, everywhere(0.8))
    alike = [np.corrcoef(found.ravel(), x.ravel())[0, 1] for x in (new, before)]
    assert alike[1] > 0.95 and alike[0] < 0.35
