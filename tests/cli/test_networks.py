from __future__ import annotations

import dataclasses
import hashlib
import io
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from gramarye.cli import networks
from gramarye.errors import SettingsError, WeightsError
from gramarye.networks.catalog import NETWORKS


@pytest.fixture(autouse=True)
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that plays the internet, with a file for alexnet."""
    folder = tmp_path / "mirror"
    folder.mkdir()
    content = b"alexnet" * 50_000
    info = NETWORKS["alexnet"]
    (folder / info.file).write_bytes(content)
    changed = dataclasses.replace(info, sha256=hashlib.sha256(content).hexdigest())
    monkeypatch.setitem(NETWORKS, "alexnet", changed)
    monkeypatch.setenv("GRAMARYE_MIRROR", str(folder))
    monkeypatch.setenv("GRAMARYE_HOME", str(tmp_path / "home"))
    return folder


def run(*arguments: str) -> None:
    networks.command().main([*arguments], prog_name="networks", standalone_mode=False)


def test_list_shows_every_network_and_what_is_here(capsys: pytest.CaptureFixture[str]) -> None:
    run("list")
    before = capsys.readouterr().out
    assert all(name in before for name in NETWORKS)
    assert "the same as squeezenet1_1" in before
    run("fetch", "alexnet", "--quiet")
    capsys.readouterr()
    run("list")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines if "  here " in line] == ["alexnet"]


def test_fetch_prints_the_path_and_verify_finds_it_good(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("fetch", "alexnet")
    path = tmp_path / "home" / "networks" / NETWORKS["alexnet"].file
    assert capsys.readouterr().out == f"{path}\n"
    run("verify", "alexnet")
    assert f"alexnet: good, SHA-256 {NETWORKS['alexnet'].sha256}" in capsys.readouterr().out


def test_verify_finds_damage(tmp_path: Path) -> None:
    run("fetch", "alexnet", "--quiet")
    path = tmp_path / "home" / "networks" / NETWORKS["alexnet"].file
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(WeightsError, match="gramarye networks fetch alexnet --again"):
        run("verify")
    run("fetch", "alexnet", "--again", "--quiet")
    run("verify", "alexnet")


def test_verify_says_how_to_get_what_is_missing() -> None:
    with pytest.raises(WeightsError, match="networks fetch vgg16"):
        run("verify", "vgg16")


def test_all_names_are_known_before_the_first_download(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="did you mean 'vgg19'"):
        run("fetch", "alexnet", "vg19")
    assert not (tmp_path / "home").exists()


def test_path_prints_the_folder_or_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("path")
    run("path", "squeezenet")
    folder = tmp_path / "home" / "networks"
    assert capsys.readouterr().out.splitlines() == [
        str(folder),
        str(folder / NETWORKS["squeezenet1_1"].file),
    ]


def test_the_bar_is_drawn_on_the_console_given() -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100)
    networks.fetch_with_progress(NETWORKS["alexnet"], console=console)
    assert "alexnet-owt" in screen.getvalue()


def test_listing_needs_no_torch() -> None:
    code = "import sys, gramarye.cli.networks; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
