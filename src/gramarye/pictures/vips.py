"""libvips: decodes pictures and computes with them, a band of rows at a time.

A vips image is a way to compute pixels. Its bands are the channels, what is not color behind
them; its `interpretation` says what they mean.
"""

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from io import BufferedReader, BytesIO
from typing import Any

import numpy as np

from gramarye.pictures.rows import Array

OpenFile = BufferedReader | BytesIO
VipsImage = Any  # pyvips makes most of its methods when they are called

_LOADERS = {"PNG": "pngload", "JPEG": "jpegload", "MPO": "jpegload", "TIFF": "tiffload"}
CHANNELS = {"GRAY": 1, "RGB": 3, "CMYK": 4}
_SPACES = {"b-w": "GRAY", "grey16": "GRAY", "srgb": "RGB", "rgb16": "RGB", "cmyk": "CMYK"}
_INTERPRETATIONS = {
    "uchar": {"GRAY": "b-w", "RGB": "srgb", "CMYK": "cmyk"},
    "ushort": {"GRAY": "grey16", "RGB": "rgb16", "CMYK": "cmyk"},
}


@cache
def pyvips() -> Any:
    """The package; loaded when the first picture is, because that takes a tenth of a second."""
    import pyvips

    # What libvips logs about a file is said by its errors and by our notes.
    logging.getLogger("pyvips").addHandler(logging.NullHandler())
    return pyvips


@contextmanager
def vips_alone() -> Iterator[None]:
    """libvips without its cache, which would keep files open; what it cannot do is an OSError."""
    vips = pyvips()
    before = vips.cache_get_max()
    vips.cache_set_max(0)
    try:
        yield
    except vips.Error as error:
        lines = str(error.detail or error.message).strip().splitlines()
        raise OSError(lines[-1].split(": ", 1)[-1]) from error
    finally:
        vips.cache_set_max(before)


def vips_file(file: OpenFile, kind: str, fail_on: str = "error") -> VipsImage:
    """The pixels of an open file, which has to stay open as long as they are asked for.

    No other of libvips' many readers is ever run on a stranger's file.
    """
    file.seek(0, os.SEEK_END)  # two steps, so that Python's buffer cannot hide the second
    file.seek(0)
    call, source = pyvips().Operation.call, pyvips().Source
    how = {"access": "sequential", "fail_on": fail_on}
    if isinstance(file, BytesIO):
        return call(f"{_LOADERS[kind]}_buffer", file.getvalue(), **how)
    if os.name == "posix":
        opened = source.new_from_descriptor(file.fileno())
    else:  # Windows, where descriptors may not be shared, but nobody can replace an open file
        opened = source.new_from_file(file.name)
    return call(f"{_LOADERS[kind]}_source", opened, **how)


def vips_samples(samples: Array, space: str) -> VipsImage:
    """(H, W) or (H, W, C) samples of 8 or 16 bits, which stay where they are."""
    samples = np.ascontiguousarray(samples if samples.ndim == 3 else samples[..., None])
    height, width, channels = samples.shape
    kind = "uchar" if samples.dtype == np.uint8 else "ushort"
    image = pyvips().Image.new_from_memory(samples.data, width, height, channels, kind)
    return named(image, space)


def named(image: VipsImage, space: str) -> VipsImage:
    """The image said to be of this space."""
    return image.copy(interpretation=_INTERPRETATIONS[image.format][space])


def space_of(image: VipsImage) -> str | None:
    """'GRAY', 'RGB' or 'CMYK' in 8 or 16 bits; None for anything else."""
    return _SPACES.get(image.interpretation) if image.format in _INTERPRETATIONS else None


def bit_depth(image: VipsImage) -> int:
    return 8 if image.format == "uchar" else 16


def row_reader(image: VipsImage) -> Callable[[int, int], Array]:
    """A function that computes the rows from `top` to `bottom`: (rows, W, bands)."""
    region = pyvips().Region.new(image)
    dtype = np.uint8 if bit_depth(image) == 8 else np.uint16

    def read(top: int, bottom: int) -> Array:
        data = region.fetch(0, top, image.width, bottom - top)
        return np.frombuffer(data, dtype).reshape(bottom - top, image.width, image.bands)

    return read
