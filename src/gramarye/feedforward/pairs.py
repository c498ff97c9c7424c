"""Pairs of crops to train with: photographs and paintings, a function of the seed and the step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from gramarye.errors import ImageError
from gramarye.feedforward.cascade import StyleLook
from gramarye.pictures.folders import read_bytes

ROOM = 2 << 30  # bytes of pictures that are kept once they are read
LARGEST = 2.0  # times a photograph is enlarged at most, and a painting 1.6 times


@final
@dataclass(frozen=True)
class Pairs:
    """Contents and styles of a step."""

    contents: Tensor  # (B, 3, S, S) in [0, 1]
    styles: Tensor  # (B, 3, T, T) in [0, 1]
    look: StyleLook | None = None  # what the styles are like at each part, where it is known


@final
class Pictures:
    """Pictures (3, H, W) uint8 by number, read when they are drawn and kept while there is room.

    A file name's prefix up to "_" is its source; a source is drawn by the square root of its size.
    A file that cannot be read is passed over for the next one, and named in `failed`.
    """

    def __init__(self, files: Sequence[Path], room: int = ROOM) -> None:
        self.files, self.room = list(files), room
        sources = [f"{file.parent}/{file.name.split('_')[0]}" for file in files]
        counts = Counter(sources)
        self.weights = torch.tensor([counts[source] ** -0.5 for source in sources])
        self.kept: dict[Path, Tensor] = {}
        self.failed: dict[Path, ImageError] = {}

    def draw(self, count: int, generator: torch.Generator) -> list[Tensor]:
        """So many, different ones where there are enough."""
        several = count > len(self.files)
        chosen = torch.multinomial(self.weights, count, several, generator=generator)
        return [self.read(int(number)) for number in chosen]

    def read(self, number: int) -> Tensor:
        """The picture of that number, or the next one that can be read."""
        for later in range(len(self.files)):
            found = self.look(self.files[(number + later) % len(self.files)])
            if found is not None:
                return found
        first = next(iter(self.failed.values()))
        raise ImageError(f"none of the {len(self.files)} pictures can be read; the first: {first}")

    def look(self, file: Path) -> Tensor | None:
        if file in self.failed:
            return None
        if file in self.kept:
            return self.kept[file]
        try:
            picture = read_bytes(file)
        except ImageError as error:
            self.failed[file] = error
            return None
        if self.room >= picture.numel():
            self.room -= picture.numel()
            self.kept[file] = picture
        return picture


@final
class PairSampler:
    """Pairs of a step; nothing but the seed and the step decides which.

    Photographs and paintings are turned and flipped, so that no direction of strokes pays always.
    """

    def __init__(
        self,
        photographs: Pictures,
        paintings: Pictures,
        sides: Sequence[int],
        style_side: int,
        pixels: int,
        seed: int,
    ) -> None:
        self.photographs, self.paintings = photographs, paintings
        self.sides, self.style_side = tuple(sides), style_side
        self.pixels, self.seed = pixels, seed

    def __call__(self, step: int) -> Pairs:
        generator = torch.Generator().manual_seed((self.seed * 1_000_003 + step) % 2**63)
        side = self.sides[int(torch.randint(len(self.sides), (), generator=generator))]
        count = max(1, round(self.pixels / side**2))
        contents = torch.cat(
            [
                content_crop(picture, side, generator)
                for picture in self.photographs.draw(count, generator)
            ]
        )
        styles = torch.cat(
            [
                style_crop(picture, self.style_side, generator)
                for picture in self.paintings.draw(count, generator)
            ]
        )
        return Pairs(contents, styles)


def uniform(low: float, high: float, generator: torch.Generator) -> float:
    return low + (high - low) * float(torch.rand((), generator=generator))


def square(picture: Tensor, taken: int, side: int, generator: torch.Generator) -> Tensor:
    """A square of so many pixels from anywhere in it, at this side: (1, 3, side, side)."""
    height, width = picture.shape[1:]
    taken = min(taken, height, width)
    top, left = (int(uniform(0, n - taken + 0.999, generator)) for n in (height, width))
    crop = picture[None, :, top : top + taken, left : left + taken].float() / 255
    if taken == side:
        return crop
    return F.interpolate(crop, size=(side, side), mode="bicubic", antialias=True).clamp(0, 1)


def turned(crop: Tensor, turns: int, flip: bool) -> Tensor:
    crop = crop.rot90(turns, (2, 3))
    return crop.flip(-1) if flip else crop


def content_crop(picture: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """A photograph's crop, flipped, one in four turned, one in two a little noisy."""
    zoom = LARGEST ** uniform(0, 1, generator) if uniform(0, 1, generator) < 0.6 else 1.0
    shortest = min(picture.shape[1:])
    # Half of the crops are as large a part of the picture as there is.
    taken = shortest if uniform(0, 1, generator) < 0.3 else round(side / zoom)
    crop = square(picture, taken, side, generator)
    turns = int(uniform(0, 4, generator)) if uniform(0, 1, generator) < 0.3 else 0
    crop = turned(crop, turns, uniform(0, 1, generator) < 0.5)
    gamma = 2 ** uniform(-0.5, 0.5, generator)
    crop = crop.clamp(0, 1) ** gamma
    if uniform(0, 1, generator) < 0.5:
        noise = torch.randn(crop.shape, generator=generator)
        crop = crop + uniform(0, 2 / 255, generator) * noise
    return crop.clamp(0, 1)


def style_crop(picture: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """A painting's crop at any scale from 1.6 times enlarged to all that fits, turned, flipped.

    One in ten has other colors.
    """
    shortest = min(picture.shape[1:])
    low = min(round(side / 1.6), shortest)
    taken = round(low * (shortest / low) ** uniform(0, 1, generator))
    crop = square(picture, taken, side, generator)
    turns = int(uniform(0, 4, generator)) if uniform(0, 1, generator) < 0.5 else 0
    crop = turned(crop, turns, uniform(0, 1, generator) < 0.5)
    if uniform(0, 1, generator) < 0.1:
        mix = torch.eye(3) + 0.4 * torch.randn(3, 3, generator=generator)
        center = crop.mean((2, 3), keepdim=True)
        shift = 0.1 * torch.randn(1, 3, 1, 1, generator=generator)
        crop = center + shift + torch.einsum("ij,bjhw->bihw", mix, crop - center)
    return crop.clamp(0, 1)
