"""Standard streams that fail nothing: a run is not undone because its name cannot be printed."""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import TextIO, cast, final

from gramarye.errors import OutputError


@final
class Guarded(io.TextIOBase):
    """A stream whose `write` and `flush` never raise; `lost` is the first error they met."""

    def __init__(self, stream: TextIO, *, missing: bool = False) -> None:
        self.stream = stream
        self.missing = missing  # Python found none when it began: the stream stands in for it
        self.lost: OSError | ValueError | None = None

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return self.stream.encoding  # rich draws bars of what it can show

    def isatty(self) -> bool:
        return self.stream.isatty()

    def fileno(self) -> int:
        return self.stream.fileno()

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        def write() -> None:
            if self.missing:
                raise OSError(errno.EBADF, "it is closed")
            try:
                self.stream.write(text)
            except UnicodeEncodeError:  # as the files' names have it, so that a script finds them
                self.stream.flush()
                self.stream.buffer.write(raw(text))

        self.attempt(write)
        return len(text)

    def flush(self) -> None:
        self.attempt(self.stream.flush)

    def attempt(self, act: Callable[[], None]) -> None:
        if self.lost is not None:
            return
        try:
            act()
        except (OSError, ValueError) as error:  # ValueError: somebody closed the stream
            self.lost = error
            # What waits in the buffer goes there, or Python would fail at its exit.
            with suppress(OSError, ValueError), open_null() as null_device:
                os.dup2(null_device.fileno(), self.stream.fileno())


def raw(text: str) -> bytes:
    """Text in the bytes of file names."""
    try:
        return os.fsencode(text)
    except UnicodeEncodeError:  # half a surrogate pair, from a file's metadata
        return text.encode("ascii", "backslashreplace")


def open_null() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")


@contextmanager
def guarded_streams() -> Iterator[None]:
    """Within, sys.stdout and sys.stderr are there and never raise, whatever they lead to."""
    # A descriptor that was closed would be given to the next file, and messages written into it.
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)
    with open_null() as null_device:
        out, err = (
            Guarded(stream or null_device, missing=stream is None)
            for stream in (sys.stdout, sys.stderr)
        )
        with redirect_stdout(cast(TextIO, out)), redirect_stderr(cast(TextIO, err)):
            try:
                yield
            finally:
                out.flush()
                err.flush()


def check_printed(*, is_all: bool) -> None:
    """Raise if what was printed has been lost; where it is not all that was made, only note it."""
    sys.stdout.flush()
    lost = sys.stdout.lost if isinstance(sys.stdout, Guarded) else None
    if lost is None:
        return
    if isinstance(lost, BrokenPipeError):  # the reader has read enough
        if is_all:
            raise lost
        return
    message = f"standard output could not be written: {getattr(lost, 'strerror', None) or lost}"
    if is_all:
        raise OutputError(f"{message}; send it elsewhere")
    print(f"note: {message}", file=sys.stderr)
