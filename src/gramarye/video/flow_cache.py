"""Flows kept on disk, so that the same clip in another style need not be looked through again.

An entry is named by a SHA-256 of both frames' pixels and of how the flow is found: whatever the
clip is called and wherever it begins, the same frames at the same size have the same flow. Its
file is the flow in steps of 1/64 pixel, as differences between neighbors, deflated. Nothing in it
is trusted: what is damaged or of another size is found anew.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from struct import Struct
from typing import final

import numpy as np

from gramarye.errors import GramaryeError
from gramarye.files import write_atomically
from gramarye.video.extra import load_cv2
from gramarye.video.flow import STEPS, Flow
from gramarye.video.flows import FlowSource
from gramarye.video.frames import FilmFrame

MOST = 1 << 30  # bytes of a cache at most
END = ".flow"
HEAD = Struct("<8sIII")  # what it is, height, width, CRC of what follows
MAGIC = b"GRFLOW1\n"
LARGEST = 32767 / STEPS  # pixels; a longer vector is not kept


@final
class FlowCache:
    """Flows from `find`, each found once and then read from a folder of `most` bytes.

    Where there is no room, flows that this run has not asked for go first; then no more are kept.
    What goes wrong is told once each and costs no frame.
    """

    def __init__(
        self, find: FlowSource, folder: Path, tell: Callable[[str], None], most: int = MOST
    ) -> None:
        self.find, self.folder, self.tell, self.most = find, folder, tell, most
        self.found = self.read = 0
        self.writes = True
        self.sizes: dict[str, int] = {}  # of what is there, that used longest ago first
        self.used: set[str] = set()
        with suppress(OSError):
            there = [(file, file.stat()) for file in folder.glob(f"*{END}")]
            for file, stat in sorted(there, key=lambda one: one[1].st_mtime):
                self.sizes[file.name] = stat.st_size
        self.total = sum(self.sizes.values())

    def __call__(self, frame: FilmFrame, other: FilmFrame) -> Flow:
        name = entry_name(frame, other)
        self.used.add(name)
        kept = self.kept(self.folder / name, frame.pixels.shape[:2])
        if kept is not None:
            self.read += 1
            return kept
        self.found += 1
        flow = self.find(frame, other)
        if self.writes:
            self.keep(name, flow)
        return flow

    def kept(self, path: Path, size: tuple[int, int]) -> Flow | None:
        """The flow in a file; None where there is none, or nothing that can be used."""
        try:
            with path.open("rb") as file:
                data = file.read(largest(size) + 1)
        except FileNotFoundError:
            return None
        except OSError:
            data = b""
        flow = unpacked(data, size)
        if flow is None:
            self.tell(f"a damaged flow in '{self.folder}' was found anew")
            return None
        with suppress(OSError):
            path.touch()  # the last that goes where room is made
        return flow

    def keep(self, name: str, flow: Flow) -> None:
        data = packed(flow)
        if data is None:
            return
        size = len(data) - self.sizes.get(name, 0)
        if not self.make_room(size):
            self.writes = False
            self.tell(
                f"the flows kept in '{self.folder}' have reached {self.most / 2**30:.3g} GiB: "
                "those of the other frames are not kept"
            )
            return
        try:
            write_atomically(self.folder / name, data)
        except (OSError, GramaryeError) as error:
            self.writes = False
            self.tell(f"flows are not kept for another run: {error}")
            return
        self.sizes[name] = len(data)
        self.total += size

    def make_room(self, size: int) -> bool:
        """Remove what other runs have left, the oldest first, until so many bytes fit in."""
        for name in list(self.sizes):
            if self.total + size <= self.most:
                break
            if name not in self.used:
                with suppress(OSError):
                    (self.folder / name).unlink(missing_ok=True)
                    self.total -= self.sizes.pop(name)
        return self.total + size <= self.most


def entry_name(frame: FilmFrame, other: FilmFrame) -> str:
    """The name of the flow of one frame to another; OpenCV's version is a part of it."""
    found = hashlib.sha256(f"DIS medium, filled, {STEPS}, {load_cv2().__version__}".encode())
    for one in (frame, other):
        found.update(repr(one.pixels.shape).encode())
        found.update(np.ascontiguousarray(one.pixels).data)
    return found.hexdigest()[:40] + END


def packed(flow: Flow) -> bytes | None:
    """A flow (H, W, 2), whole steps, as a file; None where it does not fit, or is not finite."""
    if not (np.abs(flow) < LARGEST).all():  # NaN, too
        return None
    steps = np.rint(flow * STEPS).astype(np.int16)
    apart = np.diff(np.diff(steps, axis=0, prepend=np.int16(0)), axis=1, prepend=np.int16(0))
    signless = ((apart << 1) ^ (apart >> 15)).view(np.uint16)  # small numbers, whatever their sign
    halves = np.stack([signless & 255, signless >> 8]).astype(np.uint8)
    body = zlib.compress(halves.tobytes(), 1)
    height, width = flow.shape[:2]
    return HEAD.pack(MAGIC, height, width, zlib.crc32(body)) + body


def unpacked(data: bytes, size: tuple[int, int]) -> Flow | None:
    """The flow of that (height, width) in a file; None for anything else. It is always finite."""
    height, width = size
    if len(data) < HEAD.size:
        return None
    body = data[HEAD.size :]
    if HEAD.unpack(data[: HEAD.size]) != (MAGIC, height, width, zlib.crc32(body)):
        return None
    count = 4 * height * width
    reader = zlib.decompressobj()
    try:
        plain = reader.decompress(body, count + 1)
    except zlib.error:
        return None
    if len(plain) != count:
        return None
    halves = np.frombuffer(plain, np.uint8).reshape(2, height, width, 2).astype(np.uint16)
    signless = halves[0] | (halves[1] << 8)
    apart = ((signless >> 1) ^ (np.uint16(0) - (signless & 1))).view(np.int16)
    steps = np.cumsum(np.cumsum(apart, 1, np.int16), 0, np.int16)
    return steps.astype(np.float32) / np.float32(STEPS)


def largest(size: tuple[int, int]) -> int:
    """How many bytes an entry for a (height, width) has at most."""
    count = 4 * size[0] * size[1]
    return HEAD.size + count + count // 1000 + 1024
