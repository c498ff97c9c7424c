import struct
import zlib

import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from torch.testing import assert_close

from gramarye.errors import ImageError
from gramarye.pictures.picture import load_image, load_picture
from tests.pictures.making import LEVEL, as_array, deep, pillow_file, png16


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "LAB", "I;16"])
def test_every_mode_becomes_rgb(tmp_path, mode: str) -> None:
    gray = Image.new("RGB", (6, 5), (255, 255, 255))
    if mode == "LAB":
        image = Image.new("LAB", (6, 5), (255, 128, 128))
    elif mode == "I;16":
        image = Image.fromarray(np.full((5, 6), 65535, np.uint16))
    else:
        image = gray.convert(mode)
    picture = load_picture(pillow_file(tmp_path / "a.tif", image))
    assert_close(picture.pixels, torch.ones(1, 3, 5, 6), atol=LEVEL, rtol=0)
    assert (picture.alpha is not None) == (mode in ("LA", "RGBA"))


def test_palette_transparency_becomes_alpha(tmp_path) -> None:
    image = Image.new("P", (2, 1))
    image.putpixel((1, 0), 1)
    image.putpalette([255, 0, 0, 0, 255, 0])
    picture = load_picture(pillow_file(tmp_path / "a.png", image, transparency=1))
    assert picture.alpha is not None
    assert picture.alpha.flatten().tolist() == [1, 0]
    assert picture.pixels[0, :, 0, 0].tolist() == [1, 0, 0]


def test_plain_cmyk_is_converted_with_a_note(tmp_path) -> None:
    image = Image.new("CMYK", (4, 4), (0, 255, 255, 0))
    picture = load_picture(pillow_file(tmp_path / "a.tif", image))
    assert_close(picture.pixels[0, :, 0, 0], torch.tensor([1.0, 0.0, 0.0]))
    assert "CMYK without a color profile" in picture.notes[0]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_16_bit_tiff_is_read_exactly(tmp_path, order: str, compression, channels: int) -> None:
    samples = deep(channels)
    tifffile.imwrite(
        tmp_path / "a.tif",
        samples[..., 0] if channels == 1 else samples,
        photometric="minisblack" if channels == 1 else "rgb",
        byteorder=order,
        compression=compression,
        extrasamples=["unassalpha"] if channels == 4 else None,
    )
    picture = load_picture(tmp_path / "a.tif")
    expected = np.repeat(samples, 3, axis=-1) if channels == 1 else samples
    np.testing.assert_array_equal(as_array(picture, 65535), expected)
    assert picture.metadata.bit_depth == 16


@pytest.mark.parametrize(("channels", "color_type"), [(1, 0), (2, 4), (3, 2), (4, 6)])
def test_16_bit_png_is_read_exactly_through_every_filter(channels: int, color_type: int) -> None:
    samples = deep(channels)
    picture = load_picture(png16(samples, color_type))
    color = np.repeat(samples[..., :1], 3, axis=-1) if channels < 3 else samples[..., :3]
    np.testing.assert_array_equal(as_array(picture, 65535)[..., :3], color)
    assert (picture.alpha is not None) == (channels in (2, 4))
    if picture.alpha is not None:
        found = np.rint(picture.alpha[0, 0].double().numpy() * 65535)
        np.testing.assert_array_equal(found, samples[..., -1])
    assert picture.metadata.bit_depth == 16


def test_16_bit_png_with_one_transparent_color() -> None:
    samples = deep(3)
    key = struct.pack(">3H", *samples[2, 3].tolist())
    picture = load_picture(png16(samples, 2, b"tRNS" + key))
    assert picture.alpha is not None
    assert picture.alpha[0, 0, 2, 3] == 0
    assert picture.alpha.sum() == picture.alpha.numel() - 1


def test_interlaced_16_bit_png_is_read_exactly() -> None:
    samples = deep(3)
    rows = samples.astype(">u2")
    # The seven passes of Adam7: first column and row, then the steps (PNG specification, 8.1).
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
              (0, 1, 1, 2)]  # fmt: skip
    data = b"".join(b"\0" + row.tobytes() for x, y, dx, dy in passes for row in rows[y::dy, x::dx])
    plain = png16(samples, 2)
    header = plain[16:28] + b"\1"  # the last byte of IHDR says interlaced
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(data)), (b"IEND", b"")]
    interlaced = plain[:8] + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )
    np.testing.assert_array_equal(as_array(load_picture(interlaced), 65535), samples)


def test_premultiplied_16_bit_tiff_is_divided_by_its_alpha(tmp_path) -> None:
    samples = np.zeros((2, 2, 4), np.uint16)
    samples[...] = (10000, 20000, 30000, 40000)
    tifffile.imwrite(tmp_path / "a.tif", samples, photometric="rgb", extrasamples=["assocalpha"])
    found = as_array(load_picture(tmp_path / "a.tif"), 65535)[0, 0]
    # libvips rounds down: at most one of 65,535 levels.
    assert found.tolist() == [16383, 32767, 49151, 40000]


def test_float_and_32_bit_tiffs(tmp_path) -> None:
    tifffile.imwrite(tmp_path / "gray.tif", np.full((4, 4), 0.5, np.float32))
    assert_close(load_image(tmp_path / "gray.tif"), torch.full((1, 3, 4, 4), 0.5))
    assert load_picture(tmp_path / "gray.tif").metadata.bit_depth == 16
    tifffile.imwrite(tmp_path / "nan.tif", np.full((4, 4), np.nan, np.float32))
    with pytest.raises(ImageError, match="NaN"):
        load_picture(tmp_path / "nan.tif")
    tifffile.imwrite(tmp_path / "rgb.tif", np.zeros((4, 4, 3), np.float32), photometric="rgb")
    with pytest.raises(ImageError, match="8 or 16 bits per channel"):
        load_picture(tmp_path / "rgb.tif")


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_tiffs_of_separate_planes(tmp_path, compression) -> None:
    planes = deep(3).transpose(2, 0, 1)
    options = {"photometric": "rgb", "planarconfig": "separate", "compression": compression}
    tifffile.imwrite(tmp_path / "8.tif", planes.astype(np.uint8), **options)
    found = as_array(load_picture(tmp_path / "8.tif"), 255)
    np.testing.assert_array_equal(found, deep(3).astype(np.uint8))
    tifffile.imwrite(tmp_path / "16.tif", planes, **options)
    found = as_array(load_picture(tmp_path / "16.tif"), 65535)
    np.testing.assert_array_equal(found, deep(3))
