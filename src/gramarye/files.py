"""Files appear whole or not at all, and never in the place of an input."""

import errno
import glob
import hashlib
import os
import re
import secrets
import shutil
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from gramarye.errors import InputError, OutputError

if sys.platform != "win32":
    import fcntl

WEB_ADDRESS = re.compile(r"((?:https?|ftps?|s3|gs|file|data):)(/*)", re.IGNORECASE)

# Bytes of a file's name that are left to the names of what is kept beside it.
ROOM = 40


def user_path(path: str | os.PathLike[str]) -> Path:
    """The path with ~ as the home folder; `~photo.png` is a file where nobody has that name.

    InputError for an empty name, which would be the current folder.
    """
    if not os.fspath(path):
        raise InputError("the name of a file is empty: give its path")
    path = Path(path)
    try:
        return path.expanduser()
    except RuntimeError:
        return path


def web_address(path: str | os.PathLike[str]) -> str | None:
    """The path as it was typed if it is a web address, whose slashes a Path makes one; or None."""
    found = WEB_ADDRESS.match(str(path))
    return found and found[1] + ("//" if found[2] else "") + str(path)[found.end() :]


def check_target(path: Path, inputs: Sequence[str | Path] = (), overwrite: bool = True) -> None:
    """Raise what writing `path` would raise, as far as it can be known before; writes nothing."""
    if address := web_address(path):
        raise InputError(f"'{address}' is a web address: give the name of a file on this machine")
    if str(path) == "-" and not is_there(path):
        raise InputError("'-' is no name here, as nothing goes to standard output: name a file")
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError as error:  # a name too long, a folder that may not be entered
        raise OutputError(_why_unwritable(path, error)) from error
    except ValueError as error:  # a null character
        raise InputError(f"{str(path)!r} is no name a file can have: choose another") from error
    if path.is_dir():
        raise InputError(f"'{path}' is a folder: give a file name, like '{path / 'result.png'}'")
    if path.exists() and not path.is_file():
        raise InputError(f"'{path}' is a device or a pipe: give the name of an ordinary file")
    home = Path(*path.parts[:1])
    if len(path.parts) > 1 and home.name.startswith("~") and not home.exists():
        raise InputError(
            f"there is no home folder '{home}', so '{path}' cannot be written: give the full path"
        )
    for source in inputs:
        if same_file(path, user_path(source)):
            raise InputError(
                f"'{path}' is one of the inputs and would be overwritten: choose another name"
            )
    if not overwrite and path.exists():
        raise _exists_already(path)
    folder = _nearest_folder(path)
    if not folder.is_dir():
        raise OutputError(f"'{folder}' is a file, so '{path}' cannot be written: choose another")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(_no_permission(folder))


def write_atomically(path: Path, data: bytes) -> None:
    """The file holds `data`, or is as it was before; missing folders are made."""
    with atomic_file(path) as file:
        file.write(data)


@contextmanager
def atomic_file(path: Path, *, new: bool = False) -> Iterator[BinaryIO]:
    """A new file, open for writing, that takes the name `path` when the block ends well.

    Whatever ends the block otherwise leaves `path` as it was, and no file beside it. A file that is
    replaced leaves its mode to the new one; where it must be `new`, InputError if the name is taken
    by then.
    """
    path = Path(os.path.realpath(path))  # through a link, to the file it names
    part = path.with_name(f"{_part_start(path)}.{secrets.token_hex(4)}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("xb") as file:
                _hold(file)
                if path.exists():
                    shutil.copymode(path, part)  # before anything is in it that others may not see
                yield file
                file.flush()
                os.fsync(file.fileno())
            if new:
                _take_name(part, path)
            elif path.exists() and not path.is_file():
                check_target(path)  # which says what it has become meanwhile
            else:
                part.replace(path)
        finally:
            part.unlink(missing_ok=True)  # gone already when all went well
        _sync_folder(path.parent)
    except OSError as error:
        raise OutputError(_why_unwritable(path, error)) from error


def _take_name(part: Path, path: Path) -> None:
    """Give a file a name that no file has; InputError if one has it."""
    try:
        try:
            path.hardlink_to(part)
        except FileExistsError:
            raise
        except OSError:  # a disk without hard links, such as FAT
            path.open("xb").close()
            try:
                part.replace(path)
            except BaseException:
                path.unlink()
                raise
    except FileExistsError as error:
        raise _exists_already(path) from error


def remove_parts(path: Path) -> None:
    """Remove what processes that were killed while writing `path` have left beside it."""
    path = Path(os.path.realpath(path))
    for part in path.parent.glob(f"{glob.escape(_part_start(path))}.????????.part"):
        with suppress(OSError), part.open("rb") as file:
            if _hold(file):  # nobody writes to it any more
                part.unlink()


def _hold(file: BinaryIO) -> bool:
    """Lock an open file as long as it is open; False if another process, or thread, has it."""
    if sys.platform == "win32":  # where an open file cannot be removed
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:  # or the disk has no locks
        return False
    return True


def _part_start(path: Path) -> str:
    """How its unfinished file's name begins: short enough for a disk's 255 bytes."""
    name = os.fsencode(path.name)  # which may be no text
    return "." + (path.name if len(name) <= 200 else name[:200].decode(errors="ignore"))


def beside(path: Path, start: str, end: str, room: int = 0) -> Path:
    """The file called `start` and `end` in the folder of `path`; a long start is cut.

    Disks take names of 255 bytes, of which `room` stay free.
    """
    left = max(0, 255 - room - len(os.fsencode(end)))
    start = start[:left]
    while len(os.fsencode(start)) > left:
        start = start[:-1]
    return path.with_name(start + end)


def numbered(path: Path, number: int) -> Path:
    """The path itself for 1, else with the number in its name: `photo-2.png`."""
    if number == 1:
        return path
    return beside(path, path.stem, f"-{number}{path.suffix}", room=ROOM)


def is_there(path: Path) -> bool:
    """Whether something has that name; False where that cannot be found out."""
    return os.path.lexists(path)  # unlike Path's, it raises nothing


def is_file(path: Path) -> bool:
    """Whether it is an ordinary file; False where that cannot be found out."""
    return os.path.isfile(path)  # noqa: PTH113 (unlike Path's, it raises nothing)


def _sync_folder(folder: Path) -> None:
    """Make the new name survive a power cut, where folders can be opened (not on Windows)."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    # Some network file systems cannot, and some folders may be written to but not read; the file
    # itself is on the disk.
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def same_file(one: Path, other: Path) -> bool:
    """Whether both are one file, whatever they are called; or would be, if they are not there."""
    try:
        return one.samefile(other)
    except OSError:  # one of them does not exist
        return os.path.realpath(one) == os.path.realpath(other)
    except ValueError:  # a null character
        return False


def folded(path: Path) -> Path:
    """The path without links, as disks know it that heed neither case nor how accents are put."""
    return Path(unicodedata.normalize("NFC", os.path.realpath(path)).casefold())


def _exists_already(path: Path) -> InputError:
    return InputError(f"'{path}' exists already: choose another name, or allow overwriting")


def _nearest_folder(path: Path) -> Path:
    """The closest parent that exists; the folders below it will be made."""
    return next((parent for parent in path.absolute().parents if parent.exists()), Path("/"))


def _why_unwritable(path: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"no space left to write '{path}': free some, or choose another disk"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return _no_permission(path.parent)
    if error.errno == errno.EFBIG:  # FAT disks hold files of 4 GB at most
        return f"'{path}' is more than one file may hold on this disk: choose another disk"
    if error.errno == errno.ENAMETOOLONG:
        return f"the name '{path.name[:40]}...' is too long for this disk: choose a shorter one"
    return f"'{path}' cannot be written ({error.strerror or error}): choose another place"


def _no_permission(folder: Path) -> str:
    return f"'{folder}' may not be written to by this user: choose another folder"


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_readable(path: Path, kind: str, advice: str, wrong: type[InputError]) -> None:
    """Raise `wrong`, with a sentence, for a path that cannot be read as a file of that kind.

    Devices and pipes are refused too: they have no end, or no beginning to come back to.
    """
    try:
        path.stat()
        if path.is_dir():
            raise wrong(f"'{path}' is a folder, not a {kind}: {advice}")
        if not path.is_file():
            raise wrong(f"'{path}' is a device or a pipe, not a {kind}: {advice}")
        path.open("rb").close()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise wrong(f"there is no {kind} '{path}': {advice}") from error
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EPERM):
            raise wrong(f"'{path}' may not be read by this user: change its permissions") from error
        if error.errno == errno.ENAMETOOLONG:
            raise wrong(f"the name '{path.name[:40]}...' is too long: {advice}") from error
        raise wrong(f"'{path}' cannot be read ({error.strerror}): {advice}") from error
    except ValueError as error:  # a null character
        raise wrong(f"{str(path)!r} is no name a file can have: {advice}") from error
