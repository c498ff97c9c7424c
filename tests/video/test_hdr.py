"""High dynamic range against the values that the standards print."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gramarye.errors import ImageError
from gramarye.video.hdr import (
    HLG,
    PQ,
    TO_709,
    hlg_to_light,
    hlg_to_scene,
    light_to_pq,
    pq_to_light,
    rolled_off,
    to_srgb,
    tone_mapped,
    wide_pixels,
)
from gramarye.video.reading import open_clip


# BT.2408-5, table 1 and annex: percents of the signal; 10,000 cd/m2 is the standard's end.
@pytest.mark.parametrize(
    ("signal", "light"), [(0.0, 0), (0.508, 100), (0.5807, 203), (0.7518, 1000), (1.0, 10_000)]
)
def test_pq_has_the_light_that_the_standard_prints(signal: float, light: float) -> None:
    assert float(pq_to_light(np.array(signal))) == pytest.approx(light, rel=5e-3)
    assert float(light_to_pq(np.array(light))) == pytest.approx(signal, abs=5e-4)


def test_hlg_is_a_root_and_then_a_logarithm() -> None:
    found = hlg_to_scene(np.array([0, 0.25, 0.5, 1.0]))
    assert found == pytest.approx([0, 0.25**2 / 3, 1 / 12, 1], abs=1e-6)
    assert float(hlg_to_scene(np.array(0.5 + 1e-6))) == pytest.approx(1 / 12, abs=1e-5)


def test_three_quarters_of_hlg_are_reference_white() -> None:
    """BT.2408: 75 % is 203 cd/m2 on a display of 1000."""
    assert hlg_to_light(np.full(3, 0.75)) == pytest.approx(203, rel=5e-3)
    assert hlg_to_light(np.ones(3)) == pytest.approx(1000, rel=1e-4)


def test_what_is_dark_stays_and_what_is_bright_is_rolled_off() -> None:
    assert rolled_off(np.array([0.1, 10, 50, 80])) == pytest.approx([0.1, 10, 50, 80], rel=1e-4)
    assert rolled_off(np.array([1000, 10_000])) == pytest.approx(203, rel=1e-4)
    light = rolled_off(np.linspace(0, 1000, 500))
    assert (np.diff(light) > 0).all() and 100 < float(rolled_off(np.array(203.0))) < 203


def test_reference_white_is_a_third_of_the_way_along_the_spline() -> None:
    """By hand: with m = PQ(203) / PQ(1000), the knee k is 1.5 m - 0.5, and t = (m - k) / (1 - k)
    is 1/3, where the spline is (20 k + 4 (1 - k) + 7 m) / 27.
    """
    peak, white = (float(light_to_pq(np.array(x))) for x in (1000.0, 203.0))
    found = float(light_to_pq(rolled_off(np.array(203.0)))) / peak
    assert found == pytest.approx((31 * white / peak - 4) / 27, abs=1e-6)


def test_grays_stay_gray_and_bt709_red_is_red_again() -> None:
    assert TO_709.sum(1) == pytest.approx(1, abs=1e-3)
    red = np.array([0.6274, 0.0691, 0.0164])  # of BT.709 in BT.2020 (BT.2087, section 3)
    found = to_srgb((20 * red)[None, None])[0, 0]
    wanted = 1.055 * (20 / 203) ** (1 / 2.4) - 0.055
    assert found == pytest.approx([wanted, 0, 0], abs=0.02)


def test_a_color_is_rolled_off_as_its_largest_part() -> None:
    """And all three by one factor: back in BT.2020, what was 1 : 1.2 is that again."""
    shown = to_srgb(np.array([300.0, 250.0, 250.0])[None, None])[0, 0]
    assert shown.max() < 1 and shown.min() > 0.05  # nothing was cut off
    linear = ((shown + 0.055) / 1.055) ** 2.4
    wanted = float(rolled_off(np.array(300.0)))
    found = 203 * np.linalg.solve(TO_709, linear)
    assert found == pytest.approx([wanted, wanted / 1.2, wanted / 1.2], rel=5e-3)


@pytest.mark.parametrize(("matrix", "red"), [(9, 1.4746), (2, 1.4746), (1, 1.5748)])
def test_a_frame_is_decoded_by_the_matrix_it_names(av: Any, matrix: int, red: float) -> None:
    """R = Y + 2 (1 - K_R) Cr: 1.4746 in BT.2020 (10 bits, BT.2100 table 9), 1.5748 in BT.709."""
    frame = av.VideoFrame(32, 32, "yuv420p10le")
    for plane, value in zip(frame.planes, (500, 512, 712), strict=True):
        plane.update(np.full(plane.buffer_size // 2, value, "<u2").tobytes())
    frame.colorspace = matrix
    found = float(wide_pixels(frame)[10, 10, 0]) / 65535
    assert found == pytest.approx((500 - 64) / 876 + red * (712 - 512) / 896, abs=5e-3)


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_black_is_black_and_the_brightest_white(transfer: int) -> None:
    ends = np.array([0, 65535], np.uint16)[:, None, None] * np.ones((1, 1, 3), np.uint16)
    assert (tone_mapped(ends, transfer)[:, 0] == [[0] * 3, [255] * 3]).all()


@pytest.mark.parametrize(("transfer", "name"), [(PQ, "PQ"), (HLG, "HLG")])
def test_a_clip_is_mapped_and_it_is_told(
    make_clip: Callable[..., Path], transfer: int, name: str
) -> None:
    frames = [np.full((32, 48, 3), 100, np.uint8)] * 2
    path = make_clip("a.mp4", frames, pixels="yuv420p10le", transfer=transfer)
    clip = open_clip(path)
    pixels = next(clip.frames()).pixels
    signal = np.full(3, 100 / 255)
    light = pq_to_light(signal) if transfer == PQ else hlg_to_light(signal)
    assert float(light.max()) < 80  # below the knee, so that it is what is shown
    wanted = 255 * (1.055 * (float(light.max()) / 203) ** (1 / 2.4) - 0.055)
    assert np.abs(pixels.astype(float) - wanted).max() < 3
    assert any(f"high dynamic range ({name})" in note for note in clip.notes)
    with pytest.raises(ImageError, match="--hdr refuse"):
        open_clip(path, map_hdr=False)
