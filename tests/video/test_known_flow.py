"""Flow from files: by both ways of naming them, of another size, and in one direction alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gramarye.errors import InputError
from gramarye.video.flow import FLO
from gramarye.video.frames import FilmFrame, Pixels
from gramarye.video.known_flow import KnownMotions
from gramarye.video.measures import Steadying

pytest.importorskip("cv2", reason="OpenCV is not installed (the extra 'video')")

Scene = Callable[..., list[Pixels]]


def write(path: Path, x: float, size: tuple[int, int] = (32, 48), unknown: int = 0) -> None:
    flow = np.zeros((*size, 2), "<f4")
    flow[..., 0] = x
    flow[:unknown] = 2e9
    head = np.array([FLO], "<f4").tobytes() + np.array([size[1], size[0]], "<i4").tobytes()
    path.write_bytes(head + flow.tobytes())


def test_a_scene_that_goes_left_has_no_error_by_its_flow(tmp_path: Path, scene: Scene) -> None:
    for here in (2, 3):
        write(tmp_path / f"backward_{here}_{here - 1}.flo", 3)
        write(tmp_path / f"forward_{here - 1}_{here}.flo", -3)
    known = KnownMotions(tmp_path)
    film = scene(3, moved=3)
    meter = Steadying(known)
    for number, pixels in enumerate(film, 1):
        meter.add(FilmFrame(number, pixels), 255 - pixels)
    found = meter.steadiness()
    assert found is not None and found.film_short == found.short == 0
    assert (known.used, known.missing) == (2, 0)


def test_files_by_number_are_the_flow_to_the_next_frame(tmp_path: Path, scene: Scene) -> None:
    for number in (1, 2):
        write(tmp_path / f"frame_{number:04}.flo", -3, unknown=4)
    film = [FilmFrame(i, x) for i, x in enumerate(scene(3, moved=3), 1)]
    motion = KnownMotions(tmp_path)(film[1], film[0])
    assert (
        motion.forward and np.isnan(motion.flow[:4]).all() and (motion.flow[4:, :, 0] == -3).all()
    )
    meter = Steadying(KnownMotions(tmp_path))
    for one in film:
        errors = meter.add(one, one.pixels)
    assert errors.film_short == 0


def test_flow_of_another_size_is_scaled(tmp_path: Path, scene: Scene) -> None:
    write(tmp_path / "backward_2_1.flo", 6, (64, 96))
    write(tmp_path / "forward_1_2.flo", -6, (64, 96))
    film = [FilmFrame(i, x) for i, x in enumerate(scene(2, moved=3), 1)]
    motion = KnownMotions(tmp_path)(film[1], film[0])
    assert motion.flow.shape == (32, 48, 2) and np.allclose(motion.flow[..., 0], 3)


def test_where_there_is_no_file_flow_is_estimated(tmp_path: Path, scene: Scene) -> None:
    write(tmp_path / "backward_9_8.flo", 0)
    known = KnownMotions(tmp_path)
    film = [FilmFrame(i, x) for i, x in enumerate(scene(2, moved=3), 1)]
    assert known(film[1], film[0]).flow.shape == (32, 48, 2)
    assert (known.used, known.missing) == (0, 1)


def test_a_folder_without_flow_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no \.flo file"):
        KnownMotions(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        KnownMotions(tmp_path / "gone")
