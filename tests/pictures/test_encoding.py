import numpy as np
import pytest
import tifffile
import torch
from PIL import Image
from torch.testing import assert_close

from gramarye.pictures.picture import Picture, load_picture, read_recipe
from tests.pictures.making import LEVEL, LOSSLESS, LOSSY, as_array, deep, ramp


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


def test_heic_round_trip(tmp_path) -> None:
    pytest.importorskip("pillow_heif")
    picture = load_picture(ramp(4))
    saved = picture.save(tmp_path / "a.heic", quality=100, recipe="{}")
    again = load_picture(saved.path)
    assert again.metadata.format == "HEIC"
    assert_close(again.pixels, picture.pixels, atol=8 * LEVEL, rtol=0)
    assert again.alpha is not None
    assert read_recipe(saved.path) == "{}"


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 40), (40, 1), (3, 2)])
@pytest.mark.parametrize("extension", LOSSLESS + LOSSY)
def test_the_smallest_pictures_can_be_written(tmp_path, extension, height, width) -> None:
    picture = load_picture(np.full((height, width, 3), 128, np.uint8))
    again = load_picture(picture.save(tmp_path / f"a{extension}").path)
    assert (again.height, again.width) == (height, width)
    assert_close(again.pixels, picture.pixels, atol=0.02, rtol=0)


def test_the_widest_pictures_come_back(tmp_path) -> None:
    for extension, width in ((".jpg", 65500), (".webp", 16383), (".avif", 32768)):
        picture = Picture(torch.full((1, 3, 16, width), 0.5))
        again = load_picture(picture.save(tmp_path / f"a{extension}").path)
        assert_close(again.pixels, picture.pixels, atol=2 * LEVEL, rtol=0)


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
