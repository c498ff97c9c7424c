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


def test_what_is_still_written_to_is_no_leftover(tmp_path) -> None:
    with writing.atomic_file(tmp_path / "a.png") as file:
        file.write(b"all")
        writing.remove_parts(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == b"all"


def test_what_a_killed_process_left_is_removed_for_any_name(tmp_path) -> None:
    path = tmp_path / ("[a]*?" + "漢" * 70 + ".png")
    context = writing.atomic_file(path)
    context.__enter__().close()
    assert len(list(tmp_path.iterdir())) == 1
    writing.remove_parts(path)
    assert list(tmp_path.iterdir()) == []


def test_a_new_file_replaces_nothing(tmp_path) -> None:
    path = tmp_path / "a.png"
    with pytest.raises(InputError, match="exists already"), writing.atomic_file(path, new=True):
        write(path, b"another's")
    assert path.read_bytes() == b"another's"
    assert list(tmp_path.iterdir()) == [path]
    with writing.atomic_file(tmp_path / "b.png", new=True) as file:
        file.write(b"new")
    assert (tmp_path / "b.png").read_bytes() == b"new"
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a.png", "b.png"]


@pytest.mark.parametrize("fails", [False, True])
def test_where_there_are_no_hard_links_a_name_is_taken_all_the_same(
    tmp_path, monkeypatch, fails: bool
) -> None:
    def refuse(self: Path, target: Path) -> Path:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    test_a_new_file_replaces_nothing(tmp_path)
    if fails:
        monkeypatch.setattr(Path, "replace", refuse)
        with pytest.raises(OutputError), writing.atomic_file(tmp_path / "c.png", new=True):
            pass
        assert not (tmp_path / "c.png").exists()


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
def test_a_private_file_is_private_from_its_first_byte(tmp_path) -> None:
    path = write(tmp_path / "a.png", b"old")
    path.chmod(0o600)
    with writing.atomic_file(path) as file:
        assert stat.S_IMODE(Path(file.name).stat().st_mode) == 0o600


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
@pytest.mark.parametrize("kind", ["pipe", "folder"])
def test_what_has_become_no_file_meanwhile_stays(tmp_path, kind: str) -> None:
    path = tmp_path / "a.png"
    with pytest.raises(InputError), writing.atomic_file(path):
        os.mkfifo(path) if kind == "pipe" else path.mkdir()
    assert not path.is_file()
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("letter", ["x", "é", "漢", "\udcff"])
def test_names_beside_a_name_fit(letter: str) -> None:
    if "\udcff" in letter and os.name != "posix":
        pytest.skip("elsewhere names are text")
    name = writing.beside(Path("a"), letter * 300, "-step00001.png", room=20).name
    assert 255 - 20 - 3 < len(os.fsencode(name)) <= 255 - 20
    assert writing.beside(Path("f/a"), "b", ".png") == Path("f/b.png")
    end = "." + "c" * 300  # which leaves no room at all
    assert writing.beside(Path("a"), letter * 10**6, end).name == end


def test_numbers_in_names() -> None:
    assert writing.numbered(Path("f/a.b.png"), 1) == Path("f/a.b.png")
    assert writing.numbered(Path("f/a.b.png"), 2) == Path("f/a.b-2.png")


def test_one_file_by_whatever_name(tmp_path) -> None:
    path = write(tmp_path / "a.png", b"")
    (tmp_path / "hard").hardlink_to(path)
    (tmp_path / "soft").symlink_to(path)
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for other in ("hard", "soft", "./a.png", "../" + tmp_path.name + "/a.png"):
        assert writing.same_file(path, tmp_path / other)
    for other in ("none", "loop", "a.png/x", "x" * 300, "\0"):
        assert not writing.same_file(path, tmp_path / other)
    assert writing.same_file(tmp_path / "none", tmp_path / "x" / ".." / "none")


@pytest.mark.parametrize("name", ["none", "x" * 300, "a\0b", "loop"])
def test_what_cannot_be_looked_at_is_not_there(tmp_path, name: str) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert not writing.is_file(tmp_path / name)
    assert writing.is_there(tmp_path / name) == (name == "loop")


@pytest.mark.parametrize("name", ["~nobody-has-this-name/a.png", "~/a.png"])
def test_no_folder_is_made_in_the_place_of_a_home_that_is_not_there(
    name: str, tmp_path, monkeypatch
) -> None:
    def no_home(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Path, "expanduser", no_home)
    with pytest.raises(InputError, match="there is no home folder '~"):
        load_picture(ramp()).save(name)
    assert list(tmp_path.iterdir()) == []
    assert load_picture(ramp()).save("~a.png").path.is_file()
