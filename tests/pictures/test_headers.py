"""Sound files with something odd beside the picture: shown, with a note of what was left out."""

import io
import struct
import warnings

import numpy as np
import pytest
import tifffile
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from gramarye.errors import ImageError
from gramarye.pictures.picture import load_picture
from tests.pictures.making import as_array, jpeg, png, ramp


def png_with_texts(texts: dict[str, str], packed: bool) -> bytes:
    info, file = PngInfo(), io.BytesIO()
    for key, text in texts.items():
        info.add_text(key, text, zip=packed)
    Image.fromarray(ramp()).save(file, "PNG", pnginfo=info)
    return file.getvalue()


@pytest.mark.parametrize("packed", [False, True])
def test_long_png_texts_are_kept_and_very_long_ones_left_out(packed: bool) -> None:
    picture = load_picture(png_with_texts({"Title": "x" * 5_000_000, "Author": "me"}, packed))
    assert picture.notes == ()
    assert {key: len(text) for key, text in picture.metadata.text} == {
        "Title": 5_000_000,
        "Author": 2,
    }
    picture = load_picture(png_with_texts({"Title": "x" * 70_000_000}, packed))
    np.testing.assert_array_equal(as_array(picture, 255), ramp())
    assert picture.notes == ("the texts in the file are too long and are left out",)
    assert picture.metadata.text == ()


def test_texts_behind_the_pixels_are_found() -> None:
    samples = ramp().astype(np.uint32)
    plain, titled = (png(samples, 8, 2, *chunks) for chunks in ([], [b"tEXtTitle\0Boats"]))
    chunk = titled[33 : 33 + 12 + 11]
    moved = plain[:-12] + chunk + plain[-12:]
    assert load_picture(moved).metadata.text == (("Title", "Boats"),)


def test_a_large_profile_in_a_png_is_read() -> None:
    file = io.BytesIO()
    Image.fromarray(ramp()).save(file, "PNG", icc_profile=b"\0" * 16 + b"CMYK" + bytes(2_000_000))
    picture = load_picture(file.getvalue())
    assert "the embedded color profile is for CMYK" in picture.notes[0]
    assert len(picture.metadata.icc or b"") == 2_000_020


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_without_its_last_bytes_is_shown_with_a_note(progressive: bool) -> None:
    file = io.BytesIO()
    Image.fromarray(ramp(3, 64, 64)).save(file, "JPEG", progressive=progressive)
    whole = load_picture(file.getvalue())
    for cut in (1, 2):
        picture = load_picture(file.getvalue()[:-cut])
        assert picture.notes == ("the end of the file is missing, but nothing of the picture",)
        np.testing.assert_array_equal(as_array(picture, 255), as_array(whole, 255))
    for cut in (3, 60):
        with pytest.raises(ImageError, match="cut short or damaged"):
            load_picture(file.getvalue()[:-cut])


def test_a_jpeg_with_something_behind_it_is_read() -> None:
    assert load_picture(jpeg() + b"junk" * 50).notes == ()


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("place", ["behind the end", "in the pixels"])
def test_a_tiff_whose_second_page_is_lost_shows_its_first(order: str, place: str) -> None:
    file = io.BytesIO()
    tifffile.imwrite(file, ramp(), photometric="rgb", byteorder=order)
    data = bytearray(file.getvalue())
    (start,) = struct.unpack_from(f"{order}I", data, 4)
    (tags,) = struct.unpack_from(f"{order}H", data, start)
    where = len(data) + 999 if place == "behind the end" else len(data) - 40
    struct.pack_into(f"{order}I", data, start + 2 + 12 * tags, where)
    picture = load_picture(bytes(data))
    np.testing.assert_array_equal(as_array(picture, 255), ramp())
    assert any("page" in note for note in picture.notes)
    assert len(picture.notes) == 1


def test_animated_pngs_say_how_many_frames_they_have() -> None:
    frames, file = (
        [Image.new("RGB", (9, 9), color) for color in ("red", "lime", "blue")],
        io.BytesIO(),
    )
    frames[0].save(file, "PNG", save_all=True, append_images=frames[1:])
    picture = load_picture(file.getvalue())
    assert "an animation of 3 frames" in picture.notes[0]
    assert picture.pixels[0, :, 0, 0].tolist() == [1, 0, 0]


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_exif_that_makes_no_sense_is_left_out(file_format: str) -> None:
    for exif in (b"Exif\0\0garbage", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff"):
        file = io.BytesIO()
        Image.fromarray(ramp()).save(file, file_format, exif=exif)
        picture = load_picture(file.getvalue())
        assert picture.width == 28
        assert all("is damaged" in note for note in picture.notes)


def test_advice_to_programmers_reaches_nobody() -> None:
    palette = Image.fromarray(ramp(1)[..., 0] // 40, "P")
    palette.putpalette([*range(30)])
    palette.info["transparency"] = bytes(range(10))
    file = io.BytesIO()
    palette.save(file, "PNG", transparency=bytes(10))
    assert load_picture(file.getvalue()).notes == ()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        picture = load_picture(palette)
    assert picture.notes == ()
    assert picture.alpha is not None
