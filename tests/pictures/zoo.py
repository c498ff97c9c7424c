"""Picture files of every kind we say we read, each with its pixels or the sentence it must get.

The pixels are known by construction: files are put together here from the formats'
specifications, or written by tifffile or Pillow from levels whose meaning is certain.
"""

import io
import itertools
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image

from tests.pictures.making import packed, png, ramp, tiff

Levels = NDArray[np.generic]
HEIGHT, WIDTH = 9, 13


@dataclass(frozen=True)
class Animal:
    """A file, and what it must give: (H, W, 3 or 4) values in [0, 1], or a sentence."""

    name: str
    data: bytes
    pixels: NDArray[np.float64] | None = None
    sentence: str = ""
    off: float = 1e-6  # how far a value may be off
    note: str = ""


def levels(channels: int, bits: int) -> NDArray[np.uint32]:
    """(H, W, C) levels of every size, the smallest and largest among them."""
    generator = np.random.default_rng(channels * 100 + bits)
    found = generator.integers(0, 2**bits, (HEIGHT, WIDTH, channels), dtype=np.uint32)
    found[0, 0], found[0, 1] = 0, 2**bits - 1
    return found


def rgb(values: NDArray[np.generic], alpha: NDArray[np.generic] | None = None) -> NDArray:
    """(H, W, 1 or 3) fractions, and (H, W) of alpha, as what a picture must be."""
    color = np.broadcast_to(values, (*values.shape[:2], 3))
    return color if alpha is None else np.concatenate([color, alpha[..., None]], axis=-1)


def pngs() -> Iterator[Animal]:
    depths = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
    names = {0: "gray", 2: "rgb", 3: "palette", 4: "gray+alpha", 6: "rgba"}
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
    for kind, adam7 in itertools.product(depths, (False, True)):
        for bits in depths[kind]:
            samples, full = levels(channels[kind], bits), 2**bits - 1
            name = f"{names[kind]}{bits}{'-adam7' if adam7 else ''}.png"
            if kind == 3:
                colors = levels(3, 8).reshape(-1, 3).repeat(3, axis=0)[: 2**bits].astype(np.uint8)
                alphas = np.arange(2**bits // 2, dtype=np.uint8)  # the rest is opaque
                opaque = np.full(2**bits - len(alphas), 255, np.uint8)
                table = b"PLTE" + colors.tobytes()
                color = colors[samples[..., 0]] / 255
                yield Animal(name, png(samples, bits, 3, table, adam7=adam7), color)
                see = np.concatenate([alphas, opaque])[samples[..., 0]] / 255
                clear = png(samples, bits, 3, table, b"tRNS" + alphas.tobytes(), adam7=adam7)
                yield Animal(f"tRNS-{name}", clear, rgb(color, see))
                continue
            fractions = samples / full
            colors, alpha = fractions, None
            if kind in (4, 6):
                colors, alpha = fractions[..., :-1], fractions[..., -1]
            yield Animal(name, png(samples, bits, kind, adam7=adam7), rgb(colors, alpha))
            if kind in (0, 2):
                key = samples[4, 5]
                see = np.where((samples == key).all(axis=-1), 0.0, 1.0)
                chunk = b"tRNS" + struct.pack(f">{len(key)}H", *key.tolist())
                yield Animal(
                    f"tRNS-{name}", png(samples, bits, kind, chunk, adam7=adam7), rgb(colors, see)
                )


def tiffs() -> Iterator[Animal]:
    layouts = {
        "gray": (1, "minisblack", []),
        "white": (1, "miniswhite", []),
        "gray+alpha": (2, "minisblack", ["unassalpha"]),
        "rgb": (3, "rgb", []),
        "rgba": (4, "rgb", ["unassalpha"]),
        "rgbx": (4, "rgb", ["unspecified"]),
        "rgbxa": (5, "rgb", ["unspecified", "unassalpha"]),
        "cmyk": (4, "separated", []),
        "premultiplied": (4, "rgb", ["assocalpha"]),
    }
    kinds = itertools.product(layouts, (8, 16), "<>", ("contig", "separate"))
    for layout, bits, order, planes in kinds:
        channels, photometric, extra = layouts[layout]
        if planes == "separate" and channels == 1:
            continue
        samples, full = levels(channels, bits), 2**bits - 1
        if layout == "premultiplied":
            samples[..., :3] = samples[..., :3] * samples[..., 3:] // full
        values = samples / full
        off = 1e-6
        if layout == "white":
            pixels = rgb(1 - values)
        elif layout == "cmyk":
            pixels, off = (1 - values[..., :3]) * (1 - values[..., 3:]), 0.6 / full
        elif layout == "premultiplied":
            color = values[..., :3] / np.maximum(values[..., 3:], 1e-9)
            pixels, off = rgb(color.clip(0, 1), values[..., 3]), 1.1 / full
        else:
            alpha = values[..., -1] if "unassalpha" in extra else None
            pixels = rgb(values[..., :3] if channels > 2 else values[..., :1], alpha)
        array = samples.astype(np.uint8 if bits == 8 else np.uint16)
        array = array[..., 0] if channels == 1 else array
        name = f"{layout}{bits}{order}{planes}.tif"
        options = {"extrasamples": extra or None, "planarconfig": planes if channels > 1 else None}
        data = written(array, order, planes, photometric=photometric, rowsperstrip=4, **options)
        if channels == 2 and planes == "separate":
            yield Animal(name, data, sentence="gray and alpha in separate planes")
        else:
            note = "CMYK without" if layout == "cmyk" else ""
            yield Animal(name, data, pixels, off=off, note=note)
    yield from odd_tiffs()
    yield from packed_tiffs()


def written(array: Levels, order: str = "<", planes: str = "contig", **options: object) -> bytes:
    file = io.BytesIO()
    array = array.transpose(2, 0, 1).copy() if planes == "separate" else array
    tifffile.imwrite(file, array, byteorder=order, **options)
    return file.getvalue()


def odd_tiffs() -> Iterator[Animal]:
    """Signs, depths and meanings beyond the usual."""
    gray8, color8 = levels(1, 8)[..., 0], levels(3, 8)
    half = np.linspace(0, 1, gray8.size).reshape(gray8.shape)
    signed = "numbers with a sign"
    for order in "<>":
        for dtype, sentence in (
            (np.int8, signed),
            (np.int16, signed),
            (np.int32, signed),
            (np.uint32, "of 32 bits per channel"),
            (np.uint64, "of 64 bits per channel"),
            (np.float16, "floats that are not gray"),
            (np.float64, "floats that are not gray"),
        ):
            data = written(gray8.astype(dtype), order, photometric="minisblack")
            yield Animal(f"gray-{np.dtype(dtype).name}{order}.tif", data, sentence=sentence)
        for dtype, sentence in (
            (np.int8, signed),
            (np.int16, signed),
            (np.uint32, "of 32 bits per channel"),
            (np.float32, "floats that are not gray"),
        ):
            data = written(color8.astype(dtype), order, photometric="rgb")
            yield Animal(f"rgb-{np.dtype(dtype).name}{order}.tif", data, sentence=sentence)
        floats = half.astype(np.float32)
        for name, values, sentence in (
            ("", floats, ""),
            ("-nan", np.where(floats > 0.5, np.nan, floats), "NaN"),
            ("-to-255", floats * 255, "divide by 255"),
        ):
            data = written(values.astype(np.float32), order, photometric="minisblack")
            pixels = None if sentence else rgb(half[..., None])
            yield Animal(f"gray-float32{name}{order}.tif", data, pixels, sentence, off=1 / 65535)
        inverted = written(floats, order, photometric="miniswhite")
        yield Animal(f"white-float32{order}.tif", inverted, rgb(1 - half[..., None]), off=1 / 65535)
    for photometric in ("cfa", "logluv", "icclab", "itulab"):
        array = gray8 if photometric == "cfa" else color8
        data = written(array.astype(np.uint8), photometric=photometric)
        yield Animal(f"{photometric}.tif", data, sentence=" is a TIFF ")
    neutral = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    neutral[..., 1:] = 0  # a* and b* are signed
    middle = np.full((HEIGHT, WIDTH, 3), 119.6 / 255)  # L* = 50.2 in sRGB
    yield Animal("lab8.tif", written(neutral, photometric="cielab"), middle, off=1 / 255)
    red = np.broadcast_to(np.array([138, 81, 70], np.uint8), neutral.shape)  # under D50
    yield Animal(
        "lab-red.tif", written(red, photometric="cielab"), red * 0 + [1, 0, 0], off=4 / 255
    )
    data = written(levels(3, 16).astype(np.uint16), photometric="cielab")
    yield Animal("lab16.tif", data, sentence=" is a TIFF ")
    table = levels(3, 16).reshape(-1, 3).repeat(3, axis=0)[:256].astype(np.uint16)
    data = written(gray8.astype(np.uint8), photometric="palette", colormap=table.T)
    yield Animal("palette8.tif", data, table[gray8] / 65535, off=1 / 255)
    for big_order in "<>":
        data = written(color8.astype(np.uint8), big_order, photometric="rgb", bigtiff=True)
        if big_order == "<":
            yield Animal("big<.tif", data, color8 / 255)
        else:
            yield Animal("big>.tif", data, sentence="little-endian order")
    for compression in ("tiff_lzw", "packbits", "tiff_adobe_deflate", "zstd", "lzma"):
        file = io.BytesIO()
        Image.fromarray(color8.astype(np.uint8)).save(file, "TIFF", compression=compression)
        yield Animal(f"{compression}.tif", file.getvalue(), color8 / 255)

    smooth = ramp().astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(smooth).save(file, "TIFF", compression="jpeg", quality=95)
    yield Animal("jpeg.tif", file.getvalue(), smooth / 255, off=8 / 255)
    bits = levels(1, 1)[..., 0] > 0
    for compression in ("group3", "group4"):
        file = io.BytesIO()
        Image.fromarray(bits).save(file, "TIFF", compression=compression)
        yield Animal(f"{compression}.tif", file.getvalue(), rgb(bits[..., None] * 1.0))


def packed_tiffs() -> Iterator[Animal]:
    """Levels of 1 to 12 bits, put together from the tags."""
    for order, bits, photometric in itertools.product("<>", (1, 2, 4, 12), (0, 1)):
        samples = levels(1, bits)
        values = samples / (2**bits - 1)
        pixels = rgb(1 - values if photometric == 0 else values)
        name, data = f"bits{bits}-{photometric}{order}.tif", tiff(samples, bits, photometric, order)
        if bits == 12 and (photometric == 0 or order == ">"):
            yield Animal(name, data, sentence="of 12 bits per channel")
        else:
            yield Animal(name, data, pixels, off=0.6 / 65535)
    yield Animal("rgb12.tif", tiff(levels(3, 12), 12, 2, "<"), sentence="of 12 bits per channel")
    yield Animal("gray10.tif", tiff(levels(1, 10), 10, 1, "<"), sentence="of 10 bits per channel")
    palette = levels(3, 8)[0].astype(np.uint16)[:4] * 257
    samples = levels(1, 2)
    yield Animal(
        "palette2.tif", tiff(samples, 2, 3, "<", palette), palette[samples[..., 0]] / 65535
    )
    yield Animal("mask.tif", tiff(levels(1, 1), 1, 4, "<"), sentence="photometric kind 4")
    gray, neutral = levels(1, 8), np.full((HEIGHT, WIDTH, 2), 128, np.uint32)
    ycbcr = np.concatenate([gray, neutral], axis=-1)
    yield Animal("ycbcr.tif", tiff(ycbcr, 8, 6, "<", subsampled=True), rgb(gray / 255), off=1 / 255)


def others() -> Iterator[Animal]:
    gray, color = levels(1, 8).astype(np.uint8), levels(3, 8).astype(np.uint8)
    rgba = levels(4, 8).astype(np.uint8)
    bit = levels(1, 1).astype(np.uint8)
    size = f"{WIDTH} {HEIGHT}"
    text = " ".join(map(str, color.flatten()))
    yield Animal("ascii.ppm", f"P3 {size} 255 {text}\n".encode(), color / 255)
    yield Animal("binary.ppm", f"P6 {size} 255\n".encode() + color.tobytes(), color / 255)
    yield Animal("gray.pgm", f"P5 {size} 255\n".encode() + gray.tobytes(), rgb(gray / 255))
    yield Animal(
        "bits.pbm", f"P4 {size}\n".encode() + packed(bit.astype(np.uint32), 1), rgb(1.0 - bit)
    )
    deep = levels(1, 16)
    data = f"P5 {size} 65535\n".encode() + deep.astype(">u2").tobytes()
    yield Animal("deep.pgm", data, rgb(deep / 65535))
    deep = levels(3, 16)
    data = f"P6 {size} 65535\n".encode() + deep.astype(">u2").tobytes()
    yield Animal("deep.ppm", data, deep / 65535, off=1 / 255)
    ten = levels(1, 10)
    data = f"P5 {size} 1023\n".encode() + ten.astype(">u2").tobytes()
    yield Animal("ten.pgm", data, rgb(ten / 1023), off=1 / 65535)

    def pillow(name: str, image: Image.Image, file_format: str, **options: object) -> bytes:
        file = io.BytesIO()
        image.save(file, file_format, **options)
        return file.getvalue()

    for name, array in (("gray", gray), ("rgb", color), ("rgba", rgba)):
        image = Image.fromarray(array[..., 0] if array.shape[-1] == 1 else array)
        values = array / 255
        alpha = values[..., 3] if name == "rgba" else None
        pixels = rgb(values[..., :3] if name != "gray" else values, alpha)
        exact = {"lossless": True, "exact": True}
        yield Animal(f"{name}.webp", pillow(name, image, "WEBP", **exact), pixels)
        # The fourth byte of a plain BMP of 32 bits means nothing.
        yield Animal(f"{name}.bmp", pillow(name, image, "BMP"), pixels[..., :3])
    black_or_white = Image.fromarray(bit[..., 0] > 0)
    yield Animal("bits.bmp", pillow("bits", black_or_white, "BMP"), rgb(bit * 1.0))
    flat = np.broadcast_to(np.linspace(60, 200, WIDTH)[None, :, None], (HEIGHT, WIDTH, 3))
    smooth = flat.round().astype(np.uint8)
    high = {"quality": 100, "subsampling": 0}
    for file_format in ("JPEG", "AVIF"):
        options = high if file_format == "JPEG" else {"quality": 100}
        data = pillow("rgb", Image.fromarray(smooth), file_format, **options)
        yield Animal(f"rgb.{file_format.lower()}", data, smooth / 255, off=3 / 255)
    data = pillow("gray", Image.fromarray(smooth[..., 0]), "JPEG", **high)
    yield Animal("gray.jpeg", data, smooth / 255, off=3 / 255)
    ink = Image.merge("CMYK", [Image.fromarray(smooth[..., 0])] * 4)
    light = (1 - smooth / 255) ** 2
    data = pillow("cmyk", ink, "JPEG", **high)
    yield Animal("cmyk.jpeg", data, light, off=4 / 255, note="CMYK without")
    palette = Image.fromarray(gray[..., 0], "P")
    palette.putpalette(rgba[..., :3].reshape(-1, 3).repeat(3, axis=0)[:256].tobytes())
    colors = rgba[..., :3].reshape(-1, 3).repeat(3, axis=0)[:256] / 255
    yield Animal("palette.gif", pillow("gif", palette, "GIF"), colors[gray[..., 0]])
    key = int(gray[3, 3, 0])
    see = np.where(gray[..., 0] == key, 0.0, 1.0)
    data = pillow("gif", palette, "GIF", transparency=key)
    yield Animal("clear.gif", data, rgb(colors[gray[..., 0]], see))
