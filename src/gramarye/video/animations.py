"""Animated WebP, frame by frame: read by Pillow, written by libwebp, which PyAV brings.

Neither holds the frames: reading takes the memory of the file and of one frame, writing that of the
coded frames, which is the file's again.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, final

import numpy as np
from PIL import Image

from gramarye.errors import ImageError
from gramarye.pictures.metadata import recipe_in_xmp, xmp_with_recipe
from gramarye.pictures.sniffing import HEAD_BYTES, picture_kind
from gramarye.units import counted
from gramarye.video.clip import ADVICE, AbstractClip
from gramarye.video.extra import load_av
from gramarye.video.frames import Frame, Pixels
from gramarye.video.unfinished import decoded

MILLISECOND = Fraction(1, 1000)
UNSAID = 100  # milliseconds of a frame that says 0, as browsers show it
LONGEST_SIDE = 16383  # pixels, of the format
# How Pillow fails on damaged files.
DAMAGE = (OSError, EOFError, SyntaxError, ValueError, TypeError)
XMP_FLAG = 0x04  # of the first byte of VP8X


def is_webp(path: Path) -> bool:
    """Whether a file is a WebP, by its first bytes."""
    with path.open("rb") as file:
        return picture_kind(file.read(HEAD_BYTES)) == "WEBP"


@final
class AnimationFile(AbstractClip):
    """An animated WebP; its transparency is laid over white."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.time_base, self.origin = MILLISECOND, Fraction(0)
        self.damaged = 0
        with self.opened() as image:
            self.size = (image.height, image.width)
            self.count = getattr(image, "n_frames", 1)
        self.duration = None  # its frames say, one by one

    @contextmanager
    def opened(self) -> Iterator[Any]:
        try:
            with Image.open(self.path, formats=("WEBP",)) as image:
                yield image
        except DAMAGE as error:
            raise ImageError(f"'{self.path}' cannot be read as a clip: {ADVICE}") from error

    def frames(self) -> Iterator[Frame]:
        self.damaged = 0
        time = Fraction(0)
        with self.opened() as image:
            for number in range(self.count or 1):
                try:
                    image.seek(number)
                    pixels = over_white(image)
                except DAMAGE:
                    if number == 0:
                        raise
                    self.damaged += 1
                    continue
                length = (image.info.get("duration") or UNSAID) * MILLISECOND
                yield Frame(pixels, time, length)
                time += length

    @property
    def notes(self) -> tuple[str, ...]:
        if not self.damaged:
            return ()
        lost = counted(self.damaged, "damaged frame")
        return (f"{lost} of '{self.path.name}' could not be read and is left out",)


def over_white(image: Image.Image) -> Pixels:
    shown = image.convert("RGBA")
    white = Image.new("RGBA", shown.size, "white")
    return np.array(Image.alpha_composite(white, shown).convert("RGB"))


def recipe_in_animation(path: Path) -> str | None:
    """The recipe in a WebP's XMP, if it has one."""
    try:
        with Image.open(path, formats=("WEBP",)) as image:
            xmp = image.info.get("xmp")
    except DAMAGE:
        return None
    return recipe_in_xmp(xmp)


def write_animation(
    parts: Sequence[Path], file: BinaryIO, last: Fraction, quality: int, comment: str
) -> None:
    """Write the parts' frames as one WebP that goes round; times are thousandths of a second."""
    av, whole = load_av(), BytesIO()  # as long as what the encoder holds, and gone through again
    with av.open(whole, "w", format="webp", options={"loop": "0"}) as output:
        stream: Any = None
        for frame in decoded(parts):
            if stream is None:
                options = {"quality": str(quality), "compression_level": "4"}
                stream = output.add_stream("libwebp_anim", rate=25, options=options)
                stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "bgra"
                stream.time_base = stream.codec_context.time_base = MILLISECOND
            time = round(frame.pts * Fraction(frame.time_base) / MILLISECOND)
            shown = frame.reformat(format="bgra")
            shown.pts, shown.time_base = time, MILLISECOND
            output.mux(stream.encode(shown))
        output.mux(stream.encode(None))
    end_well(whole, max(1, round(last / MILLISECOND)), comment)
    file.write(whole.getbuffer())


def end_well(file: BinaryIO, last: int, comment: str) -> None:
    """Give the last frame its length in milliseconds, and the file its recipe, as XMP.

    The encoder knows only when frames begin. (WebP Container Specification: RIFF; VP8X, whose
    flags say that there is XMP; ANMF, whose bytes 12 to 14 are a frame's length.)
    """
    end = file.seek(0, 2)
    place, extended, frame = 12, None, None
    while place + 8 <= end:
        file.seek(place)
        name, size = struct.unpack("<4sI", file.read(8))
        if name == b"VP8X":
            extended = place + 8
        elif name == b"ANMF":
            frame = place + 8
        place += 8 + size + size % 2
    if extended is None:
        return  # a single frame has no such chunks
    if frame is not None:
        file.seek(frame + 12)
        file.write(struct.pack("<I", min(last, 0xFFFFFF))[:3])
    if not comment:
        return
    xmp = xmp_with_recipe(None, comment)
    file.seek(extended)
    flags = file.read(1)[0]
    file.seek(extended)
    file.write(bytes([flags | XMP_FLAG]))
    file.seek(end)
    file.write(struct.pack("<4sI", b"XMP ", len(xmp)) + xmp + bytes(len(xmp) % 2))
    whole = file.tell()
    file.seek(4)
    file.write(struct.pack("<I", whole - 8))
