"""`gramarye instant`, from files to files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

import gramarye
from gramarye.cli import main
from gramarye.jobs.several import Done, do_all, processes_for
from gramarye.recipe import Recipe

pytestmark = pytest.mark.usefixtures("in_the_folder", "photo", "painting")


def instant(*arguments: str) -> int:
    return main(["instant", "-q", *arguments])


def test_the_result_has_the_photographs_size_and_its_recipe(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert instant("photo.png", "painting.png") == 0
    assert capsys.readouterr().out == "photo-painting-instant.png\n"
    recipe = Recipe.of_picture("photo-painting-instant.png")
    assert recipe.settings.preset == "instant" and recipe.settings.painter.by == "instant"
    assert (recipe.width, recipe.height) == (48, 36)
    found = gramarye.load_image("photo-painting-instant.png")
    assert found.shape == (1, 3, 36, 48)
    assert float((found - gramarye.load_image("photo.png")).abs().mean()) > 0.02


def test_several_photographs_do_not_become_one_picture(
    make_picture: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    make_picture("other.png", 50, 40, seed=7)
    names = ("photo.png", "other.png", "painting.png")
    assert instant(*names, "-o", "one.png") == 2 and not Path("one.png").exists()
    told = capsys.readouterr().err
    assert "--out is 'one.png', one picture, and 2 photographs are painted" in told
    Path("one.png").mkdir()  # a folder that is there is taken, whatever it is called
    assert instant(*names, "-o", "one.png") == 0 and len(list(Path("one.png").iterdir())) == 2


def test_a_photograph_too_small_for_its_own_size_is_told(
    make_picture: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    make_picture("tiny.png", 7, 5)
    assert instant("tiny.png", "painting.png", "-o", "one.png") == 2
    told = capsys.readouterr().err
    assert "the content has 7 x 5 pixels, too few to be painted in its own size" in told
    assert instant("photo.png", "tiny.png", "painting.png", "-o", "two") == 2
    assert "'tiny.png': the content has 7 x 5" in capsys.readouterr().err  # before any is painted
    assert not Path("two").exists()
    assert instant("tiny.png", "painting.png", "--size", "48", "-o", "one.png") == 0


def test_redo_makes_the_same_file_and_a_larger_one() -> None:
    assert instant("photo.png", "painting.png", "--seed", "4", "-o", "a.png") == 0
    assert main(["redo", "a.png", "-q", "-o", "b.png"]) == 0
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()
    assert main(["redo", "a.png", "-q", "--size", "96", "-o", "c.png"]) == 0
    assert gramarye.load_image("c.png").shape == (1, 3, 72, 96)


def test_the_library_paints_the_same_picture() -> None:
    assert instant("photo.png", "painting.png", "--strength", "0.3", "-o", "a.png") == 0
    gramarye.instant("photo.png", "painting.png", strength=0.3).save("b.png")
    assert torch.equal(gramarye.load_image("a.png"), gramarye.load_image("b.png"))


def test_a_further_style_counts_as_it_is_weighed(make_picture: Callable[..., Path]) -> None:
    make_picture("other.png", 50, 40, seed=7)
    assert instant("photo.png", "painting.png", "-o", "one.png") == 0
    assert instant("photo.png", "painting.png", "--with", "other.png", "-o", "two.png") == 0
    assert instant("photo.png", "painting.png", "--with", "other.png:0", "-o", "none.png") == 0
    one, two, none = (gramarye.load_image(f"{name}.png") for name in ("one", "two", "none"))
    assert float((one - none).abs().max()) < 1.5 / 255  # means over one style round otherwise
    assert float((one - two).abs().mean()) > 0.01


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_folder_is_painted_into_a_folder(
    make_picture: Callable[..., Path], capsys: pytest.CaptureFixture[str], processes: str
) -> None:
    for seed, name in enumerate(("a.png", "b.jpg")):
        make_picture(f"photos/{name}", 40, 32, seed=seed)
    Path("photos/notes.txt").write_text("no picture")
    assert (
        instant("photos", "photo.png", "painting.png", "-o", "out", "--processes", processes) == 0
    )
    made = {Path(line).name for line in capsys.readouterr().out.splitlines()}
    assert made == {f"{name}-painting-instant{end}" for name, end in (
        ("a", ".png"), ("b", ".jpg"), ("photo", ".png"))}  # fmt: skip
    assert {path.name for path in Path("out").iterdir()} == made


def test_a_photograph_named_twice_is_painted_once(
    make_picture: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    make_picture("photos/a.png", 40, 32)
    named = ("photos", "photo.png", "photos", "photos/a.png")
    assert instant(*named, "painting.png", "-o", "out", "--processes", "1") == 0
    made = [Path(line).name for line in capsys.readouterr().out.splitlines()]
    assert sorted(made) == ["a-painting-instant.png", "photo-painting-instant.png"]


def test_one_broken_photograph_does_not_stop_the_others(
    make_picture: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    make_picture("photos/a.png", 40, 32)
    Path("photos/broken.png").write_bytes(b"no picture")
    assert instant("photos", "painting.png", "-o", "out", "--json", "--processes", "1") == 2
    out, err = capsys.readouterr()
    assert json.loads(out)["output"] == str(Path("out/a-painting-instant.png"))
    assert "broken.png" in err and "1 photograph of 2 could not be painted" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["photo.png"], "there is one picture, 'photo.png', and it takes two"),
        (["nowhere.png", "painting.png"], "'nowhere.png'"),
        (["photo.png", "nowhere.png"], "'nowhere.png'"),
        (["photo.png", "painting.png", "--strength", "2"], "--strength is 2"),
        (["photo.png", "painting.png", "--painter", "photo.png"], "cannot be read as weights"),
        (["photo.png", "painting.png", "--painter", "nowhere"], "nowhere"),
        (["photo.png", "painting.png", "--size", "8"], "--size is 8"),
        (["photo.png", "painting.png", "painting.png", "--protect", "photo.png"],
         "--protect is laid over one photograph, and there are 2"),
        (["photo.png", "painting.png", "painting.png", "--processes", "0"], "--processes is 0"),
    ],
)  # fmt: skip
def test_mistakes_are_told_in_one_sentence(
    told: Callable[[Callable[[], int], str], None], arguments: list[str], message: str
) -> None:
    told(lambda: instant(*arguments), message)


def test_photographs_of_one_name_are_not_painted_over_each_other(
    make_picture: Callable[..., Path], told: Callable[[Callable[[], int], str], None]
) -> None:
    for folder in ("one", "two"):
        make_picture(f"{folder}/a.png", 40, 32)
    told(lambda: instant("one", "two", "painting.png", "-o", "out"), "would both become")
    assert instant("one", "two", "painting.png") == 0  # unnamed, each takes a name of its own
    assert len(list(Path().glob("a-painting-instant*.png"))) == 2


def test_as_many_are_painted_at_once_as_there_are() -> None:
    assert processes_for([None, None], wished=5) == 2  # type: ignore[list-item]
    assert processes_for([None], None) == 1  # type: ignore[list-item]
    assert list(do_all([], 1)) == []
    assert Done(0, None).problem is None


def test_no_optimizer_is_forecast(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("gramarye.cli.running.is_long", lambda _: True)
    assert main(["instant", "photo.png", "painting.png", "--runtime", "torch"]) == 0
    assert "forecast" not in capsys.readouterr().err
