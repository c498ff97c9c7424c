"""From an open file, or a Pillow image, to upright sRGB floats with their metadata.

Beside the floats there is never more than what the decoder itself holds: all conversions happen
in bands of rows.
"""

import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import file_digest
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from gramarye.errors import ImageError
from gramarye.pictures.levels import (
    OpenFile,
    Samples,
    SourceRows,
    deep_rows,
    deep_unpacker,
    lying,
    open_with_pillow,
    pillow_rows,
    unpremultiply,
    write_floats,
)
from gramarye.pictures.metadata import Metadata, orientation, read_metadata
from gramarye.pictures.profiles import srgb_conversion
from gramarye.pictures.rows import Array, row_bands
from gramarye.pictures.sniffing import (
    HEAD_BYTES,
    READABLE_IN_WORDS,
    picture_kind,
    stranger,
)

# How Pillow and libheif fail on damaged files, found by mutating files of every format.
_DECODE_ERRORS = (
    OSError, EOFError, SyntaxError, ValueError, TypeError, AttributeError, LookupError,
    ArithmeticError, RuntimeError, struct.error,
)  # fmt: skip

_pillow_turn = threading.Lock()


@dataclass(frozen=True)
class Decoded:
    """Upright sRGB in [0, 1], float32."""

    color: Array  # (3, H, W)
    alpha: Array | None  # (1, H, W); the color is not multiplied by it
    metadata: Metadata
    notes: tuple[str, ...]


def decode_file(file: OpenFile, name: str, max_pixels: int) -> Decoded:
    """The first picture of an open file; `name` is for the messages and the metadata."""
    head = file.read(HEAD_BYTES)
    kind = picture_kind(head)
    if kind is None:
        raise ImageError(_what_else(head, name))
    file.seek(0)
    sha256 = file_digest(file, "sha256").hexdigest()
    try:
        with pillow_alone() as warned:
            decode = _decode_heic if kind == "HEIC" else _decode_pillow
            decoded = decode(file, name, max_pixels)
    except MemoryError as error:
        raise ImageError(f"'{name}' needs more memory than there is: make it smaller") from error
    except _DECODE_ERRORS as error:
        raise ImageError(_why_damaged(kind, name, error)) from error
    metadata = replace(decoded.metadata, name=name, sha256=sha256)
    return replace(decoded, metadata=metadata, notes=(*decoded.notes, *warned))


def decode_image(image: Image.Image) -> Decoded:
    """A Pillow image somebody has made or opened; the caller's image is not changed."""
    try:
        with pillow_alone():
            image.load()
            return _finish(image, pillow_rows(image))
    except _DECODE_ERRORS as error:
        raise ImageError(f"this Pillow image cannot be read ({error}): open it anew") from error


def header_info(file: OpenFile, name: str) -> dict[str, Any]:
    """Pillow's info about an open file, without decoding its pixels."""
    head = file.read(HEAD_BYTES)
    kind = picture_kind(head)
    if kind is None:
        raise ImageError(_what_else(head, name))
    try:
        with pillow_alone():
            if kind == "HEIC":
                return dict(_open_heic(file, name).info)
            with open_with_pillow(file) as image:
                return {str(key): value for key, value in image.info.items()}
    except _DECODE_ERRORS as error:
        raise ImageError(_why_damaged(kind, name, error)) from error


@contextmanager
def pillow_alone() -> Iterator[list[str]]:
    """Pillow without its own pixel limit (ours is clearer); yields what it warned about.

    Its limit and Python's warning filters are globals, so threads take turns and both are
    put back.
    """
    said: list[str] = []
    with _pillow_turn, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield said
        finally:
            Image.MAX_IMAGE_PIXELS = limit
            about_file = [w for w in caught if issubclass(w.category, UserWarning)]
            said.extend(dict.fromkeys(str(w.message).strip() for w in about_file))


def _decode_pillow(file: OpenFile, name: str, max_pixels: int) -> Decoded:
    image: Image.Image = open_with_pillow(file)
    _check_size(image.width, image.height, name, max_pixels)
    frames = getattr(image, "n_frames", 1)
    _check_planes(image, name)
    unpacker = deep_unpacker(image)
    if unpacker is None:
        image.load()
        if image.format in ("WEBP", "AVIF"):
            image = _without_decoder(image)
        rows = pillow_rows(image)
    else:
        image, rows = deep_rows(file, unpacker)
    decoded = _finish(image, rows)
    notes = _frames_note(image.format, frames)
    return replace(decoded, notes=(*notes, *decoded.notes))


def _without_decoder(image: Image.Image) -> Image.Image:
    """The same picture, without what WebP's and AVIF's decoders keep: two or three more copies."""
    plain = image.copy()
    plain.format = image.format
    return plain


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


def _decode_heic(file: OpenFile, name: str, max_pixels: int) -> Decoded:
    heif = _open_heic(file, name)
    width, height = heif.size
    _check_size(width, height, name, max_pixels)
    samples = np.asarray(heif)[:, :width]  # upright already; the memory is libheif's
    if samples.ndim == 2:
        samples = samples[..., None]
    has_alpha = heif.mode.split(";")[0] in ("RGBA", "RGBa", "LA")
    space = "GRAY" if samples.shape[-1] - has_alpha == 1 else "RGB"

    def read(top: int, bottom: int) -> Samples:
        band = samples[top:bottom]
        if not has_alpha:
            return Samples(band, space)
        color, alpha = band[..., :-1], band[..., -1]
        if heif.mode.startswith("RGBa"):
            color = unpremultiply(color, alpha)
        return Samples(color, space, alpha)

    carrier = Image.new("RGB", (1, 1))  # lets Pillow parse the EXIF
    carrier.info = {k: heif.info.get(k) for k in ("exif", "xmp", "icc_profile")}
    carrier.info = {k: v for k, v in carrier.info.items() if v}
    decoded = _finish(carrier, SourceRows(height, width, read), turn=False)
    return replace(decoded, metadata=replace(decoded.metadata, format="HEIC"))


def _finish(image: Image.Image, rows: SourceRows, turn: bool = True) -> Decoded:
    """Colours to sRGB, pixels upright, metadata collected."""
    fields, notes = read_metadata(image)
    first = rows.read(0, 1).color
    depth = 8 if first.dtype == np.uint8 else 16
    file_format = {"MPO": "JPEG", "WEBP": "WebP"}.get(image.format or "", image.format)
    metadata = Metadata(format=file_format, bit_depth=depth, **fields)
    color, alpha, color_notes = _to_floats(rows, fields["icc"], orientation(image) if turn else 1)
    return Decoded(color, alpha, metadata, (*color_notes, *notes))


def _to_floats(
    rows: SourceRows, icc: bytes | None, how: int
) -> tuple[Array, Array | None, tuple[str, ...]]:
    """Upright sRGB (3, H, W), alpha (1, H, W), and what to tell the user of the colours."""
    first = rows.read(0, 1)
    convert, notes = srgb_conversion(first.space, first.color.dtype, icc)
    turned = how in (5, 6, 7, 8)
    size = (rows.width, rows.height) if turned else (rows.height, rows.width)
    color = np.empty((3, *size), np.float32)
    alpha = None if first.alpha is None else np.empty((1, *size), np.float32)
    for top, bottom in row_bands(rows.height, rows.width):
        band = rows.read(top, bottom)
        write_floats(lying(color.transpose(1, 2, 0), how)[top:bottom], convert(band.color))
        if alpha is not None and band.alpha is not None:
            write_floats(lying(alpha[0], how)[top:bottom], band.alpha)
    return color, alpha, notes


def _check_size(width: int, height: int, name: str, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise ImageError(
            f"'{name}' is {width}x{height}, {width * height / 1e6:.0f} megapixels, and at most "
            f"{max_pixels / 1e6:.0f} are read: make it smaller, or raise the limit (max_pixels)"
        )


def _check_planes(image: Image.Image, name: str) -> None:
    """Refuse what Pillow would decode to noise: TIFFs of one 16-bit plane per channel."""
    tags: Any = getattr(image, "tag_v2", {})
    if tags.get(284) == 2 and max(tags.get(258, (8,))) > 8:
        raise ImageError(
            f"'{name}' is a TIFF that keeps its 16-bit channels in separate planes, which we "
            "cannot read: save it with interleaved channels"
        )


def _frames_note(file_format: str | None, frames: int) -> tuple[str, ...]:
    if frames == 1 or file_format == "MPO":  # MPO: previews beside the one JPEG picture
        return ()
    what = f"{frames} pages" if file_format == "TIFF" else f"an animation of {frames} frames"
    return (f"the file holds {what}: the first one is used",)


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
