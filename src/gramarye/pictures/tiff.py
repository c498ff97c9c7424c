"""TIFF 6.0, and BigTIFF where 32-bit offsets do not reach; Pillow writes no 16-bit color."""

import zlib
from itertools import accumulate
from typing import BinaryIO

import numpy as np
from PIL import TiffImagePlugin, TiffTags

from gramarye.pictures.metadata import Carried
from gramarye.pictures.profiles import srgb_profile
from gramarye.pictures.rows import ResultRows, as_bytes, in_order, row_bands

_LEVEL = 6  # of zlib: its own choice between time and size
_STRIP_BYTES = 2**18
# Offsets have 32 bits; the rest is for the metadata and for what deflate may add to noise.
_SMALL_MOST = 2**32 - 2**25
# The first bytes of a BigTIFF: its order, its kind, offsets of 8 bytes, the directory's place.
_BIG_HEADER = b"II\x2b\x00\x08\x00\x00\x00\x10\x00\x00\x00\x00\x00\x00\x00"


def write_tiff(file: BinaryIO, rows: ResultRows, carried: Carried) -> None:
    """Deflated strips of horizontal differences, written one by one behind their directory.

    The directory is written twice: first to take its room, then with the strips' true sizes.
    """
    big = rows.height * rows.row_bytes > _SMALL_MOST  # not known better before the work
    per_strip = max(1, _STRIP_BYTES // rows.row_bytes)
    strips = list(row_bands(rows.height, rows.width, per_strip))
    directory = _directory(rows, carried, per_strip, big)
    directory[273] = directory[279] = (0,) * len(strips)
    directory.save(file)
    sizes = []
    for strip in in_order(lambda band: _deflated_strip(rows, *band), strips):
        file.write(strip)
        sizes.append(len(strip))
    # Pillow adds the length of the directory to the offsets.
    directory[273] = tuple(accumulate(sizes[:-1], initial=0))
    directory[279] = tuple(sizes)
    file.seek(0)
    directory.save(file)


def _deflated_strip(rows: ResultRows, top: int, bottom: int) -> bytes:
    samples = rows.read(top, bottom)
    differences = np.array(samples, order="C")
    differences[:, 1:] -= samples[:, :-1]
    return zlib.compress(as_bytes(differences, "<").data, _LEVEL)


def _directory(
    rows: ResultRows, carried: Carried, per_strip: int, big: bool
) -> TiffImagePlugin.ImageFileDirectory_v2:
    directory = (
        TiffImagePlugin.ImageFileDirectory_v2(_BIG_HEADER)
        if big
        else TiffImagePlugin.ImageFileDirectory_v2()
    )
    for tag, value in (carried.exif or {}).items():
        directory[tag] = value
    if carried.dpi:
        directory[282], directory[283], directory[296] = *carried.dpi, 2  # per inch
    if carried.xmp:
        directory.tagtype[700] = TiffTags.BYTE
        directory[700] = carried.xmp
    if carried.iptc:
        directory.tagtype[33723] = TiffTags.UNDEFINED
        directory[33723] = carried.iptc
    directory[256], directory[257] = rows.width, rows.height
    directory[258] = (rows.bit_depth,) * rows.channels
    directory[259] = 8  # deflate
    directory[262] = 2  # RGB
    directory[277] = rows.channels
    directory[278] = per_strip
    directory[317] = 2  # horizontal differences
    if rows.channels == 4:
        directory[338] = 2  # alpha, not premultiplied
    directory[34675] = srgb_profile()
    directory.tagtype[273] = TiffTags.LONG8 if big else TiffTags.LONG
    directory.tagtype[279] = TiffTags.LONG
    return directory
