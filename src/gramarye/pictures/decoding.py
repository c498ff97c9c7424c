"""From an open file, or a Pillow image, to upright sRGB floats with their metadata.

Beside the floats there is never more than what the decoder itself holds: all conversions happen
in bands of rows.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import file_digest
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin, UnidentifiedImageError

from gramarye.errors import ImageError
from gramarye.pictures.headers import Header, first_page_alone, open_header
from gramarye.pictures.levels import lying, write_floats
from gramarye.pictures.metadata import EXIF_ERRORS, Metadata, orientation, read_metadata
from gramarye.pictures.profiles import to_srgb
from gramarye.pictures.rows import Array, row_bands
from gramarye.pictures.sniffing import HEAD_BYTES, READABLE_IN_WORDS, picture_kind, stranger
from gramarye.pictures.unpacking import file_pixels, jpeg_without_end, pillow_pixels
from gramarye.pictures.vips import (
    CHANNELS,
    OpenFile,
    VipsImage,
    bit_depth,
    pyvips,
    row_reader,
    space_of,
    vips_alone,
    vips_samples,
)
from gramarye.units import show_size
from gramarye.warned import own_warnings

# How Pillow and libheif fail on damaged files, found by mutating files of every format.
_DECODE_ERRORS = (*EXIF_ERRORS, RuntimeError)

_pillow_turn = threading.Lock()


@dataclass(frozen=True)
class Decoded:
    """Upright sRGB in [0, 1], float32."""

    color: Array  # (3, H, W)
    alpha: Array | None  # (1, H, W); the color is not multiplied by it
    metadata: Metadata
    notes: tuple[str, ...]


def decode_file(file: OpenFile, name: str, max_pixels: int, multiple: int = 1) -> Decoded:
    """The first picture of an open file; `name` is for the messages and the metadata.

    Behind its rows and columns there is room for sides of a `multiple` of pixels.
    """
    kind = _kind_of(file, name)
    file.seek(0)
    sha256 = file_digest(file, "sha256").hexdigest()
    try:
        with pillow_alone() as warned, vips_alone():
            if kind == "HEIC":
                decoded = _decode_heic(file, name, max_pixels, multiple)
            else:
                decoded = _decode(file, kind, name, max_pixels, multiple)
    except MemoryError as error:
        raise ImageError(f"'{name}' needs more memory than there is: make it smaller") from error
    except _DECODE_ERRORS as error:
        raise ImageError(_why_damaged(kind, name, error)) from error
    metadata = replace(decoded.metadata, name=name, sha256=sha256)
    return replace(decoded, metadata=metadata, notes=(*decoded.notes, *warned))


def decode_image(image: Image.Image) -> Decoded:
    """A Pillow image somebody has made or opened; the caller's image is not changed."""
    try:
        with pillow_alone(), vips_alone():
            image.load()
            return _finish(pillow_pixels(image), _about(Header(image, image.size, image.getexif())))
    except _DECODE_ERRORS as error:
        raise ImageError(f"this Pillow image cannot be read ({error}): open it anew") from error


def header_info(file: OpenFile, name: str) -> dict[str, Any]:
    """Pillow's info about an open file, without decoding its pixels."""
    kind = _kind_of(file, name)
    try:
        with pillow_alone():
            if kind == "HEIC":
                return dict(_open_heic(file, name).info)
            return {str(key): value for key, value in open_header(file, kind).image.info.items()}
    except _DECODE_ERRORS as error:
        raise ImageError(_why_damaged(kind, name, error)) from error


def header_size(file: OpenFile, name: str) -> tuple[int, int]:
    """Width and height of an open file's picture as it is stored, likewise."""
    kind = _kind_of(file, name)
    try:
        with pillow_alone():
            size = _open_heic(file, name).size if kind == "HEIC" else open_header(file, kind).size
            return int(size[0]), int(size[1])
    except _DECODE_ERRORS as error:
        raise ImageError(_why_damaged(kind, name, error)) from error


@contextmanager
def pillow_alone() -> Iterator[list[str]]:
    """Pillow without its own pixel limit (ours is clearer); yields notes of its warnings.

    Its limits and Python's warning filters are globals, so threads take turns and all are put
    back. A part of a PNG may be as large as all its texts together: profiles of printers are.
    """
    said: list[str] = []
    silence = logging.NullHandler()  # without a handler, Pillow's log goes to the terminal
    with _pillow_turn, own_warnings() as caught:
        pixels, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        part, PngImagePlugin.MAX_TEXT_CHUNK = (
            PngImagePlugin.MAX_TEXT_CHUNK,
            PngImagePlugin.MAX_TEXT_MEMORY,
        )
        logging.getLogger("PIL").addHandler(silence)
        try:
            yield said
        finally:
            logging.getLogger("PIL").removeHandler(silence)
            Image.MAX_IMAGE_PIXELS, PngImagePlugin.MAX_TEXT_CHUNK = pixels, part
            about_file = [w for w in caught if issubclass(w.category, UserWarning)]
            for words in dict.fromkeys(str(w.message).strip(" .") for w in about_file):
                said.append(f"part of the file's metadata is damaged ({words})")


def _decode(file: OpenFile, kind: str, name: str, max_pixels: int, multiple: int) -> Decoded:
    header = open_header(file, kind)
    _check_size(*header.size, name, max_pixels)
    about = replace(_about(header), multiple=multiple)
    notes = (*_frames_note(header), *header.notes)
    if header.frames is None and kind == "TIFF":
        file = first_page_alone(file)  # libvips gives up at pages that are not there
    image, more = file_pixels(file, header, name)
    if (image.width, image.height) != header.size:
        raise OSError("its header makes no sense")
    del header  # and with it what Pillow has decoded
    try:
        decoded = _finish(image, about)
    except (OSError, pyvips().Error):
        if kind != "JPEG":
            raise
        image, more = jpeg_without_end(file)
        decoded = _finish(image, about)
    return replace(decoded, notes=(*notes, *more, *decoded.notes))


def _open_heic(file: OpenFile, name: str) -> Any:
    try:
        import pillow_heif  # optional: the [heic] extra
    except ImportError as error:
        raise ImageError(
            f"'{name}' is a HEIC picture, and reading those takes one more package: "
            "pip install 'gramarye[heic]', or save the picture as JPEG or PNG"
        ) from error
    file.seek(0)
    heif = pillow_heif.open_heif(file, convert_hdr_to_8bit=False)
    return heif[heif.primary_index]


def _decode_heic(file: OpenFile, name: str, max_pixels: int, multiple: int) -> Decoded:
    heif = _open_heic(file, name)
    width, height = heif.size
    _check_size(width, height, name, max_pixels)
    samples = np.asarray(heif)[:, :width]  # upright already; the memory is libheif's
    image = vips_samples(samples, "GRAY" if heif.mode.startswith("L") else "RGB")
    if heif.mode.startswith("RGBa"):
        full = np.iinfo(samples.dtype).max
        image = image.unpremultiply(max_alpha=full).rint().cast(image.format)
    carrier = Image.new("RGB", (1, 1))  # lets Pillow parse the EXIF
    carrier.info = {k: v for k in ("exif", "xmp", "icc_profile") if (v := heif.info.get(k))}
    carrier.format = "HEIC"
    about = _about(Header(carrier, (width, height), carrier.getexif()))
    return _finish(image, replace(about, how=1, multiple=multiple))


@dataclass(frozen=True)
class _About:
    """What comes with the pixels."""

    metadata: Metadata
    how: int  # the EXIF orientation that is still to be applied
    notes: tuple[str, ...]
    multiple: int = 1  # of pixels that there is to be room for


def _about(header: Header) -> _About:
    fields, notes = read_metadata(header.image, header.tags)
    pillows = header.image.format or ""
    file_format = {"MPO": "JPEG", "WEBP": "WebP", "": None}.get(pillows, pillows)
    return _About(Metadata(format=file_format, **fields), orientation(header.tags), tuple(notes))


def _finish(image: VipsImage, about: _About) -> Decoded:
    """Colors to sRGB, pixels upright."""
    space = space_of(image)
    if space is None:
        raise OSError(f"its {image.bands} channels are {image.interpretation}")
    channels = CHANNELS[space]
    metadata = replace(about.metadata, bit_depth=bit_depth(image))
    color, notes = to_srgb(image.extract_band(0, n=channels), space, metadata.icc)
    if image.bands > channels:
        color = color.bandjoin(image.extract_band(channels))
    planes = _to_floats(color, about.how, about.multiple)
    alpha = planes[3:] if len(planes) > 3 else None
    return Decoded(planes[:3], alpha, metadata, (*notes, *about.notes))


def _to_floats(image: VipsImage, how: int, multiple: int) -> Array:
    """(3 or 4, H, W) upright float32 in [0, 1], with room for sides of a multiple of pixels."""
    size = (image.height, image.width)
    height, width = size[::-1] if how in (5, 6, 7, 8) else size
    sides = (-(-side // multiple) * multiple for side in (height, width))
    planes = np.empty((image.bands, *sides), np.float32)[:, :height, :width]
    read = row_reader(image)
    for top, bottom in row_bands(*size):
        write_floats(lying(planes.transpose(1, 2, 0), how)[top:bottom], read(top, bottom))
    return planes


def _check_size(width: int, height: int, name: str, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise ImageError(
            f"'{name}' is {show_size(width, height)}, {width * height / 1e6:.0f} megapixels, and "
            f"at most {max_pixels / 1e6:.0f} are read: make it smaller, or raise the limit "
            "(max_pixels)"
        )


def _frames_note(header: Header) -> tuple[str, ...]:
    if header.frames is None:
        return ("the file names further pages, which are missing: the first one is used",)
    if header.frames == 1 or header.image.format == "MPO":  # previews beside one JPEG picture
        return ()
    pages = header.image.format == "TIFF"
    what = f"{header.frames} pages" if pages else f"an animation of {header.frames} frames"
    return (f"the file holds {what}: the first one is used",)


def _kind_of(file: OpenFile, name: str) -> str:
    head = file.read(HEAD_BYTES)
    kind = picture_kind(head)
    if kind is None:
        raise ImageError(_what_else(head, name))
    return kind


def _what_else(head: bytes, name: str) -> str:
    if not head:
        return f"'{name}' is empty (0 bytes): get a complete copy"
    what = stranger(head)
    if what == "a web page":
        return f"'{name}' holds a web page, not a picture: download the picture itself"
    if what is None:
        return f"'{name}' is no picture we can read: give one of {READABLE_IN_WORDS}"
    return f"'{name}' holds {what}, not a picture we can read: give one of {READABLE_IN_WORDS}"


def _why_damaged(kind: str, name: str, error: BaseException) -> str:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if isinstance(error, UnidentifiedImageError) and kind in ("TIFF", "BigTIFF"):
        order = " in little-endian order," if kind == "BigTIFF" else ""  # Pillow knows no other
        return (
            f"'{name}' is a {kind} of a kind we cannot read, or damaged: save it{order} with 8 or "
            "16 bits per channel, as RGB, CMYK or gray"
        )
    if isinstance(error, UnidentifiedImageError):
        reason = "its header makes no sense"
    return f"'{name}' is a {kind} cut short or damaged ({reason}): get a complete copy"
