"""PNG (W3C, third edition), which Pillow does not write with 16 bits of color."""

import struct
import zlib
from typing import BinaryIO

import numpy as np

from gramarye.pictures.metadata import Carried
from gramarye.pictures.profiles import srgb_profile
from gramarye.pictures.rows import Array, ResultRows, as_bytes, in_order, row_bands

_LEVEL = 6  # of zlib: its own choice between time and size
_ZLIB_HEADER = b"\x78\x9c"  # deflate, a window of 32 KiB, the usual level (RFC 1950)
_LAST_BLOCK = b"\x03\x00"  # an empty deflate block that says it is the last (RFC 1951)


def write_png(file: BinaryIO, rows: ResultRows, carried: Carried) -> None:
    """The picture goes to the file a band of rows at a time, one IDAT chunk for each."""
    color_type = 6 if rows.channels == 4 else 2
    header = struct.pack(">IIBBBBB", rows.width, rows.height, rows.bit_depth, color_type, 0, 0, 0)
    file.write(b"\x89PNG\r\n\x1a\n")
    _write_chunk(file, b"IHDR", header)
    _write_chunk(file, b"iCCP", b"sRGB\x00\x00" + zlib.compress(srgb_profile()))
    if carried.dpi:
        per_meter = [round(value / 0.0254) for value in carried.dpi]
        _write_chunk(file, b"pHYs", struct.pack(">IIB", *per_meter, 1))
    if carried.exif:
        _write_chunk(file, b"eXIf", carried.exif_block().removeprefix(b"Exif\x00\x00"))
    texts = [(key, value.encode()) for key, value in carried.text]
    if carried.xmp:
        texts.append(("XML:com.adobe.xmp", carried.xmp))
    for key, value in texts:
        keyword = key.encode("latin-1", errors="replace")[:79]
        _write_chunk(file, b"iTXt", keyword + b"\x00\x00\x00\x00\x00" + value)
    _write_pixels(file, rows)
    _write_chunk(file, b"IEND", b"")


def _write_pixels(file: BinaryIO, rows: ResultRows) -> None:
    """One zlib stream over all IDAT chunks; every band is deflated by itself, in threads."""
    check, start = zlib.adler32(b""), _ZLIB_HEADER
    bands = row_bands(rows.height, rows.width)
    for filtered, deflated in in_order(lambda band: _deflated_band(rows, *band), bands):
        check = zlib.adler32(filtered.data, check)
        _write_chunk(file, b"IDAT", start + deflated)
        start = b""
    _write_chunk(file, b"IDAT", _LAST_BLOCK + struct.pack(">I", check))


def _deflated_band(rows: ResultRows, top: int, bottom: int) -> tuple[Array, bytes]:
    """The filtered bytes of a band, and those as deflate blocks that end on a whole byte."""
    filtered = _filtered_rows(rows, top, bottom)
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return filtered, deflate.compress(filtered.data) + deflate.flush(zlib.Z_SYNC_FLUSH)


def _filtered_rows(rows: ResultRows, top: int, bottom: int) -> Array:
    """Every row as its difference from the row above (filter 2) or from the left (filter 1).

    Of the two, each row takes the one with the smaller sum of absolute differences, as the PNG
    specification suggests (12.7). On photographs and paintings all five filters together
    gave files no smaller.
    """
    step = rows.row_bytes // rows.width
    first = max(top - 1, 0)  # the row above, which the picture's first row does not have
    read = as_bytes(rows.read(first, bottom), ">")
    here = read[top - first :]
    out = np.empty((bottom - top, 1 + rows.row_bytes), np.uint8)
    out[:, 0], out[:, 1:] = 2, here
    out[len(out) - len(read) + 1 :, 1:] -= read[:-1]
    left = here.copy()
    left[:, step:] -= here[:, :-step]
    use_left = _cost(left) < _cost(out[:, 1:])
    out[use_left, 0], out[use_left, 1:] = 1, left[use_left]
    return out


def _cost(differences: Array) -> Array:
    return np.asarray(np.minimum(differences, -differences).sum(axis=1, dtype=np.int64))


def _write_chunk(file: BinaryIO, name: bytes, data: bytes) -> None:
    file.write(struct.pack(">I", len(data)) + name)
    file.write(data)
    file.write(struct.pack(">I", zlib.crc32(data, zlib.crc32(name))))
