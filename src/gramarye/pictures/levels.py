"""What Pillow has decoded, as arrays of a band of rows: 8 bits per channel, or all 16 of them.

Pillow unpacks 16-bit colour to 8 bits. Where the file holds 16, it is unpacked twice, once for
the high and once for the low bytes: Pillow's own unpackers do both, so every filter,
interlacing and compression it knows works at full depth.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from io import BufferedReader, BytesIO
from typing import Any

import numpy as np
from PIL import Image

from gramarye.errors import ImageError
from gramarye.pictures.rows import Array, row_bands
from gramarye.pictures.sniffing import READABLE

OpenFile = BufferedReader | BytesIO

# Pillow's unpackers for 16-bit samples, each with the one that gives the other byte. 'N' is the
# order of this machine, in which libtiff hands over what it has decompressed.
_OTHER_ORDER = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}
_DEEP_MODES = ("RGB;16", "RGBA;16", "RGBX;16", "RGBa;16")


@dataclass(frozen=True)
class Samples:
    color: Array  # (H, W, C)
    space: str  # 'GRAY', 'RGB', 'CMYK' or 'LAB'
    alpha: Array | None = None


@dataclass(frozen=True)
class SourceRows:
    """A decoded picture, not yet turned upright, whose samples are made when asked for."""

    height: int
    width: int
    read: Callable[[int, int], Samples]  # the rows from `top` to `bottom`


def open_with_pillow(file: OpenFile) -> Image.Image:
    """The file's picture, its header read and its pixels not."""
    file.seek(0)
    return Image.open(file, formats=READABLE)


def pillow_rows(image: Image.Image) -> SourceRows:
    """What Pillow has decoded; 16 bits per channel only where Pillow keeps them (gray)."""
    if image.mode in ("I", "F"):
        _check_numbers(image)
    return SourceRows(
        image.height, image.width, lambda top, bottom: _samples_of(_rows(image, top, bottom))
    )


def _rows(image: Image.Image, top: int, bottom: int) -> Image.Image:
    return image.crop((0, top, image.width, bottom))


def _check_numbers(image: Image.Image) -> None:
    """Refuse whole numbers of more than 16 bits, and floats that are no picture."""
    extremes = []
    for band in row_bands(image.height, image.width):
        values = np.asarray(_rows(image, *band))
        extremes += [values.min(), values.max()]
    low, high = np.min(extremes), np.max(extremes)
    if image.mode == "F":
        check_floats(low, high)
    elif low < 0 or high > 65535:
        raise ImageError(
            f"the picture holds whole numbers from {low} to {high}; at most 16 "
            "bits per channel are read: save it as a 16-bit picture"
        )


def check_floats(low: float, high: float) -> None:
    """Refuse a picture of floats between these when they are not finite, or of another range."""
    if not np.isfinite([low, high]).all():
        raise ImageError("the picture holds NaN or infinite values: replace them by numbers")
    if low < -0.01 or high > 1.01:  # resampling overshoots a little, another range does not
        raise ImageError(
            f"the picture holds floats from {low:.4g} to {high:.4g}; they have to lie in [0, 1]: "
            "scale them (8-bit values: divide by 255)"
        )


def _samples_of(image: Image.Image) -> Samples:
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _number_samples(image)
    alpha = None
    if image.has_transparency_data:
        alpha = np.array(image.convert("RGBA").getchannel("A"))
    if image.mode in ("1", "L", "LA", "La"):
        gray = image.convert("LA") if image.mode == "La" else image
        return Samples(np.array(gray.convert("L"))[..., None], "GRAY", alpha)
    if image.mode in ("CMYK", "LAB"):
        return Samples(np.array(image), image.mode)
    if image.mode == "RGBa":
        image = image.convert("RGBA")
    return Samples(np.array(image.convert("RGB")), "RGB", alpha)


def _number_samples(image: Image.Image) -> Samples:
    """Gray pictures of 16-bit integers, 32-bit integers or floats."""
    values = np.array(image)[..., None]
    if image.mode == "F":
        return Samples(values.astype(np.float32).clip(0, 1), "GRAY")
    values = values.astype(np.uint16)
    return Samples(values, "GRAY", _key_alpha(values, image))


def deep_unpacker(image: Image.Image) -> str | None:
    """The name of the 16-bit unpacker Pillow would use, if we can have its low bytes too."""
    unpackers = {_raw_mode(tile) for tile in getattr(image, "tile", [])}
    if len(unpackers) != 1:
        return None
    (unpacker,) = unpackers
    is_deep = unpacker == "LA;16B" or unpacker[:-1] in _DEEP_MODES
    return unpacker if is_deep else None


def deep_rows(file: OpenFile, unpacker: str) -> tuple[Image.Image, SourceRows]:
    """The loaded image, for its metadata, and all 16 bits of its samples."""
    if unpacker == "LA;16B":
        return _deep_gray_rows(_unpack(file, "RGBA"))  # four bytes per pixel, taken as they are
    base, order = unpacker[:-1].replace("RGBa", "RGBA"), unpacker[-1]
    high = _unpack(file, base + order)
    low = _unpack(file, base + _OTHER_ORDER[order])

    def read(top: int, bottom: int) -> Samples:
        samples = np.asarray(_rows(high, top, bottom)).astype(np.uint16) << 8
        samples |= np.asarray(_rows(low, top, bottom))
        color = samples[..., :3]
        if unpacker.startswith("RGBa"):
            color = unpremultiply(color, samples[..., 3])
        alpha = samples[..., 3] if samples.shape[-1] == 4 else _key_alpha(color, high)
        return Samples(color, "RGB", alpha)

    return high, SourceRows(high.height, high.width, read)


def _deep_gray_rows(image: Image.Image) -> tuple[Image.Image, SourceRows]:
    def read(top: int, bottom: int) -> Samples:
        both = np.asarray(_rows(image, top, bottom)).view(">u2").astype(np.uint16)  # (H, W, 2)
        return Samples(both[..., :1], "GRAY", both[..., 1])

    return image, SourceRows(image.height, image.width, read)


def _unpack(file: OpenFile, raw_mode: str) -> Image.Image:
    """The file's picture, loaded by the unpacker of that name."""
    image: Any = open_with_pillow(file)
    image.tile = [_with_raw_mode(tile, raw_mode) for tile in image.tile]
    image.load()
    assert isinstance(image, Image.Image)
    return image


def _raw_mode(tile: Any) -> str:
    return str(tile.args if isinstance(tile.args, str) else tile.args[0])


def _with_raw_mode(tile: Any, raw_mode: str) -> Any:
    args = raw_mode if isinstance(tile.args, str) else (raw_mode, *tile.args[1:])
    return tile._replace(args=args)


def _key_alpha(color: Array, image: Image.Image) -> Array | None:
    """Alpha from the one transparent colour a PNG without alpha channel may name."""
    key = image.info.get("transparency")
    if not isinstance(key, int | tuple):
        return None
    transparent = (color == np.array(key)).all(axis=-1)
    return np.where(transparent, 0, 65535).astype(np.uint16)


def unpremultiply(color: Array, alpha: Array) -> Array:
    full = np.iinfo(color.dtype).max
    straight = color.astype(np.float32) * full / np.maximum(alpha, 1)[..., None]
    return straight.round().clip(0, full).astype(color.dtype)


def write_floats(out: Array, samples: Array) -> None:
    """Samples into float32 of the same shape: whole levels as fractions, floats clipped to [0, 1].

    The division is rounded to float32 once, so a level has one value, whatever the layout.
    """
    if samples.dtype in (np.uint8, np.uint16):
        np.divide(samples, np.iinfo(samples.dtype).max, out=out, dtype=np.float32)
    else:
        np.clip(samples, 0, 1, out=out, casting="same_kind")


def lying(upright: Array, how: int) -> Array:
    """A view of an upright (H, W, ...) array in the file's rows, by EXIF orientation 1 to 8.

    What is written to row 0 of the view lands where the file's first row belongs.
    """
    if how in (2, 3, 6, 7):
        upright = upright[:, ::-1]
    if how in (3, 4, 7, 8):
        upright = upright[::-1]
    if how in (5, 6, 7, 8):
        upright = upright.swapaxes(0, 1)
    return upright
