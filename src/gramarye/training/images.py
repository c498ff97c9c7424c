"""The photographs of a training: any folder, however deep, or a ZIP, read as it lies."""

from __future__ import annotations

import hashlib
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import final

import torch
from torch import Tensor

from gramarye.errors import ImageError
from gramarye.files import check_readable, user_path
from gramarye.pictures.folders import SUFFIXES, picture_files
from gramarye.pictures.picture import load_image
from gramarye.samples import CONTENTS, sample_path
from gramarye.scales.resizing import resize
from gramarye.scales.sizes import fit

LARGEST_FILE = 100 << 20  # bytes of one picture in a ZIP, unpacked
LARGEST = 100_000_000  # pixels of a picture
MOST = 2_000_000  # entries of a ZIP
LONGEST = 1024  # pixels of what is kept: crops are no larger
ROOM = 1 << 30  # bytes of pictures that are kept
SMALL = 64  # pictures that are all read beforehand
LEAST = 4  # pictures
FEW = 100
HELD_OUT = 6  # pictures that are measured at most
# What reading from a damaged, encrypted or odd ZIP raises.
DAMAGE = (
    OSError, RuntimeError, EOFError, NotImplementedError, ValueError, LookupError,
    zipfile.BadZipFile, zlib.error, lzma.LZMAError,
)  # fmt: skip
SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


@final
@dataclass(frozen=True)
class Entry:
    """A picture by its name in the folder or ZIP; `load` gives its pixels (1, 3, H, W)."""

    name: str
    size: int  # bytes of its file
    load: Callable[[], Tensor]


@final
class Photographs:
    """Pictures (3, H, W) uint8, read when they are drawn and kept while there is room.

    One that cannot be read is passed over for the next, and named in `failed`.
    """

    def __init__(self, entries: Sequence[Entry], room: int = ROOM) -> None:
        self.entries, self.room = list(entries), room
        self.kept: dict[str, Tensor] = {}
        self.failed: dict[str, ImageError] = {}

    def __len__(self) -> int:
        return len(self.entries)

    def draw(self, count: int, generator: torch.Generator) -> list[Tensor]:
        numbers = torch.randint(len(self.entries), (count,), generator=generator)
        return [self.read(int(number)) for number in numbers]

    def first(self, count: int) -> list[Tensor]:
        """The first so many that can be read."""
        found: list[Tensor] = []
        for entry in self.entries:
            if len(found) == count:
                break
            picture = self.look(entry)
            if picture is not None:
                found.append(picture)
        return found

    def read(self, number: int) -> Tensor:
        for later in range(len(self.entries)):
            picture = self.look(self.entries[(number + later) % len(self.entries)])
            if picture is not None:
                return picture
        first = next(iter(self.failed.values()))
        raise ImageError(f"none of {len(self.entries)} pictures can be read; the first: {first}")

    def look(self, entry: Entry) -> Tensor | None:
        if entry.name in self.failed:
            return None
        if entry.name in self.kept:
            return self.kept[entry.name]
        try:
            picture = as_bytes(entry.load())
        except ImageError as error:
            self.failed[entry.name] = error
            return None
        if self.room >= picture.numel():
            self.room -= picture.numel()
            self.kept[entry.name] = picture
        return picture


@final
@dataclass(frozen=True)
class Collection:
    """What a training learns from, and what it is measured by."""

    train: Photographs
    held_out: Photographs
    test: Photographs  # may be empty
    digest: str  # of the pictures' names and sizes
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> dict[str, ImageError]:
        return self.train.failed | self.held_out.failed | self.test.failed


def open_collection(images: Path | None) -> Collection:
    """The pictures of a folder or a ZIP; of the samples, where there is neither.

    ImageError for what holds no pictures, or too few.
    """
    if images is None:
        return samples()
    entries = find_entries(user_path(images))
    notes = []
    if len(entries) <= SMALL:
        checked = Photographs(entries)
        readable = [entry for entry in entries if checked.look(entry) is not None]
        if checked.failed:
            notes.append(describe_failed(checked.failed))
        if not readable and entries:
            first = next(iter(checked.failed.values()))
            raise ImageError(
                f"none of the {len(entries)} pictures in '{images}' can be read; the first: {first}"
            )
        entries = readable
    if len(entries) < LEAST:
        raise ImageError(
            f"'{images}' has {len(entries)} pictures, and a training takes at least {LEAST}, some "
            "of which it is measured by: give more, or leave --images out to train on the samples"
        )
    if len(entries) < FEW:
        notes.append(
            f"{len(entries)} photographs are few: the network learns these; some hundreds are "
            "better"
        )
    train, held_out, test = split(entries)
    listing = "".join(f"{entry.name}\0{entry.size}\0" for entry in entries)
    digest = hashlib.sha256(listing.encode("utf-8", "surrogateescape")).hexdigest()
    return Collection(
        Photographs(train), Photographs(held_out), Photographs(test), digest, tuple(notes)
    )


def find_entries(images: Path) -> list[Entry]:
    """All pictures of a folder or a ZIP, by name."""
    if images.is_dir():
        return [
            Entry(
                file.relative_to(images).as_posix(),
                file.stat().st_size if file.is_file() else -1,
                lambda file=file: load_image(file, max_pixels=LARGEST),  # type: ignore[misc]
            )
            for file in picture_files([images])
        ]
    check_readable(images, "folder or ZIP", "name a folder of photographs, or a ZIP", ImageError)
    return zip_entries(images)


def zip_entries(path: Path) -> list[Entry]:
    """The pictures of a ZIP, each read from it when it is needed; nothing is unpacked to disk."""
    try:
        archive = zipfile.ZipFile(path)
        found = archive.infolist()
    except (OSError, zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise ImageError(
            f"'{path}' is neither a folder nor a ZIP that can be read: name a folder of "
            "photographs, or a ZIP"
        ) from error
    if len(found) > MOST:
        raise ImageError(f"'{path}' has {len(found)} files: give a ZIP of at most {MOST}")
    pictures = [info for info in found if is_picture(info)]
    if not pictures:
        names = ", ".join(SUFFIXES)
        raise ImageError(f"no pictures ({names}) in '{path}': name another folder or ZIP")
    return [
        Entry(info.filename, info.file_size, lambda info=info: from_zip(archive, info))  # type: ignore[misc]
        for info in sorted(pictures, key=lambda info: info.filename)
    ]


def is_picture(info: zipfile.ZipInfo) -> bool:
    name = PurePosixPath(info.filename)
    hidden = name.name.startswith(".") or "__MACOSX" in name.parts
    return not info.is_dir() and not hidden and name.suffix.lower() in SUFFIXES


def from_zip(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Tensor:
    """A picture of a ZIP; ImageError for one that is too large, encrypted or damaged."""
    if info.file_size > LARGEST_FILE:
        raise ImageError(f"'{info.filename}' is larger than {LARGEST_FILE >> 20} MiB")
    try:
        with archive.open(info) as file:
            data = file.read(LARGEST_FILE + 1)  # what the ZIP says of its size may be a lie
    except DAMAGE as error:
        raise ImageError(f"'{info.filename}' cannot be read from the ZIP ({error})") from error
    if len(data) > LARGEST_FILE:
        raise ImageError(f"'{info.filename}' is larger than {LARGEST_FILE >> 20} MiB")
    return load_image(data, max_pixels=LARGEST)


def split(entries: Sequence[Entry]) -> tuple[list[Entry], list[Entry], list[Entry]]:
    """What is trained with, what is held out, and what is looked at once, at the end.

    Folders called train, val and test, with a year or without (COCO's train2017), are taken so.
    Where there is nothing to hold out, it is one picture in ten, by the hash of its name.
    """
    parts: dict[str, list[Entry]] = {"train": [], "val": [], "test": []}
    for entry in entries:
        parts[part_of(entry.name)].append(entry)
    if not parts["train"]:  # a folder of one of the splits alone, or of none
        parts = {"train": list(entries), "val": [], "test": []}
    if not parts["val"]:
        by_hash = sorted(parts["train"], key=lambda e: hashlib.sha256(name_bytes(e)).digest())
        count = min(max(1, len(by_hash) // 10), 10 * HELD_OUT, len(by_hash) - 1)
        parts["val"] = by_hash[:count]
        held = {entry.name for entry in parts["val"]}
        parts["train"] = [e for e in parts["train"] if e.name not in held] or parts["val"]
    return parts["train"], parts["val"] or parts["train"], parts["test"]


def part_of(name: str) -> str:
    for folder in PurePosixPath(name).parts[:-1]:
        known = re.fullmatch(r"([a-z]+)[-_]?\d*", folder.lower())
        if known and known[1] in SPLITS:
            return SPLITS[known[1]]
    return "train"


def name_bytes(entry: Entry) -> bytes:
    return entry.name.encode("utf-8", "surrogateescape")


def samples() -> Collection:
    """The packaged photographs: the left of each to learn from, the right to be measured by."""
    train, held_out = [], []
    for name in CONTENTS:
        path = sample_path(name)
        size = path.stat().st_size
        train.append(Entry(f"{name}-left", size, lambda path=path: side_of(path, 0.0, 0.62)))  # type: ignore[misc]
        held_out.append(Entry(f"{name}-right", size, lambda path=path: side_of(path, 0.62, 1.0)))  # type: ignore[misc]
    notes = (
        f"it trains on {len(CONTENTS)} sample photographs, which is meagre: give a folder or a ZIP "
        "of some hundreds with --images",
    )
    return Collection(Photographs(train), Photographs(held_out), Photographs([]), "samples", notes)


def side_of(path: Path, begin: float, end: float) -> Tensor:
    image = load_image(path)
    width = image.shape[-1]
    return image[..., round(begin * width) : round(end * width)]


def as_bytes(image: Tensor) -> Tensor:
    """An image (1, 3, H, W) as (3, H, W) uint8, no longer than crops need it."""
    height, width = image.shape[-2:]
    if max(height, width) > LONGEST:
        image = resize(image, *fit(height, width, LONGEST))
    return (image[0] * 255).round().clamp(0, 255).to(torch.uint8)


def as_image(picture: Tensor, longest: int) -> Tensor:
    """A picture (3, H, W) uint8 as (1, 3, H, W) in [0, 1], so long on its longest side."""
    image = picture[None].float() / 255
    return resize(image, *fit(image.shape[-2], image.shape[-1], longest)).clamp(0, 1)


def describe_failed(failed: dict[str, ImageError]) -> str:
    count = len(failed)
    first = next(iter(failed.values()))
    pictures = "picture" if count == 1 else "pictures"
    return (
        f"{count} {pictures} cannot be read and {'is' if count == 1 else 'are'} left out: {first}"
    )
