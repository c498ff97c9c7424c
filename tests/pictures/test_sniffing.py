import pytest

from gramarye.errors import ImageError
from gramarye.pictures.picture import load_picture
from tests.pictures.making import jpeg, write


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
