"""Whatever the standard streams lead to, a run that has made its picture has succeeded."""

import errno
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gramarye.cli import main
from gramarye.cli.streams import guarded_streams

FAST = ["--size", "48", "--steps", "2", "--checkpoint-every", "0"]


class Broken(io.StringIO):
    """A stream that takes so many writes."""

    def __init__(self, number: int, takes: int = 0) -> None:
        super().__init__()
        self.number, self.left = number, takes

    def write(self, text: str) -> int:
        self.left -= 1
        if self.left < 0:
            raise OSError(self.number, os.strerror(self.number))
        return super().write(text)


@pytest.fixture
def stylize(
    tiny_weights: Path, photo: Path, painting: Path, in_the_folder: Path
) -> Callable[..., int]:
    pictures = [photo.name, painting.name]
    return lambda *more: main(["stylize", *pictures, "--weights", str(tiny_weights), *FAST, *more])


@pytest.mark.parametrize("number", [errno.EPIPE, errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("takes", [0, 1])
def test_a_standard_error_that_breaks_costs_no_picture(
    number: int,
    takes: int,
    stylize: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "stderr", Broken(number, takes))
    assert stylize() == 0
    assert capsys.readouterr().out == "photo-painting.png\n"
    assert Path("photo-painting.png").exists()


def test_a_standard_output_that_is_full_is_noted(
    stylize: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "stdout", Broken(errno.ENOSPC))
    assert stylize("-q") == 0
    assert "note: standard output could not be written: No space" in capsys.readouterr().err
    assert Path("photo-painting.png").exists()


def test_streams_that_are_closed_or_missing(
    stylize: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = io.StringIO()
    closed.close()
    for out, err in ((None, None), (closed, closed)):
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        assert stylize("-o", "a.png") == 0
        assert main(["stylise"]) == 2


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_a_name_that_the_encoding_lacks_is_printed_as_the_disk_has_it(
    encoding: str, stylize: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, encoding))
    assert stylize("-q", "-o", "浮世絵 λ.png") == 0
    assert printed.getvalue() == os.fsencode("浮世絵 λ.png\n")


def test_a_command_that_only_prints_fails_where_it_cannot(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", Broken(errno.ENOSPC, takes=1))
    assert main(["presets"]) == 2
    assert "standard output could not be written: No space" in capsys.readouterr().err
    monkeypatch.setattr(sys, "stdout", Broken(errno.EPIPE, takes=1))
    assert main(["presets"]) == 1  # as `gramarye presets | head -1` does it: no complaint
    assert capsys.readouterr().err == ""


def test_half_a_surrogate_pair_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, "utf-8"))
    with guarded_streams():
        print("a \ud800 name")
    assert printed.getvalue() == b"a \\ud800 name\n"


def test_the_streams_are_put_back() -> None:
    before = sys.stdout, sys.stderr
    assert main(["presets"]) == 0
    assert (sys.stdout, sys.stderr) == before


@pytest.mark.skipif(os.name != "posix", reason="a POSIX shell's redirections")
@pytest.mark.parametrize(
    ("redirection", "code"),
    [("<&- >&- 2>&-", 2), (">&-", 2), ("> /dev/full", 2), ("| head -c 0", 0), ("2>&- | cat", 0)],
)
def test_a_shell_may_close_anything(redirection: str, code: int, tmp_path: Path) -> None:
    if "full" in redirection and not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    done = subprocess.run(
        f"'{sys.executable}' -m gramarye presets {redirection}",
        shell=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == code
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full device")
@pytest.mark.parametrize("where", ["> /dev/full", ">&-"])
@pytest.mark.parametrize("command", ["presets", "--help", "--version", "networks path"])
def test_a_command_whose_output_is_lost_fails(command: str, where: str) -> None:
    done = subprocess.run(
        f"exec '{sys.executable}' -m gramarye {command} {where}",
        shell=True, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("gramarye: standard output could not be written: ")
    assert done.stderr.count("\n") == 1
