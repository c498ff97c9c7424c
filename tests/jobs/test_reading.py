"""What of the inputs is held, and what is read again."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from gramarye.jobs import reading
from gramarye.jobs.reading import LargePicture, read_inputs
from gramarye.pictures.room import has_room
from gramarye.pictures.settings import PictureSettings


def test_a_painter_holds_smaller_pictures_only(
    photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks at its inputs once, and its tiles are small: the picture is what takes memory."""
    assert reading.LARGE_PAINTED < reading.LARGE
    monkeypatch.setattr(reading, "LARGE_PAINTED", 0)
    held, again = (
        read_inputs({"content": photo}, PictureSettings(), torch.device("cpu"), painted=painted)
        for painted in (False, True)
    )
    pixels, read = held.inputs["content"].pixels, again.inputs["content"].pixels
    assert isinstance(pixels, Tensor) and isinstance(read, LargePicture)
    found = read().pixels
    assert torch.equal(found, pixels)
    assert has_room(found, 64, 64)  # so that it is never copied for its sides
