import io
import struct
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import pyvips
import tifffile
import torch
from PIL import ExifTags, Image, ImageOps
from torch.testing import assert_close

from gramarye.errors import ImageError
from gramarye.pictures.picture import load_picture
from tests.pictures.making import LEVEL, as_array, deep, jpeg, pillow_file, png16, ramp, write


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


def test_animation_gives_its_first_frame_and_says_so(tmp_path) -> None:
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "lime", "blue")]
    for extension, what in ((".gif", "3 frames"), (".webp", "3 frames"), (".tif", "3 pages")):
        path = tmp_path / f"a{extension}"
        frames[0].save(path, save_all=True, append_images=frames[1:])
        picture = load_picture(path)
        red = torch.tensor([1.0, 0.0, 0.0])
        assert_close(picture.pixels[0, :, 0, 0], red, atol=0.02, rtol=0)
        assert any(what in note for note in picture.notes)


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


def in_format(name: str) -> bytes:
    file = io.BytesIO()
    Image.effect_noise((64, 64), 90).convert("RGB").save(file, name)
    return file.getvalue()


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


def test_bombs_are_refused_from_the_header_and_pillow_stays_as_it_was(tmp_path) -> None:
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    chunk = (
        struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    )
    bomb = b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 9) + b"IDAT" + b"\0" * 9
    before = Image.MAX_IMAGE_PIXELS
    with pytest.raises(ImageError, match=r"100000 x 100000, 10000 megapixels.*400.*max_pixels"):
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


def test_a_gain_map_is_left_alone() -> None:
    light = np.linspace(0, 4, 32 * 48 * 3, dtype=np.float32).reshape(32, 48, 3)
    image = pyvips.Image.new_from_array(light).copy(interpretation="scrgb")
    data = image.uhdrsave_buffer()  # a JPEG with a second one that makes it brighter
    with Image.open(io.BytesIO(data)) as plain:
        expected = np.asarray(plain.convert("RGB"))
    np.testing.assert_array_equal(as_array(load_picture(data), 255), expected)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counted on Linux")
def test_files_are_closed_after_reading(tmp_path) -> None:
    for extension in (".png", ".jpg", ".tif"):
        path = load_picture(ramp()).save(tmp_path / f"a{extension}").path
        before = len(list(Path("/proc/self/fd").iterdir()))
        load_picture(path)
        assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_the_cache_of_libvips_is_put_back() -> None:
    before = pyvips.cache_get_max()
    pyvips.cache_set_max(7)
    try:
        load_picture(jpeg())
        with pytest.raises(ImageError):
            load_picture(jpeg()[:300])
        assert pyvips.cache_get_max() == 7
    finally:
        pyvips.cache_set_max(before)
