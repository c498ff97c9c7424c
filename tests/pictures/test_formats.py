import pytest
import torch

from gramarye.errors import InputError
from gramarye.pictures.picture import Picture, check_output, load_picture
from tests.pictures.making import ramp


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
    with pytest.raises(InputError, match=r"16384 x 1 pixels.*WebP.*16383"):
        picture.save(tmp_path / "a.webp")
    check_output(tmp_path / "a.png", size=(16384, 1))
    check_output(tmp_path / "a.avif", size=(16384, 16384))


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("a.jpg", (65501, 10), r"65501 x 10 pixels.*JPEG.*65500 a side: write a \.png or a \.tif"),
        ("a.webp", (10, 16384), r"WebP.*16383 a side"),
        ("a.avif", (32769, 10), r"AVIF.*32768 a side"),
        ("a.avif", (16385, 16384), r"268 megapixels.*AVIF holds at most 268"),
        ("a.heic", (16385, 10), r"HEIC.*16384 a side"),
    ],
)
def test_sizes_are_checked_before_the_work(tmp_path, name: str, size, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_output(tmp_path / name, size=size)
