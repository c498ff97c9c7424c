"""The completion scripts, run in the shells that are here."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from gramarye.cli import completion, main, make_parser


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


def complete(script: str, *words: str) -> list[str]:
    """What bash completes the last word to."""
    line = " ".join(f"'{word}'" for word in words)
    asked = f"COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _gramarye"
    done = subprocess.run(
        ["bash", "-c", f'{script}\n{asked}\nprintf "%s\\n" "${{COMPREPLY[@]}}"'],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": os.environ["PATH"]},
    )
    return done.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
@pytest.mark.parametrize(
    ("words", "found"),
    [
        (("gramarye", "sty"), ["stylize"]),
        (("gramarye", "stylize", "--siz"), ["--size"]),
        (("gramarye", "stylize", "a.jpg", "b.jpg", "--style-lay"), ["--style-layers"]),
        (("gramarye", "stylize", "--color", "con"), ["content"]),
        (("gramarye", "stylize", "--preset", "defa"), ["default"]),
        (("gramarye", "networks", "fet"), ["fetch"]),
        (("gramarye", "networks", "fetch", "--ag"), ["--again"]),
        (("gramarye", "completion", "ba"), ["bash"]),
        (("gramarye", "stylize", "pho"), []),
    ],
)
def test_bash_completes(
    words: tuple[str, ...], found: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert complete(script("bash", capsys), *words) == found


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_bash_offers_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    commands = [name for name in completion.subcommands(make_parser()) if " " not in name]
    assert complete(script("bash", capsys), "gramarye", "") == commands


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_take_their_script(
    shell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = script(shell, capsys)
    assert "stylize" in text and "size" in text
    if shutil.which(shell):
        (tmp_path / "script").write_text(text)
        subprocess.run([shell, "-n", str(tmp_path / "script")], check=True)
