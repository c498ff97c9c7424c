"""What a file says beside its pixels, read by Pillow without decoding them."""

import os
import struct
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from PIL import Image, UnidentifiedImageError

from gramarye.pictures.metadata import EXIF_ERRORS
from gramarye.pictures.sniffing import READABLE
from gramarye.pictures.vips import OpenFile
from gramarye.warned import own_warnings

# What Pillow is to know of a PNG: colors, EXIF, resolution, animation; and the texts.
_PNG_PARTS = (b"iCCP", b"eXIf", b"pHYs", b"acTL")
_PNG_TEXTS = (b"tEXt", b"zTXt", b"iTXt")


@dataclass(frozen=True)
class Header:
    """A picture's size and, as a Pillow image that is not decoded, what came with it."""

    image: Image.Image
    size: tuple[int, int]  # width, height
    tags: Image.Exif
    frames: int | None = 1  # None: the file names more than it holds
    notes: tuple[str, ...] = ()
    known: bool = True  # whether Pillow could decode the image


def open_header(file: OpenFile, kind: str) -> Header:
    """The header of an open file of the kind that `picture_kind` has found."""
    if kind == "PNG":
        return _png_header(file)
    try:
        image = open_with_pillow(file)
    except UnidentifiedImageError:
        if kind != "TIFF":
            raise
        return _tiff_header(file)
    try:
        with own_warnings():  # of pages that nobody has asked for
            frames = getattr(image, "n_frames", 1)
    except EXIF_ERRORS:
        frames = None
        image = open_with_pillow(file)  # the search has left the other one at a lost page
    size = image.size
    if image.format == "TIFF":  # of which Pillow gives the size when upright
        size = (image.tag_v2[256], image.tag_v2[257])
    return _header_of(image, size, frames)


def _header_of(
    image: Image.Image, size: tuple[int, int], frames: int | None, notes: tuple[str, ...] = ()
) -> Header:
    try:
        return Header(image, size, image.getexif(), frames, notes)
    except EXIF_ERRORS:
        notes = (*notes, "the EXIF data is damaged and is left out")
        return Header(image, size, Image.Exif(), frames, notes)


def first_page_alone(file: OpenFile) -> BytesIO:
    """A copy of a TIFF that does not name a second page: the field behind the tags is zero."""
    file.seek(0)
    data = bytearray(file.read())
    order = "<" if data.startswith(b"II") else ">"
    (start,) = struct.unpack_from(order + "I", data, 4)
    (tags,) = struct.unpack_from(order + "H", data, start)
    struct.pack_into("I", data, start + 2 + 12 * tags, 0)
    return BytesIO(data)


def open_with_pillow(file: OpenFile) -> Any:
    file.seek(0)
    return Image.open(file, formats=READABLE)


def _png_header(file: OpenFile) -> Header:
    """Texts and EXIF may stand behind the pixels, which Pillow would have to decode before."""
    file.seek(16)
    size = struct.unpack(">II", file.read(8))
    notes: tuple[str, ...] = ()
    try:
        image = open_with_pillow(_one_pixel_png(file, (*_PNG_PARTS, *_PNG_TEXTS)))
        image.load()
    except ValueError:  # more than Pillow thinks wise to take
        image = open_with_pillow(_one_pixel_png(file, _PNG_PARTS))
        notes = ("the texts in the file are too long and are left out",)
    frames = max(1, getattr(image, "n_frames", 1) - 1)  # it counts our pixel as one of them
    return _header_of(image, size, frames, notes)


def _one_pixel_png(file: OpenFile, parts: tuple[bytes, ...]) -> BytesIO:
    """A PNG of one pixel with these parts of the file's."""
    pixel = BytesIO()
    Image.new("L", (1, 1)).save(pixel, "PNG")
    start, end = pixel.getvalue()[:33], pixel.getvalue()[33:]  # behind the signature and IHDR
    file.seek(len(start))
    kept = []
    while len(head := file.read(8)) == 8:
        size, name = struct.unpack(">I4s", head)
        if name in parts:
            kept.append(head + file.read(size + 4))
        else:
            file.seek(size + 4, os.SEEK_CUR)
    return BytesIO(b"".join([start, *kept, end]))


def _tiff_header(file: OpenFile) -> Header:
    """That of a TIFF whose kind of pixels Pillow does not know, but libvips may."""
    file.seek(0)
    tags = Image.Exif()
    tags.load_from_fp(file)
    image = Image.new("L", (1, 1))
    image.format = "TIFF"
    image.info = {"icc_profile": tags.get(34675), "xmp": tags.get(700)}
    return Header(image, (int(tags[256]), int(tags[257])), tags, known=False)
