"""The pictures a job reads: in memory, or read again for every scale where they are large."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import final

import torch

from gramarye.devices import release_memory
from gramarye.errors import ImageError
from gramarye.feedforward.settings import MULTIPLE
from gramarye.files import file_sha256
from gramarye.inputs.inputs import Input, Inputs
from gramarye.jobs.files import State, read_whole, state_of
from gramarye.pictures.alpha import opacity
from gramarye.pictures.picture import Picture, load_picture, load_with_room
from gramarye.pictures.settings import PictureSettings
from gramarye.recipe import InputFile, input_file

LARGE = 12_000_000  # pixels; as float32 these take 137 MiB
LARGE_PAINTED = 4_000_000  # of what a painter paints, which looks at its inputs once


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

    def check(self) -> None:
        """Raise ImageError if a file that will be read again is not what it was."""
        for found in self.inputs.inputs.values():
            if isinstance(found.pixels, LargePicture):
                found.pixels.check()


def read_inputs(
    paths: Mapping[str, Path],
    settings: PictureSettings,
    device: torch.device,
    *,
    painted: bool = False,
) -> InputPictures:
    """Read all inputs, the small ones onto the device; `painted` in one pass, fewer are small."""
    large, multiple = (LARGE_PAINTED, MULTIPLE) if painted else (LARGE, 1)
    read = {name: read_input(path, device, large, multiple) for name, path in paths.items()}
    pictures = {name: picture for name, (_, picture) in read.items()}
    files = {name: input_file(picture) for name, picture in pictures.items()}
    inputs = Inputs({name: found for name, (found, _) in read.items()}, settings)
    return InputPictures(inputs, pictures, files)


def read_input(
    path: Path, device: torch.device, large: int, multiple: int = 1
) -> tuple[Input, Picture]:
    """Read a picture, and let go of its pixels if they are many.

    Those that are read again have room for sides of a `multiple` of pixels.
    """
    before = state_of(path)
    picture = read_whole(path, load_picture)
    size = picture.height, picture.width
    if size[0] * size[1] <= large:
        return Input.of(picture.on(device), f"'{path}'"), picture
    opacity(picture.alpha, f"'{path}'")  # said now, not when it is read again
    without = replace(picture, pixels=picture.pixels[..., :1, :1].clone())
    assert picture.metadata.sha256 is not None, "it came from a file"
    again = LargePicture(path, device, picture.metadata.sha256, before, multiple)
    return Input(again, *size, fresh=True), without


@final
@dataclass(frozen=True)
class LargePicture:
    """Reads a picture file again; ImageError if it is not what it was the first time.

    The recipe names what was read first, and no scale may be made of anything else.
    """

    path: Path
    device: torch.device
    sha256: str
    state: State | None
    multiple: int = 1

    def __call__(self) -> Picture:
        before = state_of(self.path)
        try:
            if self.multiple > 1:
                picture = load_with_room(self.path, self.multiple)
            else:
                picture = load_picture(self.path)
        except ImageError as error:  # gone, or cut short
            raise self.changed() from error
        if picture.metadata.sha256 != self.sha256 or state_of(self.path) != before:
            raise self.changed()
        release_memory(torch.device("cpu"))  # what decoding took, before colors are matched
        return picture.on(self.device)

    def check(self) -> None:
        """Raise ImageError if the file is not the same, without reading it where it looks so."""
        try:
            if state_of(self.path) != self.state and file_sha256(self.path) != self.sha256:
                raise self.changed()
        except OSError as error:
            raise self.changed() from error

    def changed(self) -> ImageError:
        return ImageError(
            f"'{self.path}' is gone or has changed since the run began: put the old one back"
        )
