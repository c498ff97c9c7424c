"""First images that are hard to get away from, drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from gramarye.errors import SettingsError
from gramarye.files import user_path
from gramarye.pictures.picture import Picture, save_picture
from gramarye.samples import CONTENTS, STYLES, sample_path
from gramarye.units import show_value

SIDE = 256  # of the pictures drawn
SQUARE, STRIPE = 16, 8  # pixels


def checkerboard() -> Tensor:
    """Black and white squares (1, 3, SIDE, SIDE)."""
    number = torch.arange(SIDE) // SQUARE
    return ((number[:, None] + number) % 2).float().expand(1, 3, -1, -1)


def stripes() -> Tensor:
    """Black and white stripes, upright."""
    return ((torch.arange(SIDE) // STRIPE) % 2).float().expand(1, 3, SIDE, -1)


def black() -> Tensor:
    return torch.zeros(1, 3, SIDE, SIDE)


DRAWN: dict[str, Callable[[], Tensor]] = {
    "checkerboard": checkerboard,
    "stripes": stripes,
    "black": black,
}


def first_picture(name: str, folder: Path) -> Path:
    """The file of a first image by its name: drawn into the folder, a sample, or a file."""
    if name in DRAWN:
        path = folder / f"{name}.png"
        if not path.exists():
            save_picture(Picture.from_tensor(DRAWN[name]().contiguous()), path)
        return path
    if name in CONTENTS + STYLES:
        return sample_path(name)
    path = user_path(Path(name))
    if not path.is_file():
        known = ", ".join((*DRAWN, *CONTENTS, *STYLES))
        raise SettingsError(f"there is no first image {show_value(name)}: name a file, or {known}")
    return path
