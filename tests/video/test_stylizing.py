"""`gramarye.stylize_video`: painted frames from Python."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import gramarye
from gramarye.errors import ImageError, InputError, SettingsError
from gramarye.video.frames import Pixels, as_image

Scene = Callable[..., list[Pixels]]


def test_a_clip_is_painted_frame_by_frame(
    make_clip: Callable[..., Path], scene: Scene, painting: Path
) -> None:
    pytest.importorskip("cv2", reason="OpenCV is not installed (the extra 'video')")
    clip = make_clip("a.mp4", scene(4, moved=1), [0, 4, 10, 12])
    found = list(gramarye.stylize_video(clip, painting, size=32, end=0.19))
    assert [round(f.time, 3) for f in found] == [0.0, 0.067, 0.167]
    assert found[0].image.shape == (1, 3, 21, 32)
    assert [f.cut for f in found] == [True, False, False]


def test_pictures_one_after_the_other_are_a_clip(scene: Scene, painting: Path) -> None:
    found = list(gramarye.stylize_video(iter(scene(3)), [painting], steady=0, fps=10))
    assert [f.time for f in found] == [0, 0.1, 0.2] and found[0].duration == 0.1
    assert found[0].image.shape == (1, 3, 32, 48)
    assert float((found[0].image - as_image(scene(1)[0], (32, 48))).abs().mean()) > 0.02


def test_they_are_read_one_by_one(scene: Scene, painting: Path) -> None:
    read: list[int] = []

    def pictures() -> object:
        for number, frame in enumerate(scene(5)):
            read.append(number)
            yield frame

    next(gramarye.stylize_video(pictures(), painting, steady=0))  # type: ignore[arg-type]
    assert read == [0]


def test_mistakes_are_told_before_the_first_frame(
    tmp_path: Path, scene: Scene, painting: Path
) -> None:
    with pytest.raises(SettingsError, match="steady is 2"):
        gramarye.stylize_video(scene(2), painting, steady=2)
    with pytest.raises(SettingsError, match="unknown setting 'colour'"):
        gramarye.stylize_video(scene(2), painting, colour="free")
    with pytest.raises(ImageError, match="there is no clip"):
        gramarye.stylize_video(tmp_path / "gone.mp4", painting)
    with pytest.raises(InputError, match="no frame"):
        gramarye.stylize_video([], painting)
    with pytest.raises(InputError, match="cannot be made from int"):
        gramarye.stylize_video(3, painting)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="give a later one"):
        gramarye.stylize_video(scene(2), painting, start=2, end=1)
