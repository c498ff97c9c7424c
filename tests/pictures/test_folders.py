"""Folders of pictures: which files there are, and which of them can be read."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from gramarye.errors import ImageError
from gramarye.pictures.folders import picture_files, read_bytes, read_pictures


@pytest.fixture
def images(make_picture: Callable[..., Path]) -> Path:
    for index in range(3):
        make_picture(f"train/a_{index}.png", 20, 16, seed=index)
    return make_picture("train/held_0.png", 20, 16, seed=9).parent


def test_a_picture_is_read_as_the_bytes_it_has(images: Path) -> None:
    found = read_bytes(images / "a_0.png")
    assert found.shape == (3, 16, 20) and found.dtype == torch.uint8
    with Image.open(images / "a_0.png") as image:
        assert [image.getpixel((x, 5)) for x in range(20)] == [
            tuple(found[:, 5, x].tolist()) for x in range(20)
        ]


def test_pictures_are_skipped_by_their_prefix(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(picture_files([images])) == 4
    assert [f.name for f in picture_files([images], ["held"])] == ["a_0.png", "a_1.png", "a_2.png"]
    real = os.scandir

    def locked(path: Path) -> object:
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    (images / "locked").mkdir()
    monkeypatch.setattr(os, "scandir", locked)  # the tests' user may read everything
    with pytest.raises(ImageError, match=r"locked' cannot be read \(Permission denied\)"):
        picture_files([images])
    monkeypatch.undo()
    with pytest.raises(ImageError, match="no pictures"):
        picture_files([images], ["a", "held"])
    with pytest.raises(ImageError, match="is no folder"):
        picture_files([tmp_path / "nowhere"])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_among_the_pictures_is_not_waited_for(images: Path) -> None:
    os.mkfifo(images / "pipe.png")
    _, failed = read_pictures([images / "a_0.png", images / "pipe.png"])
    assert list(failed) == [images / "pipe.png"]
