"""Flows with known answers: pictures that are moved by whole pixels."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gramarye.errors import InputError
from gramarye.video.flow import FLO, filled, read_flow, reliable, warped
from gramarye.video.frames import Pixels

pytest.importorskip("cv2", reason="OpenCV is not installed (the extra 'video')")

Scene = Callable[..., list[Pixels]]


def plain(x: float, y: float, size: tuple[int, int] = (32, 48)) -> np.ndarray:
    return np.broadcast_to(np.array([x, y], np.float32), (*size, 2)).copy()


def test_a_warped_picture_is_what_it_was_where_the_flow_points() -> None:
    image = np.random.default_rng(0).uniform(0, 1, (32, 48, 3)).astype(np.float32)
    moved = warped(image, plain(3, -2))
    np.testing.assert_allclose(moved[2:, :-3], image[:-2, 3:], atol=1e-6)


def test_a_flow_of_nothing_changes_nothing() -> None:
    image = np.random.default_rng(0).uniform(0, 1, (32, 48, 3)).astype(np.float32)
    np.testing.assert_array_equal(warped(image, plain(0, 0)), image)


def test_flows_that_cancel_hold_and_those_that_point_outside_do_not() -> None:
    holds = reliable(plain(4, 0), plain(-4, 0))
    assert holds[:, :44].all() and not holds[:, 45:].any()


def test_what_was_hidden_is_not_believed() -> None:
    assert not reliable(plain(4, 0), plain(4, 0)).any()


def test_the_border_of_a_motion_is_not_believed() -> None:
    backward, forward = plain(0, 0), plain(0, 0)
    backward[:, 20:30], forward[:, 22:32] = (2, 0), (-2, 0)
    holds = reliable(backward, forward)
    assert not holds[:, [19, 20]].any() and holds[:, 24:26].all() and holds[:, :15].all()


def test_dis_finds_a_motion_of_whole_pixels(scene: Scene) -> None:
    from gramarye.video.flow import FlowFinder

    before, after = scene(2, moved=3, size=(64, 96))
    found = FlowFinder()(after, before)
    inside = found[12:-12, 12:-12]
    assert abs(float(np.median(inside[..., 0])) - 3) < 0.3
    assert abs(float(np.median(inside[..., 1]))) < 0.3


def test_where_there_is_no_texture_the_flow_is_that_of_the_textures_around() -> None:
    flow, seen = plain(3, 1), np.full((32, 48), 0.1, np.float32)
    seen[10:20, 10:20], flow[10:20, 10:20] = 0, (40, -40)
    np.testing.assert_allclose(filled(flow, seen), plain(3, 1), atol=0.2)


def test_where_there_is_texture_the_flow_stays() -> None:
    flow = np.random.default_rng(0).normal(0, 3, (32, 48, 2)).astype(np.float32)
    seen = np.full((32, 48), 1.0, np.float32)
    np.testing.assert_allclose(filled(flow, seen), flow, atol=1e-2)


def test_a_flo_file_is_read(tmp_path: Path) -> None:
    path, flow = tmp_path / "a.flo", np.arange(12, dtype="<f4").reshape(2, 3, 2)
    path.write_bytes(struct.pack("<fii", FLO, 3, 2) + flow.tobytes())
    np.testing.assert_array_equal(read_flow(path), flow)


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"PIEH", b"PIEH123", struct.pack("<fii", FLO, 3, 2), b"x" * 40]
)
def test_a_broken_flo_file_is_told(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.flo").write_bytes(data)
    with pytest.raises(InputError, match=r"a\.flo' is no"):
        read_flow(tmp_path / "a.flo")


def test_what_is_moved_sharply_loses_less_when_it_is_moved_again_and_again() -> None:
    image = np.random.default_rng(0).random((32, 48, 3)).astype(np.float32)
    there = np.full((32, 48, 2), 0.5, np.float32)
    inside = np.s_[10:-10, 10:-10]
    left = {}
    for sharp in (False, True):
        moved = image
        for flow in (there, -there) * 2:
            moved = warped(moved, flow, sharp=sharp)
        left[sharp] = float(moved[inside].std() / image[inside].std())
    assert left[False] < 0.9 * left[True] < 0.9
    assert np.array_equal(warped(image, there * 0, sharp=True), image)
