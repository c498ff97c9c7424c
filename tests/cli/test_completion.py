"""The completion scripts, run in the shells that are here."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gramarye.cli import COMMANDS, main

# Outside of a real completion bash refuses compopt: these say what it was told.
STAND_INS = 'compopt() { echo "compopt $*"; }; complete() { echo "complete $*" >&2; }'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the command in it, for the PATH."""
    command = tmp_path / "gramarye"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m gramarye "$@"\n')
    command.chmod(0o755)
    return tmp_path


def complete(folder: Path, *words: str) -> list[str]:
    """What bash completes the last word to."""
    line = " ".join(f"'{word}'" for word in words)
    asked = f"COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _gramarye_completion gramarye"
    done = subprocess.run(
        ["bash", "-c", f'{STAND_INS}; eval "$(gramarye completion bash)"\n{asked}\n'
         'printf "%s\\n" "${COMPREPLY[@]}"'],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert "_gramarye_completion gramarye" in done.stderr
    return done.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("sty",), ["stylize"]),
        (("stylize", "--siz"), ["--size"]),
        (("stylize", "a.jpg", "b.jpg", "--style-lay"), ["--style-layers"]),
        (("stylize", "--no-norm"), ["--no-normalize-weights"]),
        (("stylize", "--color", "con"), ["content"]),
        (("stylize", "--preset", "defa"), ["default"]),
        (("stylize", "--network", "vgg19-l"), ["vgg19-lite"]),
        (("networks", "fet"), ["fetch"]),
        (("networks", "fetch", "--ag"), ["--again"]),
        (("networks", "fetch", "alex"), ["alexnet"]),
        (("presets", "dr"), ["draft"]),
        (("completion", "ba"), ["bash"]),
        (("",), list(COMMANDS)),
    ],
)
def test_bash_completes(words: tuple[str, ...], found: list[str], folder: Path) -> None:
    assert complete(folder, "gramarye", *words) == found


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
@pytest.mark.parametrize(
    "words",
    [
        ("stylize", "pho"),
        ("stylize", "a.jpg", "pain"),
        ("stylize", "a.jpg", "b.jpg", "-o", "res"),
        ("stylize", "a.jpg", "--init", "fir"),
        ("stylize", "a.jpg", "--weights", "vgg"),
        ("redo", "resu"),
    ],
)
def test_bash_completes_names_of_files(words: tuple[str, ...], folder: Path) -> None:
    assert complete(folder, "gramarye", *words) == ["compopt", "-o", "default"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "powershell"])
def test_every_shell_takes_its_script(
    shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["completion", shell]) == 0
    text = capsys.readouterr().out
    assert f"_GRAMARYE_COMPLETE={shell}_complete" in text or "$env:_GRAMARYE_COMPLETE" in text
    if shutil.which(shell) and shell != "powershell":
        (tmp_path / "script").write_text(text)
        subprocess.run([shell, "-n", str(tmp_path / "script")], check=True)


@pytest.mark.parametrize("shell", ["zsh", "fish", "powershell"])
def test_every_shell_is_answered(shell: str) -> None:
    here = 2 if shell != "fish" else "--color"
    line = "gramarye stylize --color" if shell == "fish" else "gramarye stylize --col"
    asked = {"COMP_WORDS": line, "COMP_CWORD": str(here), "_GRAMARYE_COMPLETE": f"{shell}_complete"}
    done = subprocess.run(
        [sys.executable, "-m", "gramarye"],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **asked},
    )
    assert "--color" in done.stdout and "whose colors" in done.stdout and done.stderr == ""
