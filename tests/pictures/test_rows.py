from unittest.mock import patch

import numpy as np
import pytest
import tifffile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image

from gramarye.errors import ImageError
from gramarye.pictures import rows as bands
from gramarye.pictures import tiff
from gramarye.pictures.picture import Picture, load_picture
from tests.pictures.making import as_array, noise


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
        found = as_array(load_picture(path), 2**bit_depth - 1)
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
    np.testing.assert_array_equal(as_array(load_picture(tmp_path / "a.png"), 255), turned(samples))


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


def test_threads_give_results_in_order_and_errors_as_they_are() -> None:
    assert list(bands.in_order(lambda x: x * x, range(50))) == [x * x for x in range(50)]
    with pytest.raises(ZeroDivisionError):
        list(bands.in_order(lambda x: 1 // (x - 7), range(50)))
