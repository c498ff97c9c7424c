import errno
import os
import sys
from pathlib import Path

import pytest

from gramarye.errors import ImageError, InputError
from gramarye.pictures.picture import check_output, load_picture
from tests.pictures.making import jpeg, write


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


def test_heic_without_the_extra_says_what_to_install(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    data = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 50
    with pytest.raises(ImageError, match=r"pip install 'gramarye\[heic\]'"):
        load_picture(write(tmp_path / "a.heic", data))
    with pytest.raises(InputError, match=r"pip install 'gramarye\[heic\]'"):
        check_output(tmp_path / "b.heic")
