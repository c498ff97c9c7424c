"""Frames of a film and of its painting, found by time or by order."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest
from PIL import Image

from gramarye.errors import ImageError
from gramarye.video.frames import Pixels
from gramarye.video.pairing import Pairing
from gramarye.video.reading import open_clip

Scene = Callable[..., list[Pixels]]
MakeClip = Callable[..., Path]
UNEVEN = [0, 4, 8, 20, 24, 40, 41, 42, 60]  # sixtieths of a second


def found(film: Path, painted: Path, start: Fraction | None = None) -> tuple[list[int], Pairing]:
    pairing = Pairing(open_clip(film), open_clip(painted), start)
    return [pair.number for pair in pairing.pairs()], pairing


def test_a_clip_is_paired_with_itself_and_with_what_rounds_its_times(
    make_clip: MakeClip, scene: Scene
) -> None:
    film = make_clip("film.mp4", scene(9), UNEVEN)
    for name in ("a.mp4", "a.mkv"):  # whose times are thousandths
        numbers, pairing = found(film, make_clip(name, scene(9), UNEVEN))
        assert numbers == list(range(9)) and pairing.notes == ()


def test_fewer_frames_a_second_are_found_at_their_times(make_clip: MakeClip, scene: Scene) -> None:
    film = make_clip("film.mp4", scene(9))
    numbers, pairing = found(film, make_clip("a.mp4", scene(5), [0, 8, 16, 24, 32]))
    assert numbers == [0, 2, 4, 6, 8] and pairing.notes == ()


def test_a_clip_that_begins_later_is_found_by_its_start(make_clip: MakeClip, scene: Scene) -> None:
    film = make_clip("film.mp4", scene(9), UNEVEN)
    painted = make_clip("a.mp4", scene(6), [t - 20 for t in UNEVEN[3:]])
    assert found(film, painted, Fraction(25, 60) - Fraction(2, 60))[0] == [3, 4, 5, 6, 7, 8]


def test_what_one_of_them_lacks_is_told(make_clip: MakeClip, scene: Scene) -> None:
    film, longer = make_clip("film.mp4", scene(4)), make_clip("a.mp4", scene(7))
    numbers, pairing = found(film, longer)
    assert numbers == [0, 1, 2, 3] and "3 frames" in pairing.notes[0]
    assert found(longer, film)[0] == [0, 1, 2, 3]


def test_as_many_frames_at_another_speed_go_by_order(make_clip: MakeClip, scene: Scene) -> None:
    film = make_clip("film.mp4", scene(5))
    slow = make_clip("a.mp4", scene(5), [0, 8, 16, 24, 32])
    assert found(film, slow)[0] == [0, 1, 2, 3, 4]


def test_folders_go_by_order(tmp_path: Path, make_clip: MakeClip, scene: Scene) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, pixels in enumerate(scene(3)):
        Image.fromarray(pixels).save(folder / f"{number}.png")
    numbers, pairing = found(make_clip("film.mp4", scene(5)), folder)
    assert numbers == [0, 1, 2] and "the last 2 frames" in pairing.notes[0]


def test_another_shape_is_told(make_clip: MakeClip, scene: Scene) -> None:
    film = make_clip("film.mp4", scene(2))
    with pytest.raises(ImageError, match="--compare"):
        found(film, make_clip("two.mp4", scene(2, size=(32, 96))))
    with pytest.raises(ImageError, match="48 x 48 pixels and the film 48 x 32"):
        found(film, make_clip("square.mp4", scene(2, size=(48, 48))))
    assert found(film, make_clip("small.mp4", scene(2, size=(16, 24))))[0] == [0, 1]
