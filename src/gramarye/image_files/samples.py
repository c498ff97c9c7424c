"""What Pillow has decoded, as arrays: 8 bits per channel, or all 16 of them.

Pillow unpacks 16-bit colour to 8 bits. Where the file holds 16, it is unpacked twice, once for
the high and once for the low bytes: Pillow's own unpackers do both, so every filter,
interlacing and compression it knows works at full depth.
"""

import sys
from dataclasses import dataclass
from io import BufferedReader, BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gramarye.errors import ImageError
from gramarye.image_files.sniffing import READABLE

Array = NDArray[Any]
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


def open_with_pillow(file: OpenFile) -> Image.Image:
    """The file's picture, its header read and its pixels not."""
    file.seek(0)
    return Image.open(file, formats=READABLE)


def samples_of(image: Image.Image) -> Samples:
    """What Pillow has decoded; 16 bits per channel only where Pillow keeps them (gray)."""
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
        return Samples(checked_floats(values), "GRAY")
    if values.min() < 0 or values.max() > 65535:
        raise ImageError(
            f"the picture holds whole numbers from {values.min()} to {values.max()}; at most 16 "
            "bits per channel are read: save it as a 16-bit picture"
        )
    values = values.astype(np.uint16)
    return Samples(values, "GRAY", _key_alpha(values, image))


def checked_floats(values: Array) -> Array:
    """The same as float32, clipped to [0, 1]; refused when not finite or of another range."""
    if not np.isfinite(values).all():
        raise ImageError("the picture holds NaN or infinite values: replace them by numbers")
    low, high = float(values.min()), float(values.max())
    if low < -0.01 or high > 1.01:  # resampling overshoots a little, another range does not
        raise ImageError(
            f"the picture holds floats from {low:.4g} to {high:.4g}; they have to lie in [0, 1]: "
            "scale them (8-bit values: divide by 255)"
        )
    return values.astype(np.float32).clip(0, 1)


def deep_unpacker(image: Image.Image) -> str | None:
    """The name of the 16-bit unpacker Pillow would use, if we can have its low bytes too."""
    unpackers = {_raw_mode(tile) for tile in getattr(image, "tile", [])}
    if len(unpackers) != 1:
        return None
    (unpacker,) = unpackers
    is_deep = unpacker == "LA;16B" or unpacker[:-1] in _DEEP_MODES
    return unpacker if is_deep else None


def deep_samples(file: OpenFile, unpacker: str) -> tuple[Image.Image, Samples]:
    """The loaded image, for its metadata, and all 16 bits of its samples."""
    if unpacker == "LA;16B":  # four bytes per pixel, taken as they are
        image = _unpack(file, "RGBA")
        both = np.array(image).view(">u2").astype(np.uint16)  # (H, W, 2)
        return image, Samples(both[..., :1], "GRAY", both[..., 1])
    base, order = unpacker[:-1].replace("RGBa", "RGBA"), unpacker[-1]
    image = _unpack(file, base + order)
    samples = np.array(image).astype(np.uint16) << 8
    samples |= np.array(_unpack(file, base + _OTHER_ORDER[order]))
    color = samples[..., :3]
    if unpacker.startswith("RGBa"):
        color = unpremultiply(color, samples[..., 3])
    alpha = samples[..., 3] if samples.shape[-1] == 4 else _key_alpha(color, image)
    return image, Samples(color, "RGB", alpha)


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


def upright(samples: Array, how: int) -> Array:
    """(H, W, ...) samples turned and mirrored as EXIF orientation 1 to 8 asks."""
    if how in (5, 6, 7, 8):
        samples = samples.swapaxes(0, 1)
    if how in (3, 4, 7, 8):
        samples = samples[::-1]
    if how in (2, 3, 6, 7):
        samples = samples[:, ::-1]
    return samples
