"""Picture files that a job reads: whole, and called by their paths when something is wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from gramarye.errors import ImageError

T = TypeVar("T")
State = tuple[int, ...]


def read_whole(path: Path, read: Callable[[Path], T]) -> T:
    """What `read` makes of a file; ImageError if it is no picture, or is being written to."""
    before = state_of(path)
    try:
        picture = read(path)
    except ImageError as error:
        raise with_folder(error, path) from error
    if state_of(path) != before:
        raise ImageError(f"'{path}' is being written to: wait until it is whole")
    return picture


def state_of(path: Path) -> State | None:
    """What changes when a file is written to or replaced; None if there is none."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def with_folder(error: ImageError, path: Path) -> ImageError:
    """The same of a file by its whole path: of a folder of styles, nobody has typed its name."""
    text = str(error)
    alone = f"'{path.name}'"
    return ImageError(f"'{path}'{text[len(alone) :]}") if text.startswith(alone) else error
