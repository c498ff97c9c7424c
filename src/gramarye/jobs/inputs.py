"""The pictures a job reads: in memory, or read anew for every scale where they are large."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

import torch
from torch import Tensor

from gramarye.pictures.picture import Picture, load_picture

LARGE = 12_000_000  # pixels; as float32 these take 137 MiB


@final
@dataclass(frozen=True)
class Input:
    """A picture that was read. Of a large one only the size and what came with it are kept."""

    picture: Picture
    height: int
    width: int
    pixels: Tensor | Callable[[], Tensor]  # (1, 3, H, W) on the device, or what reads them again

    def load(self) -> Tensor:
        return self.pixels if isinstance(self.pixels, Tensor) else self.pixels()


def open_input(path: Path, device: torch.device) -> Input:
    """Read a picture, and let go of its pixels if they are many."""
    picture = load_picture(path)
    height, width = picture.height, picture.width
    if height * width <= LARGE:
        return Input(picture, height, width, picture.pixels.to(device))
    metadata_only = replace(picture, pixels=picture.pixels[..., :1, :1].clone())
    return Input(metadata_only, height, width, lambda: load_picture(path).pixels.to(device))
