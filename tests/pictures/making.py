"""Pictures, files and profiles that the tests of several rooms make."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from gramarye.pictures.picture import Picture

LEVEL = 1 / 255
LOSSLESS = [".png", ".tif"]
LOSSY = [".jpg", ".webp", ".avif"]


def ramp(channels: int = 3, height: int = 20, width: int = 28) -> NDArray[np.uint8]:
    """A smooth picture, so that lossy formats come close; (H, W, C)."""
    y, x = np.mgrid[:height, :width]
    planes = [x * 9, y * 12, 255 - (x + y) * 5, 40 + y * 10]
    return np.stack(planes[:channels], axis=-1).astype(np.uint8)


def deep(channels: int = 3) -> NDArray[np.uint16]:
    """16-bit samples whose low bytes matter and whose differences wrap around."""
    return np.random.default_rng(0).integers(0, 65536, (17, 23, channels), dtype=np.uint16)


def as_array(picture: Picture, levels: int) -> NDArray[np.int64]:
    planes = [picture.pixels] if picture.alpha is None else [picture.pixels, picture.alpha]
    samples = torch.cat(planes, dim=1)[0].permute(1, 2, 0).numpy()
    return np.rint(samples.astype(np.float64) * levels).astype(np.int64)


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def pillow_file(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


def png16(samples: NDArray[np.uint16], color_type: int, extra: bytes = b"") -> bytes:
    """A 16-bit PNG that uses each of the five filters in turn, straight from the specification."""
    height, width, channels = samples.shape
    step, rows = channels * 2, samples.astype(">u2").reshape(height, -1).view(np.uint8).tolist()
    out, above = bytearray(), [0] * len(rows[0])
    for y, row in enumerate(rows):
        out.append(y % 5)
        for i, value in enumerate(row):
            left = row[i - step] if i >= step else 0
            corner = above[i - step] if i >= step else 0
            up, estimate = above[i], left + above[i] - corner
            paeth = min((left, up, corner), key=lambda c, e=estimate: abs(e - c))
            out.append((value - (0, left, up, (left + up) // 2, paeth)[y % 5]) & 255)
        above = row

    def chunk(name: bytes, data: bytes) -> bytes:
        check = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 16, color_type, 0, 0, 0)
    body = extra and chunk(extra[:4], extra[4:])
    body += chunk(b"IDAT", zlib.compress(bytes(out))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + body


def jpeg() -> bytes:
    file = io.BytesIO()
    Image.fromarray(ramp(3, 64, 64)).save(file, "JPEG")
    return file.getvalue()


def icc_profile(space: str, tags: dict[str, bytes], pcs: str = "XYZ ") -> bytes:
    """A version 2 ICC profile of these tags."""
    kind = b"prtr" if space == "CMYK" else b"mntr"
    body, table = b"", b""
    start = 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += name.encode() + struct.pack(">II", start + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    header = struct.pack(">I4sI4s4s4s", start + len(body), b"lcms", 0x02100000, kind,
                         space.encode(), pcs.encode())  # fmt: skip
    header += struct.pack(">6H4s", 2020, 1, 1, 0, 0, 0, b"acsp")
    header = header.ljust(68, b"\0") + struct.pack(">3i", 63190, 65536, 54061)  # D50
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def xyz(*values: float) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(v * 65536) for v in values))


def gamma(value: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(value * 256))


def adobe_rgb() -> bytes:
    """Adobe RGB (1998): its primaries under D50 and gamma 2.199."""
    curve = gamma(2.19921875)
    return icc_profile("RGB ", {
        "wtpt": xyz(0.9642, 1.0, 0.8249),
        "rXYZ": xyz(0.60974, 0.31111, 0.01947),
        "gXYZ": xyz(0.20528, 0.62567, 0.06087),
        "bXYZ": xyz(0.14919, 0.06322, 0.74457),
        "rTRC": curve, "gTRC": curve, "bTRC": curve,
    })  # fmt: skip


def cmyk_table() -> bytes:
    """A CMYK profile whose 2 x 2 x 2 x 2 table knows only lightness: paper white to ink black."""
    corners = np.stack(np.meshgrid(*[[0, 1]] * 4, indexing="ij"), axis=-1).reshape(16, 4)
    light = np.clip(1 - corners[:, :3].mean(axis=1), 0, 1) * (1 - corners[:, 3])
    lab = np.stack([light * 255, np.full(16, 128), np.full(16, 128)], axis=-1)
    straight = bytes(range(256))
    table = b"mft1\0\0\0\0" + bytes([4, 3, 2, 0])
    table += struct.pack(">9i", *(np.eye(3, dtype=int) * 65536).flatten().tolist())
    table += straight * 4 + lab.round().astype(np.uint8).tobytes() + straight * 3
    return icc_profile("CMYK", {"wtpt": xyz(0.9642, 1, 0.8249), "A2B0": table}, pcs="Lab ")


DTYPES = {8: np.uint8, 16: np.uint16}


def noise(height: int, width: int, channels: int = 3, bit_depth: int = 8) -> NDArray:
    """(H, W, channels) samples of every level."""
    generator = np.random.default_rng(height * width)
    return generator.integers(0, 2**bit_depth, (height, width, channels), dtype=DTYPES[bit_depth])


def packed(rows: NDArray[np.uint32], bits: int) -> bytes:
    """(H, W, C) levels of 1 to 16 bits as rows of whole bytes, the first bit the highest."""
    flat = rows.reshape(len(rows), -1)
    places = np.arange(bits - 1, -1, -1)
    split = (flat[..., None] >> places & 1).astype(np.uint8).reshape(len(rows), -1)
    return np.packbits(split, axis=1).tobytes()


def png(samples: NDArray[np.uint32], bits: int, kind: int, *chunks: bytes, adam7=False) -> bytes:
    """Levels as a PNG of this color type, with these chunks: four letters and their content."""

    def chunk(content: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(content))
        return struct.pack(">I", len(content) - 4) + content + check

    height, width, _ = samples.shape
    passes = [(0, 0, 1, 1)]
    if adam7:  # first column and row, and the steps of both
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4),
                  (1, 0, 2, 2), (0, 1, 1, 2)]  # fmt: skip
    parts = [samples[y::dy, x::dx] for x, y, dx, dy in passes]
    body = b"".join(b"\0" + packed(row[None], bits) for part in parts for row in part)
    header = struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, adam7)
    inside = [b"IHDR" + header, *chunks, b"IDAT" + zlib.compress(body), b"IEND"]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(content) for content in inside)


def tiff(
    samples: NDArray[np.uint32],
    bits: int,
    photometric: int,
    order: str,
    palette: NDArray[np.uint16] | None = None,
    subsampled: bool = False,
) -> bytes:
    """One uncompressed strip behind the directory, in either byte order."""
    height, width, channels = samples.shape
    data = packed(samples, bits)
    short, long = 3, 4
    tags = [
        (256, long, [width]), (257, long, [height]), (258, short, [bits] * channels),
        (259, short, [1]), (262, short, [photometric]), (273, long, [0]),
        (277, short, [channels]), (278, long, [height]), (279, long, [len(data)]),
    ]  # fmt: skip
    if palette is not None:
        tags.append((320, short, palette.T.flatten().tolist()))
    if subsampled:
        tags.append((530, short, [1, 1]))
    outside = 8 + 2 + 12 * len(tags) + 4
    extra = b""
    entries = []
    for tag, kind, values in tags:
        content = struct.pack(f"{order}{len(values)}{'H' if kind == short else 'I'}", *values)
        if len(content) > 4:
            place = outside + len(extra)
            extra, content = extra + content, struct.pack(f"{order}I", place)
        entries.append([tag, kind, len(values), content.ljust(4, b"\0")])
    entries[5][3] = struct.pack(f"{order}I", outside + len(extra))
    directory = b"".join(struct.pack(f"{order}HHI", *entry[:3]) + entry[3] for entry in entries)
    head = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8)
    return head + struct.pack(f"{order}H", len(tags)) + directory + bytes(4) + extra + data
