"""What of a clip's frames stays as it is: a mask for all of them, or a clip of one for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import final

import torch
from torch import Tensor

from gramarye.errors import InputError
from gramarye.inputs.kinds import PROTECT, check_sizes
from gramarye.inputs.protection import check_protection, protection
from gramarye.inputs.shown import Shown
from gramarye.pictures.formats import EXTENSIONS
from gramarye.pictures.picture import load_picture
from gramarye.units import counted
from gramarye.video.clip import AbstractClip, OnePictureError
from gramarye.video.frames import Frame, Pixels, as_image, as_pixels
from gramarye.video.reading import FrameFolder, open_clip
from gramarye.video.settings import is_pattern


@final
class ProtectedFrames:
    """A film's frames, each with what is protected of it: by a picture, or by a clip of masks.

    A clip is gone through once before, and so is the film, to be sure that they belong together:
    InputError for another number of frames, for another shape, or for damage.
    """

    def __init__(self, path: Path, film: AbstractClip) -> None:
        self.film = film
        self.still: Pixels | None = None
        self.clip = mask_clip(path)
        if self.clip is None:
            light = Shown.of(load_picture(path), PROTECT).gray()
            check_protection(light)
            self.still = as_pixels(light.expand(1, 3, -1, -1))
            size = self.still.shape[0], self.still.shape[1]
        else:
            size = self.clip.size
        check_sizes({"content": film.size, PROTECT: size})
        if self.clip is not None:
            masks, frames = number_of_frames(self.clip), number_of_frames(film)
            if getattr(self.clip, "damaged", 0):
                raise InputError(
                    f"the clip of masks '{path}' is damaged in places, so that its frames are not "
                    "the film's: give a whole one"
                )
            if masks != frames:
                raise InputError(
                    f"the clip of masks '{path}' has {counted(masks, 'frame')}, and "
                    f"'{film.path}' {frames}: give a mask for each frame, or a picture for all"
                )

    def frames(self) -> Iterator[Frame]:
        """All of the film's, in their order."""
        if self.clip is None:
            for frame in self.film.frames():
                yield replace(frame, protect=self.still)
            return
        for frame, mask in zip(self.film.frames(), self.clip.frames(), strict=False):
            yield replace(frame, protect=mask.pixels)


def mask_clip(path: Path) -> AbstractClip | None:
    """The clip that a name stands for; None for a picture. ImageError for what is neither."""
    several = is_pattern(path) or path.is_dir()
    end = path.suffix.lower()
    if not several and end in EXTENSIONS and end != ".webp":
        return None
    try:
        return open_clip(path)
    except OnePictureError:
        return None


def number_of_frames(clip: AbstractClip) -> int:
    """How many frames there are to be read, which a file does not always say."""
    if isinstance(clip, FrameFolder):
        return len(clip.files)
    return sum(1 for _ in clip.frames())


def with_protected(image: Tensor, film: Tensor, frame: Frame) -> Tensor:
    """A painted image (1, 3, H, W) with the film's pixels where the frame's mask says."""
    if frame.protect is None:
        return image
    size = image.shape[-2], image.shape[-1]
    share = protection(as_image(frame.protect, size).mean(1, keepdim=True))
    return torch.lerp(image, film.to(image), share.to(image))
