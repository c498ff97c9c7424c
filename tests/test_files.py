import errno
import os
import stat
import sys
from pathlib import Path

import pytest
from PIL import Image

from gramarye import files as writing
from gramarye.errors import InputError, OutputError
from gramarye.pictures.picture import load_picture
from tests.pictures.making import pillow_file, ramp, write


def test_folders_are_made_and_permissions_follow_the_umask(tmp_path) -> None:
    saved = load_picture(ramp()).save(tmp_path / "new" / "deeper" / "a.png")
    assert saved.path.is_file()
    assert [entry.name for entry in saved.path.parent.iterdir()] == ["a.png"]
    if os.name == "posix":
        plain = write(tmp_path / "plain", b"")
        assert stat.S_IMODE(saved.path.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_a_link_is_followed(tmp_path) -> None:
    target = write(tmp_path / "target.png", b"old")
    (tmp_path / "link.png").symlink_to(target)
    load_picture(ramp()).save(tmp_path / "link.png")
    assert (tmp_path / "link.png").is_symlink()
    assert load_picture(target).width == 28


@pytest.mark.parametrize("spelling", ["same", "relative", "link", "hard link"])
def test_inputs_are_never_overwritten(tmp_path, spelling: str, monkeypatch) -> None:
    source = pillow_file(tmp_path / "a.png", Image.fromarray(ramp()))
    before = source.read_bytes()
    target = source
    if spelling == "relative":
        monkeypatch.chdir(tmp_path)
        target = Path("../" + tmp_path.name + "/a.png")
    elif spelling == "link":
        target = tmp_path / "b.png"
        target.symlink_to(source)
    elif spelling == "hard link":
        target = tmp_path / "b.png"
        target.hardlink_to(source)
    with pytest.raises(InputError, match="one of the inputs"):
        load_picture(source).save(target, inputs=[tmp_path / "other.png", source])
    assert source.read_bytes() == before


def test_existing_files_are_replaced_unless_told_otherwise(tmp_path) -> None:
    path = write(tmp_path / "a.png", b"old")
    with pytest.raises(InputError, match="exists already"):
        load_picture(ramp()).save(path, overwrite=False)
    assert path.read_bytes() == b"old"
    load_picture(ramp()).save(path)
    assert load_picture(path).width == 28


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (errno.ENOSPC, "no space left"),
        (errno.EACCES, "may not be written to"),
        (errno.EROFS, "may not be written to"),
        (errno.ENAMETOOLONG, "too long"),
        (errno.EIO, "cannot be written"),
    ],
)
def test_what_the_system_refuses_is_an_output_error(tmp_path, monkeypatch, code, message) -> None:
    path = write(tmp_path / "a.png", b"old")

    def refuse(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(writing.os, "fsync", refuse)
    with pytest.raises(OutputError, match=message):
        load_picture(ramp()).save(path)
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.png"]


def test_an_interrupt_leaves_no_partial_file(tmp_path, monkeypatch) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(writing.os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        load_picture(ramp()).save(tmp_path / "a.png")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
def test_a_replaced_file_keeps_its_mode(tmp_path) -> None:
    path = write(tmp_path / "a.png", b"old")
    path.chmod(0o600)
    load_picture(ramp()).save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
def test_pipes_and_devices_are_never_replaced(tmp_path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(InputError, match="a device or a pipe"):
        load_picture(ramp()).save(tmp_path / "pipe.png")
    assert stat.S_ISFIFO((tmp_path / "pipe.png").stat().st_mode)


@pytest.mark.parametrize("letter", ["x", "é", "漢"])
def test_the_longest_names_can_be_written(tmp_path, letter: str) -> None:
    name = letter * (250 // len(letter.encode())) + ".png"
    path = load_picture(ramp()).save(tmp_path / name).path
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
def test_names_that_are_no_text_can_be_written(tmp_path) -> None:
    path = tmp_path / os.fsdecode(b"odd \xff name.png")
    load_picture(ramp()).save(path)
    assert load_picture(path).width == 28


def test_what_a_killed_process_left_is_removed_for_any_name(tmp_path) -> None:
    path = tmp_path / ("[a]*?" + "漢" * 70 + ".png")
    context = writing.atomic_file(path)
    context.__enter__().close()
    assert len(list(tmp_path.iterdir())) == 1
    writing.remove_parts(path)
    assert list(tmp_path.iterdir()) == []
