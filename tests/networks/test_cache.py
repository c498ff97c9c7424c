"""Where the networks' files are kept, and what is said of a place that cannot hold them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from gramarye.cli import main
from gramarye.networks.cache import cache_folder, weights_path
from gramarye.networks.catalog import NETWORKS


def test_the_cache_is_where_the_platform_keeps_caches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GRAMARYE_HOME")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    places = {
        "linux": tmp_path / ".cache" / "gramarye",
        "darwin": tmp_path / "Library" / "Caches" / "gramarye",
        "win32": Path(os.environ.get("LOCALAPPDATA", "")) / "gramarye" / "Cache",
    }
    assert cache_folder() == places[sys.platform] / "networks"


@pytest.mark.skipif(sys.platform != "linux", reason="the convention of Linux")
def test_the_variable_for_caches_is_obeyed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRAMARYE_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "gramarye" / "networks"


def test_a_tilde_in_gramarye_home_is_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("GRAMARYE_HOME", "~/nets")
    assert cache_folder() == tmp_path / "nets" / "networks"


def test_the_embedded_network_lies_in_the_package_whatever_the_cache(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("GRAMARYE_HOME", "~nobody-of-this-name")
    assert weights_path(NETWORKS["vgg19-lite"]).is_file()


COMMANDS = (
    ["networks", "list"],
    ["networks", "path"],
    ["networks", "path", "vgg19"],
    ["networks", "verify"],
    ["networks", "fetch", "alexnet", "-q"],
)


def one_sentence(capsys: pytest.CaptureFixture[str], *words: str) -> None:
    """Every command that needs the cache tells it in one line, with exit code 2."""
    for command in COMMANDS:
        assert main(command) == 2, command
        told = capsys.readouterr().err
        assert told.count("\n") == 1 and "mistake" not in told, told
        assert all(word in told for word in ("GRAMARYE_HOME", *words)), told


def test_a_tilde_of_nobody_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRAMARYE_HOME", "~nobody-of-this-name/nets")
    one_sentence(capsys, "'~nobody-of-this-name/nets'", "no home directory")


def test_an_overlong_name_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GRAMARYE_HOME", str(tmp_path / ("n" * 300)))
    one_sentence(capsys, "too long")
    monkeypatch.setenv("GRAMARYE_HOME", "/".join(["folder"] * 1000))
    one_sentence(capsys, "too long")


def test_a_folder_that_may_not_be_entered_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    looked = Path.stat

    def forbidden(self: Path, **keywords: bool) -> os.stat_result:
        if tmp_path in self.parents:  # as it is for everyone but root
            raise PermissionError(13, "Permission denied")
        return looked(self, **keywords)

    monkeypatch.setattr(Path, "stat", forbidden)
    monkeypatch.setenv("GRAMARYE_HOME", str(tmp_path))
    one_sentence(capsys, str(tmp_path), "Permission denied")


@pytest.mark.skipif(sys.platform == "win32", reason="users of Windows have a home")
def test_a_user_without_a_home_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import pwd

    def unknown(_: int) -> None:
        raise KeyError("uid not found")

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for variable in ("HOME", "XDG_CACHE_HOME", "GRAMARYE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    one_sentence(capsys, "this user has no home directory")
    monkeypatch.setenv("GRAMARYE_HOME", "~")
    one_sentence(capsys, "no home directory")


def test_a_file_where_the_folder_should_be_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GRAMARYE_HOME", str(tmp_path / "file"))
    assert main(["networks", "fetch", "alexnet", "-q"]) == 2
    assert "GRAMARYE_HOME" in capsys.readouterr().err


def test_a_folder_in_the_place_of_a_networks_file_is_a_sentence(
    cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (cache / NETWORKS["alexnet"].file).mkdir(parents=True)
    assert main(["networks", "verify", "alexnet"]) == 2
    told = capsys.readouterr().err
    assert "is a folder" in told and told.count("\n") == 1
