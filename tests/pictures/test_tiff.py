import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image

from gramarye.errors import ImageError
from gramarye.pictures import tiff
from gramarye.pictures.picture import Metadata, Picture, load_picture, read_recipe
from tests.pictures.making import as_array, noise


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
            np.testing.assert_array_equal(as_array(picture, 2**bit_depth - 1), expected)
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
        np.testing.assert_array_equal(as_array(again, 2**bit_depth - 1), samples)
        assert again.metadata.dpi == (300, 300)
        found = Image.Exif()
        found.load(again.metadata.exif or b"")
        assert found[ExifTags.Base.Make] == "Leitz"
        assert found.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExposureTime] == 0.01
        assert read_recipe(tmp_path / name) == "{}"
