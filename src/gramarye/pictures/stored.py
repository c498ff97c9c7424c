"""Pictures as files hold them, without PyTorch: their sizes, their recipes, and writing them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import IO, BinaryIO

import numpy as np

from gramarye.errors import ImageError
from gramarye.files import atomic_file, check_target, user_path
from gramarye.pictures.decoding import header_info, header_size
from gramarye.pictures.encoding import carry, encode
from gramarye.pictures.formats import Format, check_request, format_of
from gramarye.pictures.metadata import Metadata, recipe_in_xmp
from gramarye.pictures.opening import open_picture_file
from gramarye.pictures.rows import Array, ResultRows
from gramarye.pictures.vips import OpenFile

# Twenty times a phone's picture; 4.8 GB as float32. What is larger is a mistake or an attack,
# unless the caller says otherwise.
MAX_PIXELS = 400_000_000


@dataclass(frozen=True)
class Saved:
    """A picture that has been written, and what a user should know about it."""

    path: Path  # Path() when it went into an open file
    notes: tuple[str, ...] = ()


def save_planes(
    color: Array,
    alpha: Array | None,
    metadata: Metadata,
    target: Path | BinaryIO,
    format_: Format,
    *,
    quality: int = 95,
    strip: bool = False,
    bit_depth: int | None = None,
    recipe: str | None = None,
    overwrite: bool = True,
) -> Saved:
    """Write sRGB color (3, H, W) in [0, 1] and alpha (1, H, W), whole or not at all."""
    size = (color.shape[2], color.shape[1])
    check_request(format_, quality, bit_depth, size)
    depth = bit_depth or min(metadata.bit_depth, max(format_.bit_depths))
    carried, notes = carry(metadata, format_, size, recipe, strip)
    rows, flat_notes = rows_for(color, alpha, format_, depth)
    if isinstance(target, Path):
        with atomic_file(target, new=not overwrite) as file:
            encode(file, rows, format_, carried, quality)
    else:
        memory = BytesIO()  # TIFF goes back to its beginning, which not every file can
        encode(memory, rows, format_, carried, quality)
        target.write(memory.getvalue())
    path = target if isinstance(target, Path) else Path()
    return Saved(path, (*flat_notes, *notes))


def check_output(
    path: str | PathLike[str],
    *,
    quality: int = 95,
    bit_depth: int | None = None,
    size: tuple[int, int] | None = None,
    inputs: Sequence[str | Path] = (),
    overwrite: bool = True,
) -> None:
    """Raise what `save_picture` would raise, before hours of work; size is (width, height)."""
    path = user_path(path)
    check_target(path, inputs, overwrite)
    check_request(format_of(path), quality, bit_depth, size)


def read_recipe(source: str | PathLike[str] | bytes | IO[bytes]) -> str | None:
    """The recipe that `save_picture` put into a file, or None; the pixels are not decoded."""
    with open_source(source) as (file, name):
        return recipe_in_xmp(header_info(file, name).get("xmp"))


def picture_size(source: str | PathLike[str]) -> tuple[int, int]:
    """(width, height) of a file's picture as it is stored; the pixels are not decoded."""
    with open_source(source) as (file, name):
        return header_size(file, name)


@contextmanager
def open_source(source: object) -> Iterator[tuple[OpenFile, str]]:
    """A file open for reading, and its name for messages."""
    if isinstance(source, str | PathLike):
        with open_picture_file(source) as file:
            yield file, Path(source).name
        return
    if not isinstance(source, type) and callable(read := getattr(source, "read", None)):
        source = read()  # from where it stands; it may not be able to go back
    if not isinstance(source, bytes | bytearray | memoryview):
        raise ImageError(
            f"a picture cannot be made from {type(source).__name__}: give a path, a file opened "
            "for reading bytes, its bytes, a Pillow image, a numpy array or a tensor"
        )
    yield BytesIO(source), "the picture"


def rows_for(
    color: Array, alpha: Array | None, format_: Format, bit_depth: int
) -> tuple[ResultRows, tuple[str, ...]]:
    """The picture as the format holds it: over white where there is no transparency."""
    if alpha is None or format_.alpha:
        return result_rows(color, alpha, bit_depth), ()
    if float(alpha.min()) >= 1:
        return result_rows(color, None, bit_depth), ()
    note = f"{format_.name} has no transparency: the picture is laid over white"
    return result_rows(color, alpha, bit_depth, over_white=True), (note,)


def result_rows(
    color: Array, alpha: Array | None, bit_depth: int, over_white: bool = False
) -> ResultRows:
    """(rows, W, 3 or 4) uint8 or uint16, rounded to the nearest level when they are asked for."""
    planes = [plane for plane in (color, alpha) if plane is not None]
    dtype, full = (np.uint8, 255) if bit_depth == 8 else (np.uint16, 65535)

    def read(top: int, bottom: int) -> Array:
        color, *rest = (plane[:, top:bottom] for plane in planes)
        if over_white:
            color, rest = color * rest[0] + (1 - rest[0]), []
        levels = np.concatenate([color, *rest]).clip(0, 1)  # (3 or 4, rows, W)
        levels *= full
        return np.ascontiguousarray(levels.round().transpose(1, 2, 0), dtype)

    height, width = color.shape[-2:]
    channels = 3 if alpha is None or over_white else 4
    return ResultRows(height, width, channels, bit_depth, read)
