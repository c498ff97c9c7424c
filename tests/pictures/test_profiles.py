import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms
from torch.testing import assert_close

from gramarye.pictures.picture import load_picture
from gramarye.pictures.profiles import srgb_profile
from tests.pictures.making import (
    LEVEL,
    adobe_rgb,
    as_array,
    cmyk_table,
    gamma,
    icc_profile,
    pillow_file,
    png16,
    ramp,
    xyz,
)


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
