"""From a file or a Pillow image to vips images of 8 or 16 bits per channel, alpha last.

libvips decodes PNG, JPEG and TIFF, in all 16 bits where the file has them; Pillow decodes
the other formats, and the few kinds of TIFF that libvips does not know or gets wrong.
"""

import os
from io import BytesIO

import numpy as np
from PIL import Image

from gramarye.errors import ImageError
from gramarye.pictures.headers import Header
from gramarye.pictures.levels import check_floats
from gramarye.pictures.profiles import lab_to_srgb
from gramarye.pictures.rows import Array, row_bands
from gramarye.pictures.vips import CHANNELS, OpenFile, VipsImage, space_of, vips_file, vips_samples

_END_OF_JPEG = b"\xff\xd9"

# TIFF tags and values (TIFF 6.0 and its supplements).
_BITS, _COMPRESSION, _PHOTOMETRIC, _PLANES, _EXTRA, _FORMAT = 258, 259, 262, 284, 338, 339
_MIN_IS_WHITE, _YCBCR, _LAB = 0, 6, 8
_PHOTOMETRICS = {_MIN_IS_WHITE, 1, 2, 3, 5, _YCBCR, _LAB}
_JPEG = 7
_NOT_IN_LIBVIPS = {34925, 50000, 50001}  # LZMA, ZSTD, WebP: its binary packages lack them
_ALPHAS = (1, 2)  # multiplied into the color, or not
_FLOATS = 3


def file_pixels(file: OpenFile, header: Header, name: str) -> tuple[VipsImage, tuple[str, ...]]:
    """The pixels of an open file, and what to tell the user of them."""
    kind = header.image.format
    if kind in ("PNG", "JPEG", "MPO"):
        return vips_file(file, kind), ()
    if kind == "TIFF":
        return _tiff_pixels(file, header, name)
    return pillow_pixels(header.image, f"'{name}'"), ()


def jpeg_without_end(file: OpenFile) -> tuple[VipsImage, tuple[str, ...]]:
    """A JPEG that lacks only the two bytes that say it ends; reading another one fails."""
    file.seek(0, os.SEEK_END)  # libvips has moved the file; Python does not know where to
    file.seek(0)
    whole = BytesIO(file.read() + _END_OF_JPEG)
    note = "the end of the file is missing, but nothing of the picture"
    return vips_file(whole, "JPEG", fail_on="warning"), (note,)


def _tiff_pixels(file: OpenFile, header: Header, name: str) -> tuple[VipsImage, tuple[str, ...]]:
    tags, image = header.tags, header.image
    bits = max(_numbers(tags.get(_BITS, 1)))
    is_float = image.mode == "F" and _FLOATS in _numbers(tags.get(_FORMAT, 1))
    if why := _why_not(tags, bits, is_float):
        raise _refused(name, why)
    if not is_float and not _is_for_pillow(tags, bits):
        return _with_alpha_last(vips_file(file, "TIFF"), _numbers(tags.get(_EXTRA, ())), name), ()
    if not header.known:
        raise _refused(name, f"of {bits} bits per channel")
    if tags.get(_PLANES) == 2 and bits > 8:
        raise _refused(name, "of separate planes in a rare compression")
    if is_float or image.mode.startswith("I;16"):
        full = 1 if is_float else 2**bits - 1
        values = np.array(image).astype(np.float32) / full
        check_floats(values.min(), values.max(), f"'{name}'")
        return _gray_floats(1 - values if tags.get(_PHOTOMETRIC) == _MIN_IS_WHITE else values), ()
    note = "16 bits in this compression of TIFF are read as 8"
    return pillow_pixels(image, f"'{name}'"), (note,) if bits > 8 else ()


def _why_not(tags: Image.Exif, bits: int, is_float: bool) -> str | None:
    """What a TIFF holds that nobody here reads, or that would be read wrong."""
    photometric = tags.get(_PHOTOMETRIC, 1)
    if photometric not in _PHOTOMETRICS:
        return f"of photometric kind {photometric}"
    if not is_float and not set(_numbers(tags.get(_FORMAT, 1))) <= {1, 4}:
        return "of numbers with a sign, or of floats that are not gray"
    if not is_float and bits > 16:
        return f"of {bits} bits per channel"
    if tags.get(_PLANES) == 2 and photometric < 2 and len(_numbers(tags.get(_BITS, 1))) > 1:
        return "of gray and alpha in separate planes"  # libvips mixes them up
    return None


def _is_for_pillow(tags: Image.Exif, bits: int) -> bool:
    """Whether Pillow may read what libvips does not know, or gets wrong."""
    compression, photometric = tags.get(_COMPRESSION, 1), tags.get(_PHOTOMETRIC, 1)
    plain_ycbcr = photometric == _YCBCR and compression != _JPEG
    rare = compression in _NOT_IN_LIBVIPS or bits not in (1, 2, 4, 8, 16)
    return rare or plain_ycbcr or photometric == _LAB


def _with_alpha_last(image: VipsImage, extras: tuple[int, ...], name: str) -> VipsImage:
    """The colors, and the first of the extra samples that says it is alpha."""
    space = space_of(image)
    if space is None:
        raise _refused(name, f"of {image.bands} channels in {image.interpretation}")
    color = image.extract_band(0, n=CHANNELS[space])
    alphas = [i for i, extra in enumerate(extras) if extra in _ALPHAS]
    return color.bandjoin(image.extract_band(color.bands + alphas[0])) if alphas else color


def _numbers(tag: object) -> tuple[int, ...]:
    return tag if isinstance(tag, tuple) else (int(str(tag)),)


def _refused(name: str, what: str) -> ImageError:
    return ImageError(
        f"'{name}' is a TIFF {what}, which we cannot read: save it with 8 or 16 bits per channel, "
        "as RGB, CMYK or gray"
    )


def pillow_pixels(image: Image.Image, what: str = "the picture") -> VipsImage:
    """What Pillow decodes: 16 bits per channel only where Pillow keeps them (gray)."""
    if image.mode == "F":
        values = np.array(image)
        check_floats(values.min(), values.max(), what)
        return _gray_floats(values)
    if image.mode == "I" or image.mode.startswith("I;16"):
        return _whole_numbers(image, what)
    if image.mode == "LAB":
        return lab_to_srgb(np.asarray(image))
    if image.mode == "CMYK":
        return vips_samples(np.asarray(image), "CMYK")
    gray = image.mode in ("1", "L", "LA", "La")
    clear = image.has_transparency_data or image.mode in ("La", "RGBa")
    mode = ("L" if gray else "RGB") + "A" * clear
    samples = np.empty((image.height, image.width, len(mode)), np.uint8)
    for top, bottom in row_bands(image.height, image.width):
        band = image.crop((0, top, image.width, bottom)).convert(mode)
        samples[top:bottom] = np.asarray(band).reshape(-1, image.width, len(mode))
    return vips_samples(samples, "GRAY" if gray else "RGB")


def _gray_floats(values: Array) -> VipsImage:
    """(H, W) floats from 0 to 1, in 16 bits."""
    return vips_samples((values.clip(0, 1) * 65535).round().astype(np.uint16), "GRAY")


def _whole_numbers(image: Image.Image, what: str) -> VipsImage:
    """Gray levels that have to fit in 16 bits, perhaps with one that is transparent."""
    values = np.array(image)
    if values.min() < 0 or values.max() > 65535:
        raise ImageError(
            f"{what} holds whole numbers from {values.min()} to {values.max()}; at most 16 "
            "bits per channel are read: save it as a 16-bit picture"
        )
    levels, key = values.astype(np.uint16), image.info.get("transparency")
    if isinstance(key, int):
        alpha = np.where(values == key, 0, 65535).astype(np.uint16)
        levels = np.stack([levels, alpha], axis=-1)
    return vips_samples(levels, "GRAY")
