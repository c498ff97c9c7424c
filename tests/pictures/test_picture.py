import errno
import io
import json
import os
import stat
import struct
import sys
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms, ImageOps
from torch.testing import assert_close

from gramarye import files as writing
from gramarye.errors import ImageError, InputError, OutputError
from gramarye.pictures.picture import (
    Metadata,
    Picture,
    check_output,
    load_image,
    load_picture,
    read_recipe,
    save_picture,
)
from gramarye.pictures.profiles import srgb_profile
from gramarye.scales.sizes import fit

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


# Reading: formats, modes, depths


@pytest.mark.parametrize("extension", [".jpg", ".png", ".webp", ".tif", ".avif", ".bmp", ".gif"])
def test_every_format_pillow_reads_comes_as_srgb_in_0_to_1(tmp_path, extension: str) -> None:
    image = Image.new("RGB", (28, 20), (200, 100, 50))
    picture = load_picture(pillow_file(tmp_path / f"a{extension}", image))
    assert picture.pixels.shape == (1, 3, 20, 28)
    assert (picture.height, picture.width) == (20, 28)
    assert picture.pixels.dtype == torch.float32
    expected = torch.tensor([200.0, 100.0, 50.0])[None, :, None, None] / 255
    assert_close(picture.pixels, expected.expand(1, 3, 20, 28), atol=3 * LEVEL, rtol=0)
    assert picture.metadata.name == f"a{extension}"
    assert picture.metadata.bit_depth == 8
    assert picture.notes == ()


def test_contents_decide_not_the_name(tmp_path) -> None:
    pillow_file(tmp_path / "a.png", Image.fromarray(ramp())).rename(tmp_path / "a.jpg")
    assert load_picture(tmp_path / "a.jpg").metadata.format == "PNG"


def test_hash_is_that_of_the_file(tmp_path) -> None:
    path = pillow_file(tmp_path / "a.png", Image.new("RGB", (1, 1)))
    picture = load_picture(path)
    assert picture.metadata.sha256 == load_picture(path.read_bytes()).metadata.sha256
    assert len(picture.metadata.sha256 or "") == 64
    assert picture.pixels.shape == (1, 3, 1, 1)


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


def test_animation_gives_its_first_frame_and_says_so(tmp_path) -> None:
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "lime", "blue")]
    for extension, what in ((".gif", "3 frames"), (".webp", "3 frames"), (".tif", "3 pages")):
        path = tmp_path / f"a{extension}"
        frames[0].save(path, save_all=True, append_images=frames[1:])
        picture = load_picture(path)
        red = torch.tensor([1.0, 0.0, 0.0])
        assert_close(picture.pixels[0, :, 0, 0], red, atol=0.02, rtol=0)
        assert any(what in note for note in picture.notes)


# Reading: orientation and colour


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("extension", [".jpg", ".png", ".webp", ".avif", ".tif"])
def test_orientation_is_applied_once_and_reset(tmp_path, extension: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    image = Image.fromarray(ramp())
    path = pillow_file(tmp_path / f"a{extension}", image, exif=exif, quality=100)
    with Image.open(path) as opened:
        opened.load()
        expected = np.asarray(ImageOps.exif_transpose(opened).convert("RGB"))
    picture = load_picture(path)
    np.testing.assert_array_equal(as_array(picture, 255), expected)
    again = load_picture(picture.save(tmp_path / f"b{extension}", quality=100).path)
    assert (again.height, again.width) == (picture.height, picture.width)
    assert_close(again.pixels, picture.pixels, atol=12 * LEVEL, rtol=0)


@pytest.mark.parametrize("orientation", [1, 6, 8])
def test_orientation_of_16_bit_pictures(tmp_path, orientation: int) -> None:
    samples = deep()
    tag = (274, "H", 1, orientation, True)
    tifffile.imwrite(tmp_path / "a.tif", samples, photometric="rgb", extratags=[tag])
    turned = np.rot90(samples, {1: 0, 6: -1, 8: 1}[orientation])
    np.testing.assert_array_equal(as_array(load_picture(tmp_path / "a.tif"), 65535), turned)
    exif = b"eXIf" + struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, 274, 3, 1, orientation, 0, 0)
    np.testing.assert_array_equal(as_array(load_picture(png16(samples, 2, exif)), 65535), turned)


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


def test_wide_gamut_colors_become_srgb(tmp_path) -> None:
    image = Image.new("RGB", (4, 4), (128, 200, 100))
    path = pillow_file(tmp_path / "a.png", image, icc_profile=adobe_rgb())
    picture = load_picture(path)
    # From the published matrices: Adobe RGB (128, 200, 100) is sRGB (55.6, 200.7, 92.2).
    found = (picture.pixels[0, :, 0, 0] * 255).tolist()
    light = (np.array([128, 200, 100]) / 255) ** 2.19921875
    adobe_to_xyz = np.array(
        [[0.57667, 0.18556, 0.18823], [0.29734, 0.62736, 0.07529], [0.02703, 0.07069, 0.99134]]
    )
    xyz_to_srgb = np.array(
        [[3.24045, -1.53714, -0.49853], [-0.96927, 1.87601, 0.04156], [0.05564, -0.20403, 1.05723]]
    )
    srgb_light = xyz_to_srgb @ adobe_to_xyz @ light
    expected = (1.055 * srgb_light ** (1 / 2.4) - 0.055) * 255
    np.testing.assert_allclose(found, expected, atol=1.5)
    assert picture.metadata.icc == adobe_rgb()
    with Image.open(picture.save(tmp_path / "b.png").path) as saved:
        assert saved.info["icc_profile"] == srgb_profile()


@pytest.mark.parametrize("space", ["RGB", "GRAY"])
def test_16_bit_profiles_agree_with_littlecms(tmp_path, space: str) -> None:
    channels = 3 if space == "RGB" else 1
    profile = adobe_rgb()
    if space == "GRAY":
        profile = icc_profile("GRAY", {"wtpt": xyz(0.9642, 1, 0.8249), "kTRC": gamma(1.8)})
    samples = np.random.default_rng(1).integers(0, 256, (20, 30, channels), dtype=np.uint8)
    flat = samples[..., 0] if channels == 1 else samples
    shallow = pillow_file(tmp_path / "8.png", Image.fromarray(flat), icc_profile=profile)
    packed = b"iCCP" + b"p\0\0" + zlib.compress(profile)
    deep_file = png16(samples.astype(np.uint16) * 257, 0 if channels == 1 else 2, packed)
    through_floats, through_lcms = load_picture(deep_file), load_picture(shallow)
    assert through_floats.metadata.bit_depth == 16
    assert_close(through_floats.pixels, through_lcms.pixels, atol=1.5 * LEVEL, rtol=0)
    assert (
        through_lcms.pixels - torch.from_numpy(samples / 255).permute(2, 0, 1)
    ).abs().max() > 0.02


def test_16_bit_wide_gamut_keeps_its_depth() -> None:
    samples = (np.arange(4000, dtype=np.uint16) + 30000).reshape(40, 100, 1).repeat(3, axis=-1)
    packed = b"iCCP" + b"p\0\0" + zlib.compress(adobe_rgb())
    picture = load_picture(png16(samples, 2, packed))
    assert len(picture.pixels.unique()) > 3500


def test_16_bit_table_profile_is_used() -> None:
    corners = np.stack(np.meshgrid(*[[0, 1]] * 3, indexing="ij"), axis=-1).reshape(8, 3)
    light = corners.mean(axis=1) * 255  # lightness is the mean, and there is no color
    lab = np.stack([light, np.full(8, 128), np.full(8, 128)], axis=-1).round().astype(np.uint8)
    table = b"mft1\0\0\0\0" + bytes([3, 3, 2, 0])
    table += struct.pack(">9i", *(np.eye(3, dtype=int) * 65536).flatten().tolist())
    table += bytes(range(256)) * 3 + lab.tobytes() + bytes(range(256)) * 3
    profile = icc_profile("RGB ", {"wtpt": xyz(0.9642, 1, 0.8249), "A2B0": table}, pcs="Lab ")
    samples = np.full((4, 4, 3), 32768, np.uint16)
    picture = load_picture(png16(samples, 2, b"iCCP" + b"p\0\0" + zlib.compress(profile)))
    assert picture.metadata.bit_depth == 16
    assert_close(picture.pixels * 255, torch.full((1, 3, 4, 4), 119.0), atol=2, rtol=0)
    assert picture.notes == ()


def test_cmyk_goes_through_its_profile(tmp_path) -> None:
    image = Image.new("CMYK", (4, 4), (0, 0, 0, 128))
    image.putpixel((0, 0), (0, 0, 0, 255))
    image.putpixel((1, 0), (0, 0, 0, 0))
    path = pillow_file(tmp_path / "a.tif", image, icc_profile=cmyk_table())
    picture = load_picture(path)
    assert picture.notes == ()
    assert picture.pixels[0, :, 0, 0].max() < 0.01
    assert picture.pixels[0, :, 0, 1].min() > 0.99
    # Half the ink is L* = 50 here, which is sRGB 119.
    assert_close(picture.pixels[0, :, 1, 1] * 255, torch.full((3,), 119.0), atol=2, rtol=0)


def test_an_srgb_profile_changes_no_pixel(tmp_path) -> None:
    old = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path = pillow_file(tmp_path / "a.png", Image.fromarray(ramp()), icc_profile=old)
    np.testing.assert_array_equal(as_array(load_picture(path), 255), ramp())


@pytest.mark.parametrize("profile", [b"junk", srgb_profile()[:300], cmyk_table()])
def test_useless_profiles_are_ignored_with_a_note(tmp_path, profile: bytes) -> None:
    path = pillow_file(tmp_path / "a.png", Image.fromarray(ramp()), icc_profile=profile)
    picture = load_picture(path)
    np.testing.assert_array_equal(as_array(picture, 255), ramp())
    assert "profile" in picture.notes[0]


def test_srgb_curve_of_the_profile_matches_the_standard() -> None:
    profile = srgb_profile()
    (count,) = struct.unpack_from(">I", profile, 128)
    tags = [struct.unpack_from(">4sII", profile, 132 + 12 * i) for i in range(count)]
    for name in (b"rTRC", b"gTRC", b"bTRC"):
        (start,) = (offset for tag, offset, _ in tags if tag == name)
        kind, function, *numbers = struct.unpack_from(">4sxxxxHxx5i", profile, start)
        assert (kind, function) == (b"para", 3)  # y = (ax + b)^g from d on, else cx
        g, a, b, c, d = (number / 65536 for number in numbers)
        x = np.linspace(0, 1, 4096)
        curve = np.where(x >= d, (a * x + b).clip(0) ** g, c * x)
        expected = np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)
        np.testing.assert_allclose(curve, expected, atol=1e-4)


# Reading: arrays, tensors, Pillow images


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(5, 6), (5, 6, 1), (5, 6, 3), (5, 6, 4)])
def test_arrays_of_every_layout(dtype, shape: tuple[int, ...]) -> None:
    full = 1 if np.issubdtype(dtype, np.floating) else np.iinfo(dtype).max
    picture = load_picture(np.full(shape, full, dtype))
    assert_close(picture.pixels, torch.ones(1, 3, 5, 6))
    assert (picture.alpha is not None) == (shape[-1] == 4)
    assert picture.metadata.bit_depth == (16 if dtype == np.uint16 else 8)


@pytest.mark.parametrize("shape", [(5, 6), (1, 5, 6), (3, 5, 6), (1, 3, 5, 6), (1, 4, 5, 6)])
def test_tensors_of_every_layout(shape: tuple[int, ...]) -> None:
    for tensor in (torch.full(shape, 0.25), torch.full(shape, 0.25, dtype=torch.float64)):
        assert_close(load_image(tensor), torch.full((1, 3, 5, 6), 0.25))
    assert_close(load_image(torch.full(shape, 255, dtype=torch.uint8)), torch.ones(1, 3, 5, 6))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (np.zeros((3, 40, 50)), r"transpose\(1, 2, 0\)"),
        (np.zeros((0, 5, 3)), "is no picture"),
        (np.zeros((2, 3, 4, 5)), "is no picture"),
        (np.zeros((5, 5), np.int64), "int64"),
        (np.full((5, 5), 200.0), "divide by 255"),
        (np.full((5, 5), np.nan), "NaN"),
        (np.full((5, 5), np.inf), "NaN or infinite"),
        (torch.zeros(2, 3, 5, 5), r"\(2, 3, 5, 5\)"),
        (torch.zeros(5, 5, 3), r"\(5, 5, 3\)"),
        (torch.full((1, 3, 5, 5), 255.0), "divide by 255"),
        (torch.full((1, 3, 5, 5), float("nan")), "NaN"),
        (torch.zeros(1, 3, 5, 5, dtype=torch.int64), "int64"),
        (Image.fromarray(np.full((5, 5), np.nan, np.float32)), "NaN"),
        (Image.fromarray(np.full((5, 5), 70000, np.int32)), "16 bits"),
        (12, "from int"),
    ],
)
def test_wrong_arrays_and_tensors(wrong, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        load_picture(wrong)


def test_from_tensor_clamps_and_detaches() -> None:
    tensor = torch.full((1, 3, 2, 2), 1.5, requires_grad=True)
    picture = Picture.from_tensor(tensor)
    assert_close(picture.pixels, torch.ones(1, 3, 2, 2))
    assert not picture.pixels.requires_grad


def test_pillow_images_are_read_upright_and_left_alone() -> None:
    image = Image.fromarray(ramp())
    image.getexif()[ExifTags.Base.Orientation] = 6
    picture = load_picture(image)
    assert (picture.width, picture.height) == (20, 28)
    assert image.size == (28, 20)
    assert load_picture(picture) is picture


# Reading: what is refused


def jpeg() -> bytes:
    file = io.BytesIO()
    Image.fromarray(ramp(3, 64, 64)).save(file, "JPEG")
    return file.getvalue()


def in_format(name: str) -> bytes:
    file = io.BytesIO()
    Image.effect_noise((64, 64), 90).convert("RGB").save(file, name)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"Dear diary,\nno picture today.\n", "holds text"),
        ("Ein Gedicht über Öl\n".encode(), "holds text"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "a web page"),
        (b'<?xml version="1.0"?><svg xmlns="x"></svg>', "an SVG drawing"),
        (b"%PDF-1.7 and so on", "a PDF document"),
        (b"8BPS\0\1", "a Photoshop document"),
        (b"PK\x03\x04", "a zip archive"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", "a video"),
        (b"\0\0\0\x0cJXL \r\n", "JPEG XL"),
        (bytes(range(128, 256)), "no picture we can read"),
        (jpeg()[:300], "JPEG cut short or damaged"),
        (b"\x89PNG\r\n\x1a\n", "PNG cut short or damaged"),
    ],
)
def test_files_that_are_no_pictures(tmp_path, data: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        load_picture(write(tmp_path / "photo.jpg", data))
    assert "'photo.jpg'" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "BMP", "GIF"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_truncated_files(name: str, part: float) -> None:
    data = in_format(name)
    with pytest.raises(ImageError, match=r"damaged.*(get a complete copy|save it with)"):
        load_picture(data[: int(len(data) * part)])


def test_damaged_bytes_give_a_picture_or_an_image_error() -> None:
    generator = np.random.default_rng(0)
    for name in ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "BMP"):
        for _ in range(30):
            data = bytearray(in_format(name))
            for place in generator.integers(0, min(len(data), 300), 4):
                data[place] = generator.integers(256)
            try:
                picture = load_picture(bytes(data), max_pixels=10**6)
            except ImageError:
                continue
            assert picture.pixels.isfinite().all()


def test_missing_file_suggests_its_neighbour(tmp_path) -> None:
    write(tmp_path / "harbour.jpeg", jpeg())
    with pytest.raises(ImageError, match=r"did you mean '.*harbour.jpeg'"):
        load_picture(tmp_path / "Harbor.jpg")
    with pytest.raises(ImageError, match=r"there is no file .*: check the path"):
        load_picture(tmp_path / "zzz.gif")
    with pytest.raises(ImageError, match="there is no folder"):
        load_picture(tmp_path / "nowhere" / "a.jpg")


@pytest.mark.parametrize("url", ["https://example.org/a.jpg", "http://a/b", "file:///tmp/a.png"])
def test_web_addresses_are_refused(url: str) -> None:
    with pytest.raises(ImageError, match="download it first"):
        load_picture(url)
    with pytest.raises(ImageError, match="download it first"):
        load_picture(Path(url))


def test_folders_devices_and_raws_are_refused(tmp_path) -> None:
    with pytest.raises(ImageError, match="is a folder"):
        load_picture(tmp_path)
    with pytest.raises(ImageError, match="cannot be opened"):
        load_picture("a\0b.jpg")
    with pytest.raises(ImageError, match="camera raw"):
        load_picture(write(tmp_path / "a.NEF", b"II*\0"))
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.jpg")
        with pytest.raises(ImageError, match="device or a pipe"):
            load_picture(tmp_path / "pipe.jpg")


def test_unreadable_file_says_so(tmp_path, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    path = write(tmp_path / "a.jpg", jpeg())
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ImageError, match="may not be read"):
        load_picture(path)


def test_bombs_are_refused_from_the_header_and_pillow_stays_as_it_was(tmp_path) -> None:
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    chunk = (
        struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    )
    bomb = b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 9) + b"IDAT" + b"\0" * 9
    before = Image.MAX_IMAGE_PIXELS
    with pytest.raises(ImageError, match=r"100000x100000, 10000 megapixels.*400.*max_pixels"):
        load_picture(write(tmp_path / "bomb.png", bomb))
    with pytest.raises(ImageError, match="megapixels"):
        load_picture(jpeg(), max_pixels=4000)
    assert load_picture(jpeg(), max_pixels=4096).width == 64
    assert before == Image.MAX_IMAGE_PIXELS


def test_pillow_limits_do_not_apply(monkeypatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    assert load_picture(jpeg()).width == 64
    assert Image.MAX_IMAGE_PIXELS == 10


def test_threads_may_read_at_once() -> None:
    before, filters = Image.MAX_IMAGE_PIXELS, list(warnings.filters)
    with ThreadPoolExecutor(8) as pool:
        pictures = list(pool.map(load_picture, [jpeg()] * 40))
    assert all(torch.equal(picture.pixels, pictures[0].pixels) for picture in pictures)
    assert before == Image.MAX_IMAGE_PIXELS
    assert warnings.filters == filters


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


# HEIC


def test_heic_round_trip(tmp_path) -> None:
    pytest.importorskip("pillow_heif")
    picture = load_picture(ramp(4))
    saved = picture.save(tmp_path / "a.heic", quality=100, recipe="{}")
    again = load_picture(saved.path)
    assert again.metadata.format == "HEIC"
    assert_close(again.pixels, picture.pixels, atol=8 * LEVEL, rtol=0)
    assert again.alpha is not None
    assert read_recipe(saved.path) == "{}"


def test_heic_is_turned_once_and_10_bits_are_16(tmp_path) -> None:
    heif = pytest.importorskip("pillow_heif")
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Make] = "Camera"
    heif.from_pillow(Image.fromarray(ramp())).save(tmp_path / "a.heic", exif=exif.tobytes())
    picture = load_picture(tmp_path / "a.heic")
    assert (picture.width, picture.height) == (20, 28)
    turned = torch.from_numpy(np.rot90(ramp(), -1).copy()).permute(2, 0, 1)[None] / 255
    assert_close(picture.pixels, turned.float(), atol=0.2, rtol=0)
    assert picture.metadata.exif is not None
    deep_heif = heif.from_bytes("RGB;16", (64, 64), np.full((64, 64, 3), 30000, "<u2").tobytes())
    deep_heif.save(tmp_path / "b.heic", quality=100)
    deep_picture = load_picture(tmp_path / "b.heic")
    assert deep_picture.metadata.bit_depth == 16
    assert_close(deep_picture.pixels, torch.full((1, 3, 64, 64), 30000 / 65535), atol=LEVEL, rtol=0)


def test_heic_without_the_extra_says_what_to_install(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    data = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 50
    with pytest.raises(ImageError, match=r"pip install 'gramarye\[heic\]'"):
        load_picture(write(tmp_path / "a.heic", data))
    with pytest.raises(InputError, match=r"pip install 'gramarye\[heic\]'"):
        check_output(tmp_path / "b.heic")


# Writing: pixels


@pytest.mark.parametrize("extension", LOSSLESS)
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("bit_depth", [8, 16])
def test_lossless_round_trips_are_exact(tmp_path, extension, channels, bit_depth) -> None:
    samples = deep(channels) if bit_depth == 16 else deep(channels).astype(np.uint8)
    path = load_picture(samples).save(tmp_path / f"a{extension}").path
    again = load_picture(path)
    np.testing.assert_array_equal(as_array(again, 2**bit_depth - 1), samples)
    assert again.metadata.bit_depth == bit_depth
    if extension == ".tif":
        np.testing.assert_array_equal(tifffile.imread(path), samples)
    elif bit_depth == 8:
        with Image.open(path) as image:
            np.testing.assert_array_equal(np.asarray(image), samples)


@pytest.mark.parametrize("extension", LOSSY)
@pytest.mark.parametrize("channels", [3, 4])
def test_lossy_round_trips_come_close(tmp_path, extension: str, channels: int) -> None:
    picture = load_picture(ramp(channels))
    saved = picture.save(tmp_path / f"a{extension}")
    again = load_picture(saved.path)
    if extension == ".jpg" and channels == 4:
        assert again.alpha is None
        assert "over white" in saved.notes[0]
        assert picture.alpha is not None
        flat = picture.pixels * picture.alpha + 1 - picture.alpha
        assert_close(again.pixels, flat, atol=0.04, rtol=0)
        return
    assert saved.notes == ()
    assert_close(again.pixels, picture.pixels, atol=0.06, rtol=0)
    assert (again.alpha is None) == (picture.alpha is None)
    if picture.alpha is not None:
        assert_close(again.alpha, picture.alpha, atol=0.02, rtol=0)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 40), (40, 1), (3, 2)])
@pytest.mark.parametrize("extension", LOSSLESS + LOSSY)
def test_the_smallest_pictures_can_be_written(tmp_path, extension, height, width) -> None:
    picture = load_picture(np.full((height, width, 3), 128, np.uint8))
    again = load_picture(picture.save(tmp_path / f"a{extension}").path)
    assert (again.height, again.width) == (height, width)
    assert_close(again.pixels, picture.pixels, atol=0.02, rtol=0)


def test_values_are_rounded_and_clamped(tmp_path) -> None:
    values = torch.tensor([-0.5, 0.0, 0.49 * LEVEL, 0.51 * LEVEL, 1.0, 7.0])
    picture = Picture(values.reshape(1, 1, 1, 6).expand(-1, 3, -1, -1))
    with Image.open(picture.save(tmp_path / "a.png").path) as image:
        assert np.asarray(image)[0, :, 0].tolist() == [0, 0, 0, 1, 255, 255]


def test_bit_depth_follows_the_source_where_the_format_can(tmp_path) -> None:
    picture = load_picture(deep())
    depths = {".png": 16, ".tif": 16, ".jpg": 8, ".webp": 8, ".avif": 8}
    for extension, depth in depths.items():
        again = load_picture(picture.save(tmp_path / f"a{extension}").path)
        assert again.metadata.bit_depth == depth
    asked = picture.save(tmp_path / "b.png", bit_depth=8)
    assert load_picture(asked.path).metadata.bit_depth == 8


def test_quality_changes_the_size(tmp_path) -> None:
    picture = load_picture(deep())
    for extension in LOSSY:
        paths = [picture.save(tmp_path / f"{q}{extension}", quality=q).path for q in (20, 95)]
        assert paths[0].stat().st_size < paths[1].stat().st_size
    lossless = load_picture(ramp()).save(tmp_path / "l.webp", quality=100).path
    np.testing.assert_array_equal(as_array(load_picture(lossless), 255), ramp())


def test_opaque_alpha_is_dropped_for_jpeg_without_a_note(tmp_path) -> None:
    samples = ramp(4)
    samples[..., 3] = 255
    assert load_picture(samples).save(tmp_path / "a.jpg").notes == ()


def test_one_picture_is_one_file(tmp_path) -> None:
    picture = load_picture(ramp())
    for extension in LOSSLESS + LOSSY:
        one, two = (picture.save(tmp_path / f"{i}{extension}").path for i in (1, 2))
        assert one.read_bytes() == two.read_bytes()


# Writing: metadata and recipe


def tagged_jpeg(path: Path) -> Path:
    """A JPEG with all that cameras and editors put into one."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Leitz"
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Copyright] = "A. Painter"
    inner = exif.get_ifd(ExifTags.IFD.Exif)
    inner[ExifTags.Base.ExposureTime] = 0.01
    inner[ExifTags.Base.ExifImageWidth] = 28
    inner[ExifTags.Base.MakerNote] = b"private" * 20
    exif.get_ifd(ExifTags.IFD.GPSInfo)[1] = "N"
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="x"><rdf:Description '
        b'tiff:Orientation="6" dc:title="Boats"/></rdf:RDF></x:xmpmeta>'
    )
    iptc = b"\x1c\x02\x78\x00\x05Boats"
    resource = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(iptc)) + iptc
    body = b"Photoshop 3.0\0" + resource
    app13 = b"\xff\xed" + struct.pack(">H", len(body) + 2) + body
    image = Image.fromarray(ramp())
    image.save(path, exif=exif, xmp=xmp, dpi=(300, 300), comment=b"hello", extra=app13)
    return path


@pytest.mark.parametrize("extension", [".jpg", ".png", ".webp", ".tif", ".avif", ".heic"])
def test_metadata_survives_into_every_format(tmp_path, extension: str) -> None:
    if extension == ".heic":
        pytest.importorskip("pillow_heif")
    content = load_picture(tagged_jpeg(tmp_path / "content.jpg"))
    assert (content.width, content.height) == (20, 28)
    saved = content.save(tmp_path / f"result{extension}", recipe='{"seed": 1}')
    again = load_picture(saved.path)
    assert (again.width, again.height) == (20, 28)
    exif = Image.Exif()
    exif.load(again.metadata.exif or b"")
    assert exif[ExifTags.Base.Make] == "Leitz"
    assert exif[ExifTags.Base.Copyright] == "A. Painter"
    assert exif.get(ExifTags.Base.Orientation, 1) == 1
    inner = exif.get_ifd(ExifTags.IFD.Exif)
    assert float(inner[ExifTags.Base.ExposureTime]) == pytest.approx(0.01)
    assert inner[ExifTags.Base.ExifImageWidth] == 20
    assert inner[ExifTags.Base.MakerNote] == b"private" * 20
    assert exif.get_ifd(ExifTags.IFD.GPSInfo)[1] == "N"
    assert b'dc:title="Boats"' in (again.metadata.xmp or b"")
    assert b'tiff:Orientation="1"' in (again.metadata.xmp or b"")
    assert read_recipe(saved.path) == '{"seed": 1}'
    if extension in (".jpg", ".png", ".tif"):
        assert again.metadata.dpi == pytest.approx((300, 300), abs=0.02)
    if extension in (".jpg", ".tif"):
        assert again.metadata.iptc == b"\x1c\x02\x78\x00\x05Boats"
    if extension in (".jpg", ".png"):
        assert ("Comment", "hello") in again.metadata.text
    with Image.open(saved.path) if extension != ".heic" else Image.new("L", (1, 1)) as image:
        assert image.info.get("icc_profile", srgb_profile()) == srgb_profile()


@pytest.mark.parametrize("extension", [".jpg", ".png", ".webp", ".tif", ".avif"])
def test_strip_leaves_out_everything_but_profile_and_recipe(tmp_path, extension: str) -> None:
    content = load_picture(tagged_jpeg(tmp_path / "content.jpg"))
    saved = content.save(tmp_path / f"a{extension}", strip=True, recipe="{}")
    data = saved.path.read_bytes()
    for secret in (b"Leitz", b"Painter", b"private", b"Boats", b"hello"):
        assert secret not in data
    assert read_recipe(saved.path) == "{}"
    with Image.open(saved.path) as image:
        assert image.info["icc_profile"] == srgb_profile()
    assert saved.notes == ()


def test_png_texts_are_kept_in_png_and_named_when_lost(tmp_path) -> None:
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Title", "Boats")
    info.add_itxt("Author", "Ö. Maler")
    path = pillow_file(tmp_path / "a.png", Image.fromarray(ramp()), pnginfo=info)
    content = load_picture(path)
    again = load_picture(content.save(tmp_path / "b.png").path)
    assert dict(again.metadata.text) == {"Title": "Boats", "Author": "Ö. Maler"}
    assert "Title, Author" in content.save(tmp_path / "c.webp").notes[0]


def test_the_thumbnail_of_the_old_picture_is_dropped(tmp_path) -> None:
    head = b"II*\0\x08\0\0\0"
    first = struct.pack("<HHHII", 1, 274, 3, 1, 1) + struct.pack("<I", 26)
    second = struct.pack("<HHHIIHHII", 2, 513, 4, 1, 56, 514, 4, 1, 9) + struct.pack("<I", 0)
    exif = b"Exif\0\0" + head + first + second + b"THUMBNAIL"
    path = pillow_file(tmp_path / "a.jpg", Image.fromarray(ramp()), exif=exif)
    assert b"THUMBNAIL" in path.read_bytes()
    saved = load_picture(path).save(tmp_path / "b.jpg")
    assert b"THUMBNAIL" not in saved.path.read_bytes()


def test_damaged_exif_is_left_out_with_a_note(tmp_path) -> None:
    exif = b"Exif\0\0II*\0\x08\0\0\0\x05\0" + b"\xff" * 20
    path = pillow_file(tmp_path / "a.jpg", Image.fromarray(ramp()), exif=exif)
    picture = load_picture(path)
    assert picture.notes
    assert picture.width == 28
    picture.save(tmp_path / "b.tif")


@pytest.mark.parametrize("extension", [".jpg", ".png", ".webp", ".tif", ".avif"])
def test_recipe_of_tens_of_kilobytes_comes_back(tmp_path, extension: str) -> None:
    recipe = json.dumps({"note": "<é & ü> \"quoted\" 'x' ]]>\n" * 1400}, ensure_ascii=False)
    assert 40_000 < len(recipe.encode()) < 60_000
    saved = save_picture(load_picture(ramp()), tmp_path / f"a{extension}", recipe=recipe)
    assert read_recipe(saved.path) == recipe
    assert read_recipe(saved.path.read_bytes()) == recipe
    second = load_picture(saved.path).save(tmp_path / f"b{extension}", recipe="new")
    assert read_recipe(second.path) == "new"
    third = load_picture(saved.path).save(tmp_path / f"c{extension}")
    assert read_recipe(third.path) is None


def test_recipe_too_long_for_jpeg_is_refused_and_nothing_is_written(tmp_path) -> None:
    picture = load_picture(ramp())
    with pytest.raises(InputError, match=r"JPEG holds 6\d{4}.*write a .png"):
        picture.save(tmp_path / "a.jpg", recipe="x" * 70_000)
    assert list(tmp_path.iterdir()) == []
    saved = picture.save(tmp_path / "a.png", recipe="x" * 200_000)
    assert read_recipe(saved.path) == "x" * 200_000


def test_long_xmp_gives_way_to_the_recipe_in_jpeg(tmp_path) -> None:
    xmp = b"<rdf:RDF>" + b"y" * 64_000 + b"</rdf:RDF>"
    picture = Picture(torch.zeros(1, 3, 4, 4), metadata=Metadata(xmp=xmp, exif=None))
    saved = picture.save(tmp_path / "a.jpg", recipe="r" * 5000)
    assert read_recipe(saved.path) == "r" * 5000
    assert "XMP" in saved.notes[0]
    longer = Picture(torch.zeros(1, 3, 4, 4), metadata=Metadata(xmp=xmp * 2))
    assert "XMP" in longer.save(tmp_path / "b.jpg").notes[0]


def test_maker_note_too_long_for_jpeg_is_left_out(tmp_path) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Leitz"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.MakerNote] = b"m" * 70_000
    path = pillow_file(tmp_path / "a.png", Image.fromarray(ramp()), exif=exif)
    saved = load_picture(path).save(tmp_path / "b.jpg")
    assert "private EXIF note" in saved.notes[0]
    with Image.open(saved.path) as image:
        assert image.getexif()[ExifTags.Base.Make] == "Leitz"


def test_recipe_rewritten_by_an_editor_is_read_and_replaced(tmp_path) -> None:
    xmp = (
        b'<rdf:RDF><rdf:Description xmlns:gramarye="n" dc:title="Boats" '
        b'gramarye:recipe="{&quot;seed&quot;: 1}"/></rdf:RDF>'
    )
    picture = Picture(torch.zeros(1, 3, 4, 4), metadata=Metadata(xmp=xmp))
    path = pillow_file(tmp_path / "a.jpg", picture.to_pil(), xmp=xmp)
    assert read_recipe(path) == '{"seed": 1}'
    saved = load_picture(path).save(tmp_path / "b.jpg", recipe="new")
    assert read_recipe(saved.path) == "new"
    assert b'dc:title="Boats"' in saved.path.read_bytes()


def test_files_without_a_recipe_have_none(tmp_path) -> None:
    assert read_recipe(tagged_jpeg(tmp_path / "a.jpg")) is None
    with pytest.raises(ImageError, match="holds text"):
        read_recipe(write(tmp_path / "b.png", b"hello"))
    with pytest.raises(ImageError, match="there is no file"):
        read_recipe(tmp_path / "c.png")


# Writing: files


def test_folders_are_made_and_permissions_follow_the_umask(tmp_path) -> None:
    saved = load_picture(ramp()).save(tmp_path / "new" / "deeper" / "a.png")
    assert saved.path.is_file()
    assert [entry.name for entry in saved.path.parent.iterdir()] == ["a.png"]
    if os.name == "posix":
        plain = write(tmp_path / "plain", b"")
        assert stat.S_IMODE(saved.path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_a_link_is_followed(tmp_path) -> None:
    target = write(tmp_path / "target.png", b"old")
    (tmp_path / "link.png").symlink_to(target)
    load_picture(ramp()).save(tmp_path / "link.png")
    assert (tmp_path / "link.png").is_symlink()
    assert load_picture(target).width == 28


@pytest.mark.parametrize("spelling", ["same", "relative", "link", "hard link"])
def test_inputs_are_never_overwritten(tmp_path, spelling: str, monkeypatch) -> None:
    source = pillow_file(tmp_path / "a.png", Image.fromarray(ramp()))
    before = source.read_bytes()
    target = source
    if spelling == "relative":
        monkeypatch.chdir(tmp_path)
        target = Path("../" + tmp_path.name + "/a.png")
    elif spelling == "link":
        target = tmp_path / "b.png"
        target.symlink_to(source)
    elif spelling == "hard link":
        target = tmp_path / "b.png"
        target.hardlink_to(source)
    with pytest.raises(InputError, match="one of the inputs"):
        load_picture(source).save(target, inputs=[tmp_path / "other.png", source])
    assert source.read_bytes() == before


def test_existing_files_are_replaced_unless_told_otherwise(tmp_path) -> None:
    path = write(tmp_path / "a.png", b"old")
    with pytest.raises(InputError, match="exists already"):
        load_picture(ramp()).save(path, overwrite=False)
    assert path.read_bytes() == b"old"
    load_picture(ramp()).save(path)
    assert load_picture(path).width == 28


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a", {}, r"no extension.*'.*a\.png'"),
        ("a.pgn", {}, r"unknown extension '\.pgn' of '.*a\.pgn'.*did you mean '\.png'"),
        ("a.docx", {}, r"\.jpg, \.png, \.webp, \.tif, \.avif, \.heic"),
        ("a.jpg", {"bit_depth": 16}, r"JPEG holds 8: for 16, write a \.png or a \.tif"),
        ("a.png", {"bit_depth": 12}, "PNG holds 8 or 16"),
        ("a.jpg", {"quality": 0}, "1 to 100"),
        ("a.jpg", {"quality": 101}, "1 to 100"),
        ("a.jpg", {"quality": 9.5}, "1 to 100"),
        ("folder.png", {}, "is a folder"),
    ],
)
def test_requests_that_cannot_be_met(tmp_path, name: str, options, message: str) -> None:
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(InputError, match=message):
        load_picture(ramp()).save(tmp_path / name, **options)
    with pytest.raises(InputError, match=message):
        check_output(tmp_path / name, **options)
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder.png"]


def test_pictures_too_large_for_the_format(tmp_path) -> None:
    picture = Picture(torch.zeros(1, 3, 1, 16384))
    with pytest.raises(InputError, match=r"16384x1 pixels.*WebP.*16383"):
        picture.save(tmp_path / "a.webp")
    check_output(tmp_path / "a.png", size=(16384, 1))
    check_output(tmp_path / "a.avif", size=(16384, 16384))


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("a.jpg", (65501, 10), r"65501x10 pixels.*JPEG.*65500 a side: write a \.png or a \.tif"),
        ("a.webp", (10, 16384), r"WebP.*16383 a side"),
        ("a.avif", (32769, 10), r"AVIF.*32768 a side"),
        ("a.avif", (16385, 16384), r"268 megapixels.*AVIF holds at most 268"),
        ("a.heic", (16385, 10), r"HEIC.*16384 a side"),
    ],
)
def test_sizes_are_checked_before_the_work(tmp_path, name: str, size, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_output(tmp_path / name, size=size)


def test_the_widest_pictures_come_back(tmp_path) -> None:
    for extension, width in ((".jpg", 65500), (".webp", 16383), (".avif", 32768)):
        picture = Picture(torch.full((1, 3, 16, width), 0.5))
        again = load_picture(picture.save(tmp_path / f"a{extension}").path)
        assert_close(again.pixels, picture.pixels, atol=2 * LEVEL, rtol=0)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (errno.ENOSPC, "no space left"),
        (errno.EACCES, "may not be written to"),
        (errno.EROFS, "may not be written to"),
        (errno.ENAMETOOLONG, "too long"),
        (errno.EIO, "cannot be written"),
    ],
)
def test_what_the_system_refuses_is_an_output_error(tmp_path, monkeypatch, code, message) -> None:
    path = write(tmp_path / "a.png", b"old")

    def refuse(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(writing.os, "fsync", refuse)
    with pytest.raises(OutputError, match=message):
        load_picture(ramp()).save(path)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.png"]


def test_an_interrupt_leaves_no_partial_file(tmp_path, monkeypatch) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(writing.os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        load_picture(ramp()).save(tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


def test_output_is_checked_before_the_work(tmp_path, monkeypatch) -> None:
    check_output(tmp_path / "new" / "a.png")
    assert list(tmp_path.iterdir()) == []
    file = write(tmp_path / "file", b"")
    with pytest.raises(OutputError, match="is a file"):
        check_output(file / "a.png")
    monkeypatch.setattr(writing.os, "access", lambda *_: False)
    with pytest.raises(OutputError, match="may not be written to"):
        check_output(tmp_path / "a.png")


# The rest


@pytest.mark.parametrize(
    ("size", "longest", "expected"),
    [
        ((6000, 4000), 1024, (1024, 683)),
        ((4000, 6000), 1024, (683, 1024)),
        ((3, 2), 3, (3, 2)),
        ((1000, 1), 10, (10, 1)),
        ((4, 1), 10, (10, 3)),  # 2.5 rounds up
        ((100, 50), 400, (400, 200)),
        ((7, 7), 3, (3, 3)),
    ],
)
def test_fit_size_keeps_the_ratio_to_the_pixel(size, longest: int, expected) -> None:
    width, height = size
    assert fit(height, width, longest) == expected[::-1]


def test_notebooks_and_pillow_get_8_bits() -> None:
    picture = load_picture(ramp(4))
    assert picture.to_pil().mode == "RGBA"
    np.testing.assert_array_equal(np.asarray(picture.to_pil()), ramp(4))
    with Image.open(io.BytesIO(Picture(torch.zeros(1, 3, 10, 2000))._repr_png_())) as image:
        assert image.size == (1024, 5)


def test_a_picture_prints_what_it_is_and_not_its_numbers(tmp_path) -> None:
    path = pillow_file(tmp_path / "a.png", Image.fromarray(ramp()))
    assert repr(load_picture(path)) == "<Picture a.png: 28x20, 8 bits>"


def test_show_opens_the_viewer(monkeypatch) -> None:
    shown = []
    monkeypatch.setattr(Image.Image, "show", lambda self, title=None: shown.append(self.size))
    load_picture(ramp()).show()
    assert shown == [(28, 20)]
