"""Training crops: random, jittered, noisy views of a folder of pictures."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from gramarye.errors import ImageError
from gramarye.pictures.picture import load_image

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def picture_files(folders: Sequence[Path], skip: Sequence[str] = ()) -> list[Path]:
    """All pictures below the folders, sorted, without those whose name starts as `skip` says."""
    files: list[Path] = []
    for folder in folders:
        try:
            if not folder.is_dir():
                raise ImageError(
                    f"'{folder}' is no folder: name a folder of pictures to train with"
                )
            found = sorted(f for f in below(folder) if f.suffix.lower() in SUFFIXES)
        except (OSError, ValueError) as error:  # ValueError: a null character
            reason = getattr(error, "strerror", None) or error
            where = getattr(error, "filename", None) or folder
            raise ImageError(
                f"the folder '{str(where)[:200]}' cannot be read ({reason}): name another"
            ) from error
        files += [f for f in found if not f.name.startswith(tuple(skip))]
    if not files:
        names = ", ".join(f"'{folder}'" for folder in folders)
        left = f" that the prefixes {', '.join(map(repr, skip))} leave" if skip else ""
        raise ImageError(f"no pictures ({', '.join(SUFFIXES)}) in {names}{left}: name another")
    return files


def below(folder: Path) -> Iterator[Path]:
    """All that is in a folder and those in it; OSError for one that may not be read."""

    def stop(error: OSError) -> None:
        raise error

    next(folder.iterdir(), None)  # which raises what is wrong with the folder itself
    for place, folders, names in os.walk(folder, onerror=stop):
        yield from (Path(place, name) for name in (*folders, *names))


def read_pictures(files: Sequence[Path]) -> tuple[dict[Path, Tensor], dict[Path, ImageError]]:
    """The pictures (3, H, W) as uint8, by file, and why the others cannot be read.

    One bad file among thousands does not end a training; ImageError if all of them are bad.
    """
    read: dict[Path, Tensor] = {}
    failed: dict[Path, ImageError] = {}
    for file in files:
        try:
            read[file] = (load_image(file)[0] * 255).round().clamp(0, 255).to(torch.uint8)
        except ImageError as error:
            failed[file] = error
    if not read:
        first = next(iter(failed.values()), "there is none")
        raise ImageError(f"none of the {len(files)} pictures can be read; the first: {first}")
    return read, failed


class CropSampler:
    """Batches of crops (B, 3, S, S) in [0, 1], a function of the seed and the step alone.

    Generated images leave the photographs' manifold (they are noisy, oversaturated, flipped in
    tone), so the crops do too: flips, random zoom, gamma, color matrices and Gaussian noise.
    A file name's prefix up to "_" is its source; a source is drawn by the square root of its size.
    """

    def __init__(
        self, pictures: Mapping[Path, Tensor], pixels: int, sides: Sequence[int], seed: int
    ) -> None:
        self.pixels, self.sides, self.seed = pixels, tuple(sides), seed
        self.pictures = list(pictures.values())  # (3, H, W) uint8
        counts: dict[str, int] = {}
        sources = [f"{file.parent}/{file.name.split('_')[0]}" for file in pictures]
        for source in sources:
            counts[source] = counts.get(source, 0) + 1
        self.weights = torch.tensor([counts[source] ** -0.5 for source in sources])

    def batch(self, step: int) -> Tensor:
        generator = torch.Generator().manual_seed((self.seed * 1_000_003 + step) % 2**63)
        side = self.sides[int(torch.randint(len(self.sides), (), generator=generator))]
        count = max(1, round(self.pixels / side**2))
        chosen = torch.multinomial(self.weights, count, True, generator=generator)
        crops = [self.crop(self.pictures[int(i)], side, generator) for i in chosen]
        batch = torch.cat(crops)
        return batch.contiguous(memory_format=torch.channels_last)

    def crop(self, picture: Tensor, side: int, generator: torch.Generator) -> Tensor:
        def uniform(low: float, high: float) -> float:
            return low + (high - low) * float(torch.rand((), generator=generator))

        height, width = picture.shape[1:]
        # One crop in two is resampled: up to twice as large or small as the file's pixels.
        zoom = 2 ** uniform(-1, 1) if uniform(0, 1) < 0.5 else 1.0
        taken = min(round(side / zoom), height, width)
        top, left = (int(uniform(0, n - taken + 0.999)) for n in (height, width))
        crop = picture[None, :, top : top + taken, left : left + taken].float() / 255
        if taken != side:
            crop = F.interpolate(crop, size=(side, side), mode="bilinear", antialias=True)
        if uniform(0, 1) < 0.5:
            crop = crop.flip(-1)
        crop = crop.clamp(0, 1) ** math.exp(uniform(-0.5, 0.5))  # gamma
        if uniform(0, 1) < 0.4:
            mix = torch.eye(3) + 0.3 * torch.randn(3, 3, generator=generator)
            center = crop.mean((2, 3), keepdim=True)
            crop = center + torch.einsum("ij,bjhw->bihw", mix, crop - center)
        if uniform(0, 1) < 0.4:
            noise = torch.randn(crop.shape, generator=generator)
            crop = crop + uniform(0, 0.15) * noise
        return crop.clamp(0, 1)
