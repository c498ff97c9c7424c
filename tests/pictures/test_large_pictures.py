"""What is read and written in bands of rows: the same pixels, in bounded memory."""

import errno
import json
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
import tifffile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import ExifTags, Image

from gramarye import files as writing
from gramarye.errors import ImageError, OutputError
from gramarye.pictures import rows as bands
from gramarye.pictures import tiff
from gramarye.pictures.picture import Metadata, Picture, load_picture, read_recipe

DTYPES = {8: np.uint8, 16: np.uint16}


def noise(height: int, width: int, channels: int = 3, bit_depth: int = 8) -> NDArray:
    """(H, W, channels) samples of every level."""
    generator = np.random.default_rng(height * width)
    return generator.integers(0, 2**bit_depth, (height, width, channels), dtype=DTYPES[bit_depth])


def levels(picture: Picture, bit_depth: int) -> NDArray[np.int64]:
    planes = [picture.pixels] if picture.alpha is None else [picture.pixels, picture.alpha]
    values = torch.cat(planes, dim=1)[0].permute(1, 2, 0).double().numpy()
    return np.rint(values * (2**bit_depth - 1)).astype(np.int64)


# Bands


@settings(max_examples=40, deadline=None)
@given(
    size=st.tuples(st.integers(1, 13), st.integers(1, 11)),
    channels=st.sampled_from([3, 4]),
    bit_depth=st.sampled_from([8, 16]),
    extension=st.sampled_from([".png", ".tif"]),
    at_once=st.integers(1, 60),
    seed=st.integers(0, 99),
)
def test_written_then_read_is_the_quantized_picture(
    tmp_path_factory, size, channels, bit_depth, extension, at_once, seed
) -> None:
    generator = torch.Generator().manual_seed(seed)
    values = torch.rand(1, channels, *size, generator=generator) * 1.2 - 0.1
    picture = Picture(values[:, :3], values[:, 3:] if channels == 4 else None)
    path = tmp_path_factory.mktemp("bands") / f"a{extension}"
    with (
        patch.object(bands, "PIXELS_AT_ONCE", at_once),
        patch.object(tiff, "_STRIP_BYTES", at_once),
    ):
        picture.save(path, bit_depth=bit_depth)
        found = levels(load_picture(path), bit_depth)
    exact = values.double().clamp(0, 1)[0].permute(1, 2, 0).numpy() * (2**bit_depth - 1)
    assert found.shape == exact.shape
    assert np.abs(found - exact).max() <= 0.5 + 1e-2  # the nearest level, but for ties in float32
    if extension == ".tif":
        np.testing.assert_array_equal(tifffile.imread(path), found)
    elif bit_depth == 8:
        with Image.open(path) as image:
            np.testing.assert_array_equal(np.asarray(image), found)


@pytest.mark.parametrize("at_once", [1, 50, 64, 2**18])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_bands_change_no_orientation_profile_or_alpha(
    tmp_path, monkeypatch, orientation, at_once
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    turned = {
        1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2), 4: np.flipud,
        5: lambda a: a.swapaxes(0, 1), 6: lambda a: np.rot90(a, -1),
        7: lambda a: np.rot90(a, 2).swapaxes(0, 1), 8: np.rot90,
    }[orientation]  # fmt: skip
    samples = noise(13, 7, 4)
    Image.fromarray(samples).save(tmp_path / "a.png", exif=exif)
    monkeypatch.setattr(bands, "PIXELS_AT_ONCE", at_once)
    np.testing.assert_array_equal(levels(load_picture(tmp_path / "a.png"), 8), turned(samples))


@pytest.mark.parametrize("mode", ["I", "F"])
def test_numbers_out_of_range_are_seen_in_any_band(tmp_path, monkeypatch, mode: str) -> None:
    values = np.zeros((9, 5), np.int32 if mode == "I" else np.float32)
    values[7, 3], values[2, 1] = 70000, -5
    monkeypatch.setattr(bands, "PIXELS_AT_ONCE", 5)
    with pytest.raises(ImageError, match=r"from -5 to (70000|7e\+04)"):
        load_picture(Image.fromarray(values))


def test_laying_over_white_and_pillow_images_in_bands(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(bands, "PIXELS_AT_ONCE", 20)
    picture = load_picture(noise(11, 9, 4))
    np.testing.assert_array_equal(np.asarray(picture.to_pil()), noise(11, 9, 4))
    assert picture.alpha is not None
    flat = Picture(picture.pixels * picture.alpha + (1 - picture.alpha))
    one, other = (p.save(tmp_path / f"{i}.jpg").path for i, p in enumerate((picture, flat)))
    assert one.read_bytes() == other.read_bytes()


def test_png_is_one_zlib_stream_over_bounded_chunks(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(bands, "PIXELS_AT_ONCE", 400)
    data = load_picture(noise(101, 40)).save(tmp_path / "a.png").path.read_bytes()
    place, stream, sizes = 8, b"", []
    while place < len(data):
        size, name = struct.unpack_from(">I4s", data, place)
        body = data[place + 8 : place + 8 + size]
        assert zlib.crc32(name + body) == struct.unpack_from(">I", data, place + 8 + size)[0]
        if name == b"IDAT":
            stream += body
            sizes.append(size)
        place += 12 + size
    assert len(zlib.decompress(stream)) == 101 * (1 + 3 * 40)
    assert len(sizes) == 11 + 1  # bands of ten rows, and the end of the stream
    assert max(sizes) < 10 * (1 + 3 * 40) + 50


def test_threads_give_results_in_order_and_errors_as_they_are() -> None:
    assert list(bands.in_order(lambda x: x * x, range(50))) == [x * x for x in range(50)]
    with pytest.raises(ZeroDivisionError):
        list(bands.in_order(lambda x: 1 // (x - 7), range(50)))


# TIFF


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("tile", [None, (16, 32)])
@pytest.mark.parametrize("big", [False, True])
def test_striped_tiled_and_big_tiffs_are_read_exactly(tmp_path, big, tile, compression) -> None:
    for bit_depth in (8, 16):
        for channels in (1, 3, 4):
            samples = noise(50, 70, channels, bit_depth)
            tifffile.imwrite(
                tmp_path / "a.tif",
                samples[..., 0] if channels == 1 else samples,
                photometric="minisblack" if channels == 1 else "rgb",
                extrasamples=["unassalpha"] if channels == 4 else None,
                bigtiff=big,
                tile=tile,
                rowsperstrip=None if tile else 7,
                compression=compression,
                predictor=compression is not None,
            )
            picture = load_picture(tmp_path / "a.tif")
            expected = samples.repeat(3, axis=-1) if channels == 1 else samples
            np.testing.assert_array_equal(levels(picture, bit_depth), expected)
            assert picture.metadata.bit_depth == bit_depth


def test_a_big_tiff_pillow_cannot_read_says_what_to_do(tmp_path) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif", noise(4, 4), photometric="rgb", bigtiff=True, byteorder=">"
    )
    with pytest.raises(ImageError, match=r"'a.tif' is a BigTIFF .*save it in little-endian order"):
        load_picture(tmp_path / "a.tif")


@pytest.mark.parametrize("strip_bytes", [100, 2**18])  # many strips, and one
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("bit_depth", [8, 16])
def test_results_beyond_4_gigabytes_become_big_tiffs(
    tmp_path, monkeypatch, bit_depth, channels, strip_bytes
) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Leitz"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExposureTime] = 0.01
    metadata = Metadata(exif=exif.tobytes(), dpi=(300.0, 300.0), bit_depth=bit_depth)
    samples = noise(21, 17, channels, bit_depth)
    picture = load_picture(samples)
    picture = Picture(picture.pixels, picture.alpha, metadata)
    monkeypatch.setattr(tiff, "_STRIP_BYTES", strip_bytes)
    picture.save(tmp_path / "small.tif", recipe="{}")
    monkeypatch.setattr(tiff, "_SMALL_MOST", 100)  # the real one takes too long to reach
    picture.save(tmp_path / "big.tif", recipe="{}")
    for name, big in (("small.tif", False), ("big.tif", True)):
        with tifffile.TiffFile(tmp_path / name) as file:
            assert file.is_bigtiff == big
            np.testing.assert_array_equal(file.asarray(), samples)
        again = load_picture(tmp_path / name)
        np.testing.assert_array_equal(levels(again, bit_depth), samples)
        assert again.metadata.dpi == (300, 300)
        found = Image.Exif()
        found.load(again.metadata.exif or b"")
        assert found[ExifTags.Base.Make] == "Leitz"
        assert found.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExposureTime] == 0.01
        assert read_recipe(tmp_path / name) == "{}"


# Disks


@pytest.mark.parametrize("extension", [".png", ".tif", ".jpg", ".webp", ".avif"])
def test_a_file_the_system_cuts_short_leaves_nothing(tmp_path, extension: str) -> None:
    resource = pytest.importorskip("resource")
    path = tmp_path / f"a{extension}"
    path.write_bytes(b"old")
    picture = load_picture(noise(120, 120))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
        with pytest.raises(OutputError, match="more than one file may hold"):
            picture.save(path, quality=100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_a_full_disk_while_bands_are_written_leaves_nothing(tmp_path, monkeypatch) -> None:
    def full(*_: object) -> bytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("gramarye.pictures.tiff._deflated_strip", full)
    with pytest.raises(OutputError, match="no space left"):
        load_picture(noise(9, 9)).save(tmp_path / "a.tif")
    assert list(tmp_path.iterdir()) == []


def test_an_error_inside_the_block_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), writing.atomic_file(tmp_path / "a") as file:
        file.write(b"half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


# Memory

_MEASURE = """
import json, os, sys
import torch
from gramarye.pictures.picture import Picture, load_image

def kilobytes(field):
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field))

def peak(action):
    before = kilobytes("VmRSS:")
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak begins anew
    action()
    return (kilobytes("VmHWM:") - before) * 1024 / (12 * height * width)

os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])  # a band of memory for each thread
folder, height, width = sys.argv[1], 3000, 4000
names = {"a.png": 8, "a.jpg": 8, "deep.tif": 16}
tiny = Picture(torch.zeros(1, 3, 9, 9))
for name, depth in names.items():  # so that everything is imported
    load_image(tiny.save(f"{folder}/{name}", bit_depth=depth).path)
y, x = torch.linspace(0, 1, height)[:, None], torch.linspace(0, 1, width)
picture = Picture((x * 0.7 + y * 0.3).expand(1, 3, -1, -1).contiguous())
found = {}
for name, depth in names.items():
    found["write " + name] = peak(lambda: picture.save(f"{folder}/{name}", bit_depth=depth))
picture = None
for name in names:
    found["read " + name] = peak(lambda: load_image(f"{folder}/{name}"))
print(json.dumps(found))
"""

# In multiples of the picture in float32. What Pillow holds is 4 bytes per pixel, a third of
# that; of 16 bits it holds the high and the low bytes. The rest is bands and slack.
_MOST = {
    "write a.png": 0.25,
    "write deep.tif": 0.25,
    "write a.jpg": 1 / 3 + 0.25,
    "read a.png": 1 + 1 / 3 + 0.2,
    "read a.jpg": 1 + 1 / 3 + 0.2,
    "read deep.tif": 1 + 2 / 3 + 0.2,
}


@pytest.mark.skipif(not os.access("/proc/self/clear_refs", os.W_OK), reason="measured on Linux")
def test_12_megapixels_take_no_more_memory_than_said(tmp_path) -> None:
    command = [sys.executable, "-c", _MEASURE, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert found.keys() == _MOST.keys()
    assert {name: value for name, value in found.items() if value > _MOST[name]} == {}
