"""Animations: every frame, in order, there and back; whole or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gramarye.errors import InputError, OutputError
from gramarye.pictures.animation import check_animation, save_animation

COLORS = [(250, 10, 10), (10, 250, 10), (10, 10, 250), (200, 200, 200)]


@pytest.fixture
def frames(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"{number}.png" for number in range(len(COLORS))]
    for path, color in zip(paths, COLORS, strict=True):
        Image.new("RGB", (24, 16), color).save(path)
    return paths


def shown(path: Path) -> list[tuple[int, ...]]:
    """The middle of each frame."""
    with Image.open(path) as image:
        found = []
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            found.append(tuple(np.array(image.convert("RGB"))[8, 12].tolist()))
        return found


def alike(found: list[tuple[int, ...]], expected: list[tuple[int, ...]]) -> bool:
    return len(found) == len(expected) and bool(
        np.abs(np.array(found) - np.array(expected)).max() < 16
    )


@pytest.mark.parametrize("name", ["a.webp", "a.gif", "folder/A.WEBP"])
def test_frames_go_there_and_back(frames: list[Path], tmp_path: Path, name: str) -> None:
    path = save_animation(frames, tmp_path / name, 0.2)
    assert alike(shown(path), [*COLORS, COLORS[2], COLORS[1]])
    with Image.open(path) as image:
        assert image.info["loop"] == 0
        image.load()
        assert image.info["duration"] == 200


def test_or_only_there(frames: list[Path], tmp_path: Path) -> None:
    assert alike(shown(save_animation(frames, tmp_path / "a.gif", 0.1, back=False)), COLORS)
    assert alike(shown(save_animation(frames[:2], tmp_path / "b.gif", 0.1)), COLORS[:2])


def test_transparency_is_laid_over_white(tmp_path: Path) -> None:
    for number in range(2):
        Image.new("RGBA", (8, 8), (0, 0, 100 * number, 0)).save(tmp_path / f"{number}.png")
    paths = [tmp_path / "0.png", tmp_path / "1.png"]
    path = save_animation(paths, tmp_path / "a.webp", 0.1)
    with Image.open(path) as image:
        assert np.array(image.convert("RGB")).min() > 250


def test_what_is_no_animation_or_one_of_the_frames_is_refused(
    frames: list[Path], tmp_path: Path
) -> None:
    with pytest.raises(OutputError, match=r"let it end in \.webp or \.gif"):
        check_animation(tmp_path / "a.mp4")
    frames[0].rename(tmp_path / "0.gif")
    with pytest.raises(InputError, match=r"0\.gif"):
        save_animation([tmp_path / "0.gif", frames[1]], tmp_path / "0.gif", 0.1)
