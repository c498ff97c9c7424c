"""`gramarye score`, from files to tables and JSON."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

import gramarye
from gramarye.cli import main, networks
from gramarye.cli.score import judge_files
from gramarye.errors import SettingsError
from gramarye.scoring.levels import LEVELS


@pytest.fixture(autouse=True)
def pictures(photo: Path, painting: Path, in_the_folder: Path) -> None:
    with Image.open(photo) as image:
        image.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save("result.png")


@pytest.fixture
def judge(tiny_weights: Path) -> list[str]:
    return ["--judge", str(tiny_weights)]


def test_the_tables_have_every_level_and_measure_and_what_honest_pictures_have(
    judge: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["score", "photo.png", "painting.png", "result.png", "photo.png", *judge]) == 0
    said = capsys.readouterr()
    titles = (*LEVELS, "content", "edges kept", "palette", "specks", "color noise", "seam")
    assert all(word in said.out for title in titles for word in title.split())
    rows = [line.split() for line in said.out.splitlines()]
    (untouched,) = [row for row in rows if row[:2] == ["photo.png", "tiny.safetensors"]]
    assert untouched[2:] == ["1.000"] * 5 + ["0.000"]
    assert "the content itself" in said.out and "the style itself" in said.out
    assert said.err == ""


def test_no_number_is_cut_on_a_narrow_terminal(
    judge: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")
    assert main(["score", "photo.png", "painting.png", "photo.png", *judge]) == 0
    text = capsys.readouterr().out
    assert all(title in text for title in ("checkerboard", "palette", "content", "motif"))
    assert text.count("1.000") == 6  # five levels and the edges
    assert max(map(len, text.splitlines())) <= 80


def test_json_has_what_the_library_says(
    judge: list[str], tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["score", "photo.png", "painting.png", "result.png", "--json", *judge]) == 0
    (row,) = json.loads(capsys.readouterr().out)["scores"]
    expected = gramarye.score("photo.png", "painting.png", "result.png", judge=tiny_weights)
    assert row["result"] == "result.png"
    assert list(row["levels"]) == list(LEVELS)
    assert row["levels"] == dict(expected.levels)
    assert row["content"] == expected.content
    assert row["artifacts"]["specks"] == expected.artifacts.specks
    assert (row["width"], row["height"], row["judge_made_it"]) == (48, 36, False)


def test_each_judge_has_its_rows_and_lacks_what_it_lacks(
    judge: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["score", "photo.png", "painting.png", "result.png", *judge, "--judge", "vgg19-lite"]
    assert main([*command, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["scores"]
    assert [row["judge"] for row in rows] == ["tiny.safetensors", "vgg19-lite"]
    assert rows[0]["levels"] != rows[1]["levels"]
    assert rows[0]["edges"] == rows[1]["edges"]


def test_it_says_when_the_judge_is_the_painter(
    tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    small = ["--size", "48", "--steps", "2", "--weights", str(tiny_weights), "-o", "made.png", "-q"]
    assert main(["stylize", "photo.png", "painting.png", *small]) == 0
    capsys.readouterr()
    names = ["--judge", "vgg19-lite", "--weights", str(tiny_weights)]
    assert main(["score", "photo.png", "painting.png", "made.png", *names]) == 0
    said = capsys.readouterr()
    assert "vgg19-lite (made it)" in " ".join(said.out.split())
    assert "note: vgg19-lite is the network that made 'made.png'" in said.err
    assert main(["score", "photo.png", "painting.png", "made.png"]) == 0  # its packaged weights
    assert "made it" not in capsys.readouterr().out


@pytest.mark.parametrize("place", range(3))
def test_a_picture_that_is_missing_costs_no_download(
    place: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(networks, "fetch_with_progress", lambda *a, **k: pytest.fail("fetched"))
    pictures = ["photo.png", "painting.png", "result.png"]
    pictures[place] = "none.png"
    assert main(["score", *pictures, "--judge", "vgg16"]) == 2
    assert "'none.png'" in capsys.readouterr().err


def test_a_level_that_the_judge_lacks_is_a_dash(
    vgg16_like: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["score", "photo.png", "painting.png", "result.png", "--judge", "vgg16"]
    assert main([*command, "--weights", f"vgg16={vgg16_like}"]) == 0
    row = next(x for x in capsys.readouterr().out.splitlines() if " vgg16 " in x)
    assert row.split()[4:7] == ["-"] * 3


@pytest.fixture
def vgg16_like(tmp_path: Path) -> Path:
    """VGG-16's first two blocks."""
    import torch
    from safetensors.torch import save_file

    shapes = {0: (64, 3), 2: (64, 64), 5: (128, 64), 7: (128, 128)}
    state = {}
    for index, (out, into) in shapes.items():
        state[f"features.{index}.weight"] = 0.05 * torch.randn(out, into, 3, 3)
        state[f"features.{index}.bias"] = torch.zeros(out)
    save_file(state, tmp_path / "vgg16.safetensors")
    return tmp_path / "vgg16.safetensors"


def test_a_file_of_weights_belongs_to_a_judge() -> None:
    assert judge_files(["a.pth"], []) == [("a.pth", None)]
    assert judge_files(["vgg16"], ["f=1.pth"]) == [("vgg16", Path("f=1.pth"))]
    both = judge_files(["vgg16", "vgg19"], ["vgg19=b", "vgg16=a"])
    assert both == [("vgg16", Path("a")), ("vgg19", Path("b"))]
    for judges, weights, words in (
        (["vgg16", "vgg19"], ["a.pth"], "does not say for which judge: write NAME=FILE"),
        (["vgg16"], ["vgg19=a.pth"], "names 'vgg19', which is no judge: those are vgg16"),
        (["a.pth"], ["b.pth"], "is a weights file itself: leave out --weights"),
    ):
        with pytest.raises(SettingsError, match=words):
            judge_files(judges, weights)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["missing.png"], "there is no file 'missing.png'"),
        (["painting.png"], "a result has its content's shape"),
        (["result.png", "--judge", "vgg18"], "there is no judge 'vgg18': name a network"),
        (["result.png", "--size", "64"], "longest side of 48 pixels and cannot be judged at 64"),
        (["result.png", "--size", "24"], "is too small for vgg19-lite: both sides need"),
        (["tiny.png"], "6 pixels is too small for vgg19-lite"),
        (["result.png", "--judge", "broken.pth"], "broken.pth"),
    ],
)
def test_what_cannot_be_judged_is_one_sentence(
    arguments: list[str],
    words: str,
    make_picture: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    make_picture("tiny.png", 8, 6)
    Path("broken.pth").write_bytes(b"no weights at all")
    assert main(["score", "photo.png", "painting.png", *arguments]) == 2
    said = capsys.readouterr()
    assert words in said.err
    assert said.err.count("\n") == 1 and said.out == ""
