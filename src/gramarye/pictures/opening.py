"""From what the user typed to an open file, with one clear sentence where that fails."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from os import PathLike
from pathlib import Path

from gramarye.errors import ImageError, did_you_mean_file
from gramarye.files import is_there, user_path, web_address
from gramarye.pictures.sniffing import CAMERA_RAW


@contextmanager
def open_picture_file(path: str | PathLike[str]) -> Iterator[BufferedReader]:
    """The file, open for reading; everything wrong with the path is an ImageError."""
    if address := web_address(path):
        raise ImageError(
            f"'{address}' is a web address, and pictures are not fetched from the network: "
            "download it first, then give the path of the file"
        )
    path = user_path(path)
    if str(path) == "-" and not is_there(path):
        raise ImageError(
            "pictures are not read from standard input ('-'): save it first, then give the path of "
            "the file"
        )
    _check_is_file(path)
    if path.suffix.lower() in CAMERA_RAW:
        raise ImageError(
            f"'{path}' is a camera raw file: develop it first, "
            "for instance to a 16-bit TIFF, and give that"
        )
    try:
        file = path.open("rb")
    except OSError as error:
        raise ImageError(_why_unreadable(path, error)) from error
    with file:
        yield file


def _check_is_file(path: Path) -> None:
    try:
        path.stat()
    except FileNotFoundError as error:
        raise ImageError(_why_missing(path)) from error
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise ImageError(_why_unreadable(path, error)) from error
    if path.is_dir():
        raise ImageError(f"'{path}' is a folder, not a picture: give the path of one file")
    if not path.is_file():
        raise ImageError(f"'{path}' is a device or a pipe: give the path of an ordinary file")


def _why_missing(path: Path) -> str:
    if path.is_symlink():
        return f"'{path}' is a link to '{path.readlink()}', which is not there: mend the link"
    if not path.parent.is_dir():
        return f"there is no folder '{path.parent}', so no '{path}': check the path"
    try:
        names = [entry.name for entry in path.parent.iterdir()]
    except OSError:
        names = []
    hint = did_you_mean_file(path.name, [name for name in names if not name.startswith(".")])
    return f"there is no file '{path}': check the path{hint}"


def _why_unreadable(path: Path, error: OSError | ValueError) -> str:
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EPERM):
        return f"'{path}' may not be read by this user: change its permissions"
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return f"'{path}' cannot be opened ({reason}): check the path"
