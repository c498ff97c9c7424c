"""Weights from the network into the cache: resumed, repeated, checked, moved into place at once.

Needs no torch. `download` yields its progress; `fetch` is the loop around it that shows nothing.
"""

from __future__ import annotations

import errno
import http.client
import os
import re
import shutil
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from gramarye.errors import OutputError, WeightsError
from gramarye.files import file_sha256, user_path
from gramarye.networks.cache import weights_path
from gramarye.networks.catalog import NetworkInfo

CHUNK = 1 << 20  # bytes
TIMEOUT = 30.0  # seconds without a byte
WAITS = (1.0, 2.0, 4.0, 8.0)  # seconds before each repetition that follows a failure
REPEATABLE = {408, 425, 429, 500, 502, 503, 504}  # HTTP: the server may do better next time
# What no repetition mends: a wrong address, a name nobody knows, a port nobody listens on.
LASTING = (socket.gaierror, ConnectionRefusedError, FileNotFoundError, ValueError, str)


@dataclass(frozen=True)
class Progress:
    """How far a download is, in bytes; those of an earlier, interrupted run count."""

    received: int
    total: int | None  # where the server says so


class FailedError(Exception):
    """One attempt at one address failed; `again` says whether a repetition may help."""

    def __init__(self, reason: str, *, again: bool) -> None:
        super().__init__(reason)
        self.again = again


def addresses(info: NetworkInfo) -> list[str]:
    """Where the file is looked for: at the mirrors of GRAMARYE_MIRROR first, then at its home.

    A mirror is the address, or the path, of a folder that holds files of the same names.
    """
    mirrors = re.split(r"[,\s]+", os.environ.get("GRAMARYE_MIRROR", "").strip(", \t\n"))
    folders = [m if "://" in m else user_path(m).absolute().as_uri() for m in mirrors if m]
    return [*(f"{folder.rstrip('/')}/{info.file}" for folder in folders), info.url]


def fetch(info: NetworkInfo, *, again: bool = False) -> Path:
    """The path of a network's weights, downloaded first if they are not there yet."""
    for _ in download(info, again=again):
        pass
    return weights_path(info)


def download(info: NetworkInfo, *, again: bool = False) -> Iterator[Progress]:
    """Download a network's weights, yielding the progress; nothing happens if they are there.

    Bytes are collected in a `.part` file, which an interrupted download leaves for the next one to
    resume; once its SHA-256 is right it takes its name. `again` replaces a file that is there.
    """
    path = weights_path(info)
    if info.embedded or (path.exists() and not again):
        return
    from filelock import FileLock  # takes a while to import

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock"):
            if again or not path.exists():  # another process may have fetched it meanwhile
                yield from download_from_any(info, path)
    except OSError as error:
        raise OutputError(
            f"cannot write {path.name} to {path.parent}: {error.strerror or error}; make room, "
            "change its permissions, or set GRAMARYE_HOME to another folder"
        ) from error


def download_from_any(info: NetworkInfo, path: Path) -> Iterator[Progress]:
    part = path.with_name(path.name + ".part")
    reasons: list[str] = []
    for address in addresses(info):
        try:
            yield from download_from(address, info, part)
        except FailedError as failure:
            reasons.append(f"{address} ({failure})")
            continue
        part.replace(path)
        return
    raise WeightsError(
        f"the weights of {info.name} could not be downloaded: {'; '.join(reasons)}. Put "
        f"{info.file} ({info.megabytes:g} MB) into {path.parent} by hand, name the file with "
        "--weights, or set GRAMARYE_MIRROR to a folder that has it; the network vgg19-lite needs "
        "no download"
    )


def download_from(address: str, info: NetworkInfo, part: Path) -> Iterator[Progress]:
    """Fill the part file from one address, repeating with growing pauses; FailedError gives up."""
    failures = 0
    while True:
        start = part.stat().st_size if part.exists() else 0
        try:
            yield from receive(address, part, start)
            found = file_sha256(part)
            if found.startswith(info.sha256):
                return
            part.unlink()
            reason = f"its SHA-256 begins {found[:16]}, it should begin {info.sha256[:16]}"
            # What was resumed may have begun as another file; what came whole will not improve.
            raise FailedError(reason, again=start > 0)
        except FailedError as failure:
            if part.exists() and part.stat().st_size > start:
                failures = 0
            if not failure.again or failures == len(WAITS):
                raise
            time.sleep(WAITS[failures])
            failures += 1


def receive(address: str, part: Path, start: int) -> Iterator[Progress]:
    """Append what the address has from byte `start` on; FailedError if it breaks off."""
    headers = {"User-Agent": "gramarye", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        request = urllib.request.Request(address, headers=headers)
        answer = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing from there on: the part is whole, or no part of this file
            return
        raise FailedError(f"HTTP {error.code}", again=error.code in REPEATABLE) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        lasting = isinstance(getattr(error, "reason", error), LASTING)
        raise FailedError(why(error), again=not lasting) from error
    with answer:
        resumed = getattr(answer, "status", None) == 206
        received = start if resumed else 0
        length = answer.headers.get("Content-Length") or ""
        total = received + int(length) if re.fullmatch("[0-9]+", length) else None
        needed, free = (total or 0) - received, shutil.disk_usage(part.parent).free
        if free < needed:
            raise OSError(errno.ENOSPC, f"{needed / 1e6:.0f} MB needed, {free / 1e6:.0f} MB free")
        yield Progress(received, total)
        with part.open("ab" if resumed else "wb") as file:
            for chunk in chunks(answer):
                file.write(chunk)
                received += len(chunk)
                yield Progress(received, total)
    if total is not None and received < total:
        raise FailedError(f"broke off after {received} of {total} bytes", again=True)


def chunks(answer: BinaryIO) -> Iterator[bytes]:
    """What the server sends; its failures are not taken for those of the disk."""
    try:
        while chunk := answer.read(CHUNK):
            yield chunk
    except (OSError, http.client.HTTPException) as error:
        raise FailedError(why(error), again=True) from error


def why(error: Exception) -> str:
    inner = getattr(error, "reason", error)
    text = str(inner)  # which may hold what a stranger's server sent
    return text if text and text.isprintable() else type(inner).__name__
