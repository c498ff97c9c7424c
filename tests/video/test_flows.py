"""Flows from a folder, at the film's size or the painting's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gramarye.errors import InputError
from gramarye.video.flow import FLO, Flow
from gramarye.video.flows import FlowFolder
from gramarye.video.frames import FilmFrame

pytest.importorskip("cv2", reason="OpenCV is not installed (the extra 'video')")

FRAMES = [FilmFrame(number, np.zeros((16, 24, 3), np.uint8)) for number in (1, 2)]


def write(path: Path, flow: Flow) -> None:
    height, width = flow.shape[:2]
    head = np.float32(FLO).tobytes() + np.array([width, height], "<i4").tobytes()
    path.write_bytes(head + flow.astype("<f4").tobytes())


def constant(size: tuple[int, int], x: float, y: float) -> Flow:
    return np.full((*size, 2), (x, y), np.float32)


def test_both_ways_are_read_by_the_frames_numbers(tmp_path: Path) -> None:
    write(tmp_path / "backward_2_1.flo", constant((16, 24), 1, 2))
    write(tmp_path / "forward_1_2.flo", constant((16, 24), -1, -2))
    flows, (one, two) = FlowFolder(tmp_path, (32, 48)), FRAMES
    assert (flows(two, one) == [1, 2]).all() and (flows(one, two) == [-1, -2]).all()


def test_those_of_the_films_size_shrink_with_it(tmp_path: Path) -> None:
    write(tmp_path / "backward_2_1.flo", constant((32, 48), 4, -2))
    found = FlowFolder(tmp_path, (32, 48))(FRAMES[1], FRAMES[0])
    assert found.shape == (16, 24, 2) and np.allclose(found, [2, -1])


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1e10])
def test_a_flow_that_is_not_known_is_told(tmp_path: Path, wrong: float) -> None:
    flow = constant((16, 24), 1, 2)
    flow[3, 4, 0] = wrong
    write(tmp_path / "backward_2_1.flo", flow)
    with pytest.raises(InputError, match=r"backward_2_1.flo' is not known everywhere"):
        FlowFolder(tmp_path, (16, 24))(FRAMES[1], FRAMES[0])


def test_another_size_a_missing_file_and_no_folder_are_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no folder of flows"):
        FlowFolder(tmp_path, (32, 48))  # before a frame is painted
    write(tmp_path / "forward_1_2.flo", constant((20, 24), 1, 2))
    flows = FlowFolder(tmp_path, (32, 48))
    with pytest.raises(InputError, match=r"backward_2_1.flo' cannot be read"):
        flows(FRAMES[1], FRAMES[0])
    write(tmp_path / "backward_2_1.flo", constant((20, 24), 1, 2))
    with pytest.raises(InputError, match=r"is 24 x 20 pixels, and the film 48 x 32, painted at 24"):
        flows(FRAMES[1], FRAMES[0])
    with pytest.raises(InputError, match="is no folder of flows"):
        FlowFolder(tmp_path / "gone", (32, 48))
