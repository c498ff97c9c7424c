"""Animated WebP, read frame by frame and written from the parts of a run."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gramarye.errors import ImageError
from gramarye.video.animations import AnimationFile
from gramarye.video.clip import OnePictureError
from gramarye.video.formats import FORMATS
from gramarye.video.frames import Pixels
from gramarye.video.reading import open_clip
from gramarye.video.recipe import recipe_text
from gramarye.video.writing import PartWriter, put_together

Scene = Callable[..., list[Pixels]]
TIMES = (0, 2, 7, 8)  # fiftieths of a second


def saved(path: Path, frames: list[Pixels], comment: str = "") -> tuple[str, ...]:
    part = path.with_name("00000.nut")
    base = Fraction(1, 50)
    writer = PartWriter(part, FORMATS[".webp"], frames[0].shape[:2], base, 80)
    for pixels, time in zip(frames, TIMES, strict=False):
        writer.write(pixels, time * base)
    writer.close()
    return put_together([part], path, FORMATS[".webp"], base, Fraction(3, 50), None, comment)


def test_frames_and_times_come_back(av: Any, tmp_path: Path, scene: Scene) -> None:
    frames = scene(4, moved=3)
    assert saved(tmp_path / "a.webp", frames, '{"clip": "ä<&>"}') == ()
    clip = open_clip(tmp_path / "a.webp")
    assert isinstance(clip, AnimationFile) and (clip.size, clip.count) == ((32, 48), 4)
    found = list(clip.frames())
    assert [frame.time for frame in found] == [Fraction(t, 50) for t in TIMES]
    assert found[-1].duration == Fraction(3, 50)
    for frame, wanted in zip(found, frames, strict=True):
        assert np.abs(frame.pixels.astype(int) - wanted).mean() < 4
    assert recipe_text(tmp_path / "a.webp") == '{"clip": "ä<&>"}'
    assert (tmp_path / "a.webp").stat().st_size % 2 == 0
    assert [f.time for f in clip.frames()] == [f.time for f in found]


def test_without_a_recipe_there_is_none(av: Any, tmp_path: Path, scene: Scene) -> None:
    saved(tmp_path / "a.webp", scene(2))
    assert recipe_text(tmp_path / "a.webp") is None


def test_one_frame_is_written_and_is_one_picture(av: Any, tmp_path: Path, scene: Scene) -> None:
    """The encoder makes a plain WebP of it, which nothing tells from a photograph."""
    saved(tmp_path / "a.webp", scene(1), "{}")
    assert len(list(AnimationFile(tmp_path / "a.webp").frames())) == 1
    with pytest.raises(OnePictureError, match="is one picture, and no clip"):
        open_clip(tmp_path / "a.webp")


def test_transparency_is_laid_over_white(tmp_path: Path) -> None:
    clear = [Image.new("RGBA", (8, 6), (255, 0, 0, alpha)) for alpha in (0, 255)]
    options: dict[str, Any] = {"duration": 0, "lossless": True}
    clear[0].save(tmp_path / "a.webp", save_all=True, append_images=clear[1:], **options)
    found = list(AnimationFile(tmp_path / "a.webp").frames())
    assert [list(frame.pixels[3, 3]) for frame in found] == [[255] * 3, [255, 0, 0]]
    assert found[1].time == Fraction(1, 10)  # of a frame that says 0


def test_a_damaged_file_is_told(av: Any, tmp_path: Path, scene: Scene) -> None:
    path = tmp_path / "a.webp"
    saved(path, scene(4, moved=3))
    whole = path.read_bytes()
    path.write_bytes(whole[:40])
    with pytest.raises(ImageError, match="cannot be read as a clip"):
        list(open_clip(path).frames())
    data = bytearray(whole)
    middle = len(data) // 2
    data[middle : middle + 40] = bytes(40)
    path.write_bytes(bytes(data))
    try:
        clip = open_clip(path)
        assert 0 < len(list(clip.frames())) <= 4
    except ImageError as error:
        assert "cannot be read as a clip" in str(error)
