"""Folders of pictures to train with: their files, and those of them that can be read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from gramarye.errors import ImageError
from gramarye.pictures.picture import load_image

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")


def read_bytes(file: Path) -> Tensor:
    """A picture (3, H, W) as uint8: a quarter of its memory; ImageError if it cannot be read."""
    return (load_image(file)[0] * 255).round().clamp(0, 255).to(torch.uint8)


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
            read[file] = read_bytes(file)
        except ImageError as error:
            failed[file] = error
    if not read:
        first = next(iter(failed.values()), "there is none")
        raise ImageError(f"none of the {len(files)} pictures can be read; the first: {first}")
    return read, failed
