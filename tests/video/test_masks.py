"""What is protected of a clip: by a picture, or by a clip of masks that belongs to it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import gramarye
from gramarye.errors import ImageError, InputError
from gramarye.video import run as running
from gramarye.video.clip import AbstractClip
from gramarye.video.frames import Pixels
from gramarye.video.masks import ProtectedFrames
from gramarye.video.optimizing import uncovered
from gramarye.video.reading import open_clip
from gramarye.video.run import VideoJob, VideoRun, open_video
from gramarye.video.settings import make_video_settings

pytest.importorskip("cv2", reason="OpenCV is not installed (the extra 'video')")

Scene = Callable[..., list[Pixels]]
WAYS = pytest.mark.parametrize("way", ["instant", "optimize"])


def saved(folder: Path, frames: list[Pixels]) -> Path:
    folder.mkdir()
    for number, pixels in enumerate(frames):
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


def bar(left: int, size: tuple[int, int] = (32, 48)) -> Pixels:
    """A mask, white in sixteen columns of 48, wherever they begin."""
    mask = np.zeros((*size, 3), np.uint8)
    each = size[1] // 48
    mask[:, each * left : each * (left + 16)] = 255
    return mask


@pytest.fixture
def film(tmp_path: Path, scene: Scene) -> Path:
    return saved(tmp_path / "film", scene(4, moved=1))


@pytest.fixture
def run(film: Path, painting: Path, tiny_weights: Path, tmp_path: Path) -> Callable[..., VideoRun]:
    def made(way: str, protect: Path | None, out: str = "out", **video: Any) -> VideoRun:
        settings: dict[str, Any] = {}
        if way == "optimize":
            video |= {"way": way, "frame_steps": 2}
            settings = {"size": 48, "min_size": 48, "steps": 3, "weights": str(tiny_weights)}
        options = make_video_settings(**video)
        job = VideoJob(film, [painting], tmp_path / out, settings, options, protect=protect)
        return open_video(job)

    return made


def apart(made: VideoRun, film: Path) -> np.ndarray[Any, Any]:
    """The mean difference of every painted frame's columns from the film's, in levels (T, W)."""
    assert list(made.steps())
    painted = [np.asarray(Image.open(x), int) for x in sorted(made.out.iterdir())]
    shown = [np.asarray(Image.open(x), int) for x in sorted(film.iterdir())][-len(painted) :]
    return np.abs(np.stack(painted) - np.stack(shown)).mean((1, 3))


@WAYS
def test_what_a_picture_protects_stays_in_all_frames(
    way: str, run: Callable[..., VideoRun], film: Path, tmp_path: Path
) -> None:
    Image.fromarray(bar(16, (64, 96))).save(tmp_path / "mask.png")
    columns = apart(run(way, tmp_path / "mask.png"), film)
    assert columns[:, 17:31].max() == 0  # twice the size: its border is soft
    assert columns[:, :15].mean() > 1 and columns[:, 33:].mean() > 1


@WAYS
def test_a_clip_of_masks_has_one_for_each_frame(
    way: str, run: Callable[..., VideoRun], film: Path, tmp_path: Path
) -> None:
    white = np.full((32, 48, 3), 255, np.uint8)
    masks = saved(tmp_path / "masks", [bar(0), bar(32), white, bar(0)])
    columns = apart(run(way, masks), film)
    assert columns[0, :16].max() == 0 and columns[0, 16:].mean() > 1
    assert columns[1, 32:].max() == 0 and columns[1, :32].mean() > 1
    assert columns[2].max() == 0
    assert columns[3, :16].max() == 0 and columns[3, 16:].mean() > 1


def test_masks_stay_with_their_frames_in_a_part_of_a_clip(
    run: Callable[..., VideoRun], film: Path, tmp_path: Path
) -> None:
    masks = saved(tmp_path / "masks", [bar(0), bar(0), bar(32), bar(16)])
    columns = apart(run("instant", tmp_path / "masks" / "%d.png", start=0.08), film)  # frame 3 on
    assert columns.shape[0] == 2 and masks.is_dir()
    assert columns[0, 32:].max() == 0 and columns[1, 16:32].max() == 0


def test_a_clip_file_is_read_as_masks(
    make_clip: Callable[..., Path], film: Path, run: Callable[..., VideoRun]
) -> None:
    masks = make_clip("masks.mp4", [bar(0), bar(32), bar(0), bar(32)])
    columns = apart(run("instant", masks), film)
    assert columns[0, :14].max() <= 2 and columns[1, 34:].max() <= 2


@WAYS
def test_a_killed_run_goes_on_with_its_masks(
    way: str, run: Callable[..., VideoRun], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "PART_FRAMES", 2)
    masks = saved(tmp_path / "masks", [bar(0), bar(16), bar(32), bar(0)])
    whole = run(way, masks, "whole")
    assert len(list(whole.steps())) == 4
    steps = run(way, masks, "killed").steps()
    for _ in range(3):
        next(steps)
    steps.close()  # type: ignore[attr-defined]
    again = run(way, masks, "killed")
    assert len(list(again.steps())) == 2
    for one, other in zip(sorted(whole.out.iterdir()), sorted(again.out.iterdir()), strict=True):
        assert one.read_bytes() == other.read_bytes()
    assert whole.recipe["protect"]["name"] == "masks"
    (masks / "0.png").write_bytes(b"longer than it was" * 99)  # other masks, another run
    with pytest.raises((InputError, ImageError)):
        list(run(way, masks, "killed").steps())


def test_what_is_uncovered_is_not_held_to_what_was_not_painted() -> None:
    def masked(left: int) -> torch.Tensor:
        return torch.from_numpy(bar(left)).permute(2, 0, 1)[None].float() / 255

    still = np.zeros((32, 48, 2), np.float32)
    found = uncovered(masked(0), masked(8), still)[..., 0]
    assert found[:, :8].min() == 1 and found[:, 8:].max() == 0
    moved = still.copy()
    moved[..., 0] = -8  # what was eight columns to the left: the bar goes with the film
    assert uncovered(masked(0), masked(8), moved)[:, 8:].max() == 0
    assert uncovered(masked(0), None, still)[:, :16].min() == 1


def opened(path: Path, film: Path) -> ProtectedFrames:
    clip: AbstractClip = open_clip(film)
    return ProtectedFrames(path, clip)


def test_masks_that_do_not_belong_to_the_film_are_refused(
    film: Path, tmp_path: Path, make_clip: Callable[..., Path]
) -> None:
    few = saved(tmp_path / "few", [bar(0)] * 3)
    with pytest.raises(
        InputError, match=r"few' has 3 frames, and '.*film' 4: give a mask for each"
    ):
        opened(few, film)
    wide = saved(tmp_path / "wide", [bar(0, (32, 96))] * 4)
    with pytest.raises(InputError, match="protect is 96 x 32 pixels and content is 48 x 32"):
        opened(wide, film)
    Image.new("RGB", (48, 32), "white").save(tmp_path / "white.png")
    with pytest.raises(ImageError, match="white everywhere"):
        opened(tmp_path / "white.png", film)
    whole = make_clip("masks.mkv", [bar(0)] * 4, codec="libx264").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises((InputError, ImageError), match=r"cut\.mkv"):
        opened(tmp_path / "cut.mkv", film)
    with pytest.raises(ImageError, match="there is no clip"):
        opened(tmp_path / "gone.mp4", film)


def test_from_python(film: Path, painting: Path, tmp_path: Path, scene: Scene) -> None:
    masks = saved(tmp_path / "masks", [bar(0), bar(32), bar(0), bar(32)])
    found = list(gramarye.stylize_video(film, painting, protect=masks))
    first = gramarye.load_image(film / "0.png")
    assert (found[0].image - first)[..., :16].abs().max() < 1e-6
    assert float((found[0].image - first)[..., 16:].abs().mean()) > 0.01
    with pytest.raises(InputError, match="protect is for a clip that has a name"):
        gramarye.stylize_video(scene(2), painting, protect=masks)
