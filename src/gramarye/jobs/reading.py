"""The pictures a job reads: in memory, or read again for every scale where they are large."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import final

import torch

from gramarye.inputs.inputs import Input, Inputs
from gramarye.pictures.alpha import opacity
from gramarye.pictures.picture import Picture, load_picture
from gramarye.recipe import InputFile, input_file

LARGE = 12_000_000  # pixels; as float32 these take 137 MiB


@final
@dataclass(frozen=True)
class InputPictures:
    """The inputs of a job, and what their files held besides pixels, by name."""

    inputs: Inputs
    pictures: Mapping[str, Picture]  # of large ones without their pixels
    files: Mapping[str, InputFile]

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user should know about the reading."""
        return tuple(note for picture in self.pictures.values() for note in picture.notes)


def read_inputs(paths: Mapping[str, Path], device: torch.device) -> InputPictures:
    """Read all inputs, the small ones onto the device."""
    read = {name: read_input(path, device) for name, path in paths.items()}
    pictures = {name: picture for name, (_, picture) in read.items()}
    files = {name: input_file(picture) for name, picture in pictures.items()}
    return InputPictures(
        Inputs({name: found for name, (found, _) in read.items()}), pictures, files
    )


def read_input(path: Path, device: torch.device) -> tuple[Input, Picture]:
    """Read a picture, and let go of its pixels if they are many."""
    picture = load_picture(path)
    size = picture.height, picture.width
    if size[0] * size[1] <= LARGE:
        return Input.of(picture.on(device), f"'{path}'"), picture
    opacity(picture.alpha, f"'{path}'")  # said now, not when it is read again
    without = replace(picture, pixels=picture.pixels[..., :1, :1].clone())
    return Input(partial(read_again, path, device), *size), without


def read_again(path: Path, device: torch.device) -> Picture:
    return load_picture(path).on(device)
