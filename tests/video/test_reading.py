"""Clips read back with the times, the way up and the colors they were written with."""

from __future__ import annotations

import sys
from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gramarye.errors import ImageError, InputError
from gramarye.video.frames import Pixels
from gramarye.video.reading import frames_in, numbered_frames, open_clip

Scene = Callable[..., list[Pixels]]
MakeClip = Callable[..., Path]


def quarters() -> Pixels:
    """Red, green, blue and white, from the left at the top on."""
    pixels = np.full((32, 48, 3), 255, np.uint8)
    pixels[:16, :24], pixels[:16, 24:], pixels[16:, :24] = (
        (220, 30, 30),
        (30, 200, 60),
        (20, 40, 230),
    )
    return pixels


def test_the_times_of_a_variable_rate_are_exact(make_clip: MakeClip, scene: Scene) -> None:
    times = [0, 4, 6, 30, 31, 50]
    clip = open_clip(make_clip("a.mp4", scene(6), times))
    found = list(clip.frames())
    assert [frame.time for frame in found] == [Fraction(t, 60) for t in times]
    assert [frame.duration for frame in found[:-1]] == [
        Fraction(b - a, 60) for a, b in pairwise(times)
    ]


@pytest.mark.parametrize("end", ["mp4", "mkv", "mov", "webm", "gif"])
def test_every_kind_of_clip_is_read(make_clip: MakeClip, scene: Scene, end: str) -> None:
    kinds = {"webm": ("libvpx-vp9", "yuv420p"), "gif": ("gif", "rgb8")}
    codec, pixels = kinds.get(end, ("libx264", "yuv420p"))
    clip = open_clip(make_clip(f"a.{end}", scene(4, moved=2), codec=codec, pixels=pixels))
    found = list(clip.frames())
    assert clip.size == (32, 48) and len(found) == 4
    assert np.abs(found[3].pixels.astype(int) - scene(4, moved=2)[3]).mean() < 25


@pytest.mark.parametrize("rotation", [0, 90, 180, -90])
def test_frames_are_upright(make_clip: MakeClip, rotation: int) -> None:
    clip = open_clip(make_clip("a.mp4", [quarters()] * 2, rotation=rotation))
    pixels = next(clip.frames()).pixels
    wanted = np.rot90(quarters(), rotation // 90 % 4)
    assert clip.size == pixels.shape[:2] == wanted.shape[:2]
    assert np.abs(pixels.astype(int) - wanted).mean() < 6


def test_pixels_that_are_not_square_make_it_wider(make_clip: MakeClip, scene: Scene) -> None:
    clip = open_clip(make_clip("a.mp4", scene(2), aspect=Fraction(2)))
    assert clip.size == (32, 96)


def test_colors_come_back(make_clip: MakeClip) -> None:
    pixels = next(open_clip(make_clip("a.mp4", [quarters()] * 2)).frames()).pixels
    for place in ((8, 8), (8, 40), (24, 8), (24, 40)):
        assert np.abs(pixels[place].astype(int) - quarters()[place]).max() <= 6


def test_frames_can_be_gone_through_again(make_clip: MakeClip, scene: Scene) -> None:
    clip = open_clip(make_clip("a.mp4", scene(3)))
    assert [f.time for f in clip.frames()] == [f.time for f in clip.frames()]


def test_ten_bits_are_told(make_clip: MakeClip, scene: Scene) -> None:
    clip = open_clip(make_clip("a.mp4", scene(2), pixels="yuv420p10le"))
    assert len(list(clip.frames())) == 2
    assert any("10 bits" in note for note in clip.notes)


def test_a_clip_that_is_cut_short_is_read_as_far_as_it_goes(
    make_clip: MakeClip, scene: Scene
) -> None:
    path = make_clip("a.mkv", scene(40, moved=1))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    clip = open_clip(path)
    assert 1 < len(list(clip.frames())) < 40


def test_damage_in_the_middle_loses_a_few_frames(make_clip: MakeClip, scene: Scene) -> None:
    path = make_clip("a.mkv", scene(40, moved=1))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 300] = bytes(300)
    path.write_bytes(bytes(data))
    clip = open_clip(path)
    times = [frame.time for frame in clip.frames()]
    assert 15 < len(times) <= 40 and times == sorted(times)


def test_a_clip_that_ends_early_says_so(make_clip: MakeClip, scene: Scene) -> None:
    path = make_clip("a.mkv", scene(60, moved=1))
    whole = path.read_bytes()
    clip = open_clip(path)
    assert len(list(clip.frames())) == 60 and clip.notes == ()
    path.write_bytes(whole[: len(whole) // 2])
    clip = open_clip(path)
    assert len(list(clip.frames())) < 50
    assert "should last 4.0 s, and can be read for" in clip.notes[0]


def test_no_clip_is_told(tmp_path: Path, make_clip: MakeClip, scene: Scene) -> None:
    (tmp_path / "text.mp4").write_text("no clip")
    for name, message in (("text.mp4", "cannot be read as a clip"), ("gone.mp4", "there is no")):
        with pytest.raises(ImageError, match=message):
            open_clip(tmp_path / name)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match="no frame in the folder"):
        open_clip(tmp_path / "empty")
    with pytest.raises(ImageError, match="no frame"):
        open_clip(tmp_path / "a%05d.png")


def test_sound_alone_is_no_clip(tmp_path: Path, av: object, scene: Scene) -> None:
    path = tmp_path / "a.m4a"
    with av.open(str(path), "w", format="mp4") as output:  # type: ignore[attr-defined]
        stream = output.add_stream("aac", rate=16000, layout="mono")
        wave = np.zeros((1, 4000), np.float32)
        frame = av.AudioFrame.from_ndarray(wave, "fltp", "mono")  # type: ignore[attr-defined]
        frame.sample_rate = 16000
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    with pytest.raises(ImageError, match="sound alone"):
        open_clip(path)


def test_a_folder_is_a_clip_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    for number in (2, 10, 1):
        Image.new("RGB", (6, 4), (number, 0, 0)).save(tmp_path / f"f{number}.png")
    Image.new("RGB", (12, 8), (30, 0, 0)).save(tmp_path / "f30.png")
    (tmp_path / "notes.txt").write_text("none")
    clip = open_clip(tmp_path, Fraction(10))
    found = list(clip.frames())
    assert [frame.pixels[0, 0, 0] for frame in found] == [1, 2, 10, 30]
    assert [frame.time for frame in found] == [Fraction(i, 10) for i in range(4)]
    assert found[3].pixels.shape == (4, 6, 3)
    assert clip.notes == ("1 frame of another size: brought to 6 x 4",)


def test_a_pattern_takes_what_it_fits(tmp_path: Path) -> None:
    for name in ("f00.png", "f01.png", "f02.jpg", "g01.png"):
        Image.new("RGB", (6, 4)).save(tmp_path / name)
    assert [f.name for f in numbered_frames(tmp_path / "f%02d.png")] == ["f00.png", "f01.png"]
    assert len(frames_in(tmp_path)) == 4
    with pytest.raises(InputError, match="no pattern"):
        numbered_frames(tmp_path / "f%q.png")


@pytest.mark.parametrize("end", ["png", "jpg", "tiff", "webp", "avif"])
def test_one_picture_is_no_clip(end: str, scene: Scene, tmp_path: Path) -> None:
    pytest.importorskip("av", reason="PyAV is not installed (the extra 'video')")
    Image.fromarray(scene(1)[0]).save(tmp_path / f"photo.{end}")
    with pytest.raises(ImageError, match=r"is one picture, and no clip: .* without --video"):
        open_clip(tmp_path / f"photo.{end}")


def test_an_animated_png_is_one(scene: Scene, tmp_path: Path) -> None:
    pytest.importorskip("av", reason="PyAV is not installed (the extra 'video')")
    first, *others = (Image.fromarray(x) for x in scene(3, moved=2))
    first.save(tmp_path / "a.png", save_all=True, append_images=others, duration=100)
    assert len(list(open_clip(tmp_path / "a.png").frames())) == 3


def test_a_photograph_is_one_picture_whether_or_not_clips_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    Image.new("RGB", (8, 6)).save(tmp_path / "a.jpg")
    with pytest.raises(ImageError, match="is one picture, and no clip"):
        open_clip(tmp_path / "a.jpg")
