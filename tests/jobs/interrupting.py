"""Runs that are ended from outside at moments spread over them; see `test_interruptions.py`.

Imports gramarye once and forks a child per run: an import takes longer than a run. Reads cases as
JSON from standard input, and writes what became of each.
"""

import errno
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import gramarye.cli.running
import gramarye.files
import gramarye.jobs.reading
from gramarye.cli import main

LIMIT = 120.0  # seconds after which a child hangs


def start(folder: Path, arguments: list[str], before: Callable[[], None]) -> int:
    """A child that runs the command in the folder; what it says goes to files there."""
    child = os.fork()
    if child:
        return child
    code = 99
    try:
        os.chdir(folder)
        os.environ["TMPDIR"] = str(folder / "elsewhere")
        for number, name in ((1, "said.out"), (2, "said.err")):
            os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT), number)
        before()
        code = main(arguments)
    finally:
        os._exit(code)


def wait(child: int) -> int:
    """The exit code, or minus the signal; a child that hangs is killed."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return -99


def fail_from(seconds: float, folder: Path, code: int) -> None:
    """Let every file in the folder fail from a moment on, as a disk does that is full or gone."""
    fsync, due = os.fsync, time.monotonic() + seconds

    def failing(number: int) -> None:
        file = Path(f"/proc/self/fd/{number}").readlink()
        if time.monotonic() >= due and file.parent == folder.resolve():
            raise OSError(code, os.strerror(code))
        fsync(number)

    gramarye.files.os.fsync = failing


def terminal() -> tuple[int, Callable[[], None]]:
    """A terminal, and what makes a child run in it."""
    ours, theirs = os.openpty()

    def attach() -> None:
        os.setsid()
        for number in (0, 1, 2):
            os.dup2(theirs, number)
        os.close(ours)
        os.close(theirs)
        import fcntl
        import termios

        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    return ours, attach


def pipe() -> tuple[int, Callable[[], None]]:
    """A pipe's reading end, and what makes a child write all it says into the pipe."""
    ours, theirs = os.pipe()

    def attach() -> None:
        os.close(ours)
        for number in (1, 2):
            os.dup2(theirs, number)
        os.close(theirs)

    return ours, attach


def read_every_time() -> None:
    gramarye.jobs.reading.LARGE = 0


def spoil(kind: str, content: Path) -> None:
    if kind == "removed":
        content.unlink()
    elif kind == "replaced":
        other = content.with_name("other.png")
        shutil.copy(content.with_name("style.png"), other)
        other.replace(content)
    else:
        with content.open("r+b") as file:
            file.truncate(500)


ERRORS = {"full": errno.ENOSPC, "read-only": errno.EROFS, "broken": errno.EIO}


def interrupt(case: dict[str, Any], arguments: list[str]) -> int:
    """Do one run, and to it what the case says; its exit code."""
    folder, kind, moment = Path(case["folder"]), case["kind"], case["moment"]
    before: Callable[[], None] = lambda: None  # noqa: E731
    ours = -1
    if kind in ERRORS:
        before = lambda: fail_from(moment, folder, ERRORS[kind])  # noqa: E731
    elif kind in ("removed", "replaced", "cut short"):
        before = read_every_time
    elif kind == "terminal closed":
        ours, before = terminal()
    elif kind == "pipe closed":
        ours, before = pipe()
    if ours >= 0:
        os.set_blocking(ours, False)
    child = start(folder, arguments, before)
    begun = time.monotonic()
    while time.monotonic() < begun + moment:
        time.sleep(0.002)
        if ours >= 0:
            with suppress(OSError):
                os.read(ours, 65536)
    if kind.startswith("SIG"):
        for name in kind.split():  # to a child that has ended, too: nobody has waited for it yet
            os.kill(child, getattr(signal, name))
            time.sleep(0.01)
    elif kind in ("removed", "replaced", "cut short"):
        spoil(kind, folder / "content.png")
    if ours >= 0:
        os.close(ours)
    return wait(child)


def run() -> None:
    given = json.load(sys.stdin)
    whole = given["cases"][0]
    begun = time.monotonic()
    codes = [wait(start(Path(whole["folder"]), given["arguments"], lambda: None))]
    lasts = time.monotonic() - begun
    for case in given["cases"][1:]:
        case["moment"] *= lasts
        codes.append(interrupt(case, given["arguments"]))
    print(json.dumps({"codes": codes, "lasts": lasts}))


if __name__ == "__main__":
    run()
