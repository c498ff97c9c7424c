"""The formats we write: what each can hold, and which one a file name asks for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gramarye.errors import InputError, did_you_mean
from gramarye.units import show_size, show_value


@dataclass(frozen=True)
class Format:
    """What a file format can hold."""

    name: str
    extensions: tuple[str, ...]
    max_side: int  # pixels
    max_pixels: int | None = None
    alpha: bool = True
    bit_depths: tuple[int, ...] = (8,)


FORMATS = (
    # Of sides, 65500 is libjpeg's limit.
    Format("JPEG", (".jpg", ".jpeg", ".jpe", ".jfif"), max_side=65500, alpha=False),
    Format("PNG", (".png",), max_side=2**31 - 1, bit_depths=(8, 16)),
    Format("WebP", (".webp",), max_side=16383),
    Format("TIFF", (".tif", ".tiff"), max_side=2**31 - 1, bit_depths=(8, 16)),
    # AVIF could be larger, but libavif, which nearly everybody reads it with, refuses more.
    Format("AVIF", (".avif",), max_side=32768, max_pixels=16384**2),
    Format("HEIC", (".heic", ".heif"), max_side=16384),
)

EXTENSIONS = tuple(extension for format_ in FORMATS for extension in format_.extensions)


def format_of(path: Path) -> Format:
    """The format the extension asks for."""
    extension = path.suffix.lower()
    for format_ in FORMATS:
        if extension in format_.extensions:
            return format_
    allowed = "pictures are written as " + ", ".join(f.extensions[0] for f in FORMATS)
    if not extension:
        raise InputError(
            f"'{path}' has no extension, and the format is chosen by it: {allowed}; "
            f"for instance '{path}.png'"
        )
    hint = did_you_mean(extension, EXTENSIONS)
    raise InputError(f"unknown extension '{path.suffix}' of '{path}': {allowed}{hint}")


def check_request(
    format_: Format, quality: object, bit_depth: int | None, size: tuple[int, int] | None
) -> None:
    """An InputError unless the format can hold a picture of this quality, depth and (w, h)."""
    if isinstance(quality, bool) or not isinstance(quality, int) or not 1 <= quality <= 100:
        raise InputError(f"quality is {show_value(quality)}: give a whole number from 1 to 100")
    if bit_depth is not None and not isinstance(bit_depth, int):
        raise InputError(f"bit_depth is {show_value(bit_depth)}: give 8 or 16")
    if bit_depth is not None and bit_depth not in format_.bit_depths:
        allowed = " or ".join(str(depth) for depth in format_.bit_depths)
        hint = "" if bit_depth != 16 else ": for 16, write a .png or a .tif"
        raise InputError(
            f"{bit_depth} bits per channel cannot be written: {format_.name} holds {allowed}{hint}"
        )
    if size is not None and max(size) > format_.max_side:
        raise InputError(
            f"{show_size(*size)} pixels are too many for {format_.name}, which holds at most "
            f"{format_.max_side} a side: write a .png or a .tif"
        )
    if size is not None and format_.max_pixels and size[0] * size[1] > format_.max_pixels:
        raise InputError(
            f"{show_size(*size)} are {size[0] * size[1] / 1e6:.0f} megapixels, and "
            f"{format_.name} holds at most {format_.max_pixels / 1e6:.0f}: write a .png or a .tif"
        )
    if format_.name == "HEIC":
        import_heif()


def import_heif() -> Any:
    """The pillow_heif package, or an InputError that says how to get it."""
    try:
        import pillow_heif  # optional: the [heic] extra
    except ImportError as error:
        raise InputError(
            "writing HEIC takes one more package: pip install 'gramarye[heic]', "
            "or write a .jpg, .png or .avif"
        ) from error
    return pillow_heif
