"""Styles as they are typed: a folder is one style, made of its pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gramarye.cli import main
from gramarye.cli.styles import pictures_of, style_names, weighted_styles
from gramarye.errors import InputError
from gramarye.recipe import Recipe


@pytest.fixture
def folder(make_picture: Callable[..., Path], in_the_folder: Path) -> Path:
    for seed, name in enumerate(("b.png", "a.JPG", "c.tif", ".hidden.png", "sub/d.png")):
        make_picture(f"art/{name}", seed=seed)
    Path("art/notes.txt").write_text("not a picture")
    return Path("art")


def test_a_folder_is_its_pictures_by_name(folder: Path) -> None:
    names = [folder / name for name in ("a.JPG", "b.png", "c.tif")]
    assert pictures_of(folder) == names
    assert pictures_of(Path("x.png")) == [Path("x.png")]
    assert weighted_styles([folder]) == (names, ())


def test_a_folder_counts_as_much_as_a_picture(folder: Path) -> None:
    paths, weights = weighted_styles([folder, Path("x.png")])
    assert len(paths) == 4 and weights == pytest.approx((1 / 3, 1 / 3, 1 / 3, 1))
    _, weights = weighted_styles([Path("x.png:2"), Path("art:6")])
    assert weights == pytest.approx((2, 2, 2, 2))


def test_a_folder_has_one_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert style_names([Path("art:2"), Path("x.png")]) == [folder, Path("x.png")]
    inside = folder.absolute() / "sub"
    monkeypatch.chdir(inside)
    assert style_names([Path(), Path(".."), Path("../..")]) == [
        inside, inside.parent, inside.parent.parent,
    ]  # fmt: skip


def test_a_folder_without_pictures_is_refused(folder: Path) -> None:
    Path("empty").mkdir()
    with pytest.raises(InputError, match="'empty' is a folder, and no file in it is a picture"):
        weighted_styles([Path("empty")])


def test_a_folder_that_counts_nothing_is_named(
    folder: Path, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stylize", "photo.png", "art:0"]) == 2
    assert "as in 'art:2'" in capsys.readouterr().err


def test_a_picture_in_the_style_of_a_folder_and_again(
    folder: Path, photo: Path, tiny_weights: Path
) -> None:
    few = ["--weights", str(tiny_weights), "-q"]
    assert main(["stylize", "photo.png", "art", "--size", "48", "--steps", "2", *few]) == 0
    recipe = Recipe.of_picture("photo-art.png")
    styles = [recipe.inputs[f"style/{number}"].name for number in range(3)]
    assert styles == ["a.JPG", "b.png", "c.tif"]
    for given in (map(str, pictures_of(folder)), ["art"]):
        assert main(["redo", "photo-art.png", "--style", *given, *few, "-o", "again.png"]) == 0
        assert Path("again.png").read_bytes() == Path("photo-art.png").read_bytes()


def test_styles_given_to_redo_may_have_other_weights(
    folder: Path, photo: Path, tiny_weights: Path
) -> None:
    few = ["--weights", str(tiny_weights), "-q"]
    styles = ["art/b.png", "art/a.JPG:3"]
    assert main(["stylize", "photo.png", *styles, "--size", "48", "--steps", "2", *few]) == 0
    redo = ["redo", "photo-b-a.png", *few, "-o", "again.png", "--style"]
    for given, expected in ((["art/b.png", "art/a.JPG"], (1, 3)), (styles[:0:-1] * 2, (3, 3))):
        assert main([*redo, *given]) == 0
        assert Recipe.of_picture("again.png").settings.value("style_weights") == expected


def test_a_broken_file_in_a_folder_is_named_with_it(
    in_the_folder: Path, photo: Path, told: Callable[[Callable[[], int], str], None]
) -> None:
    Path("works").mkdir()
    Path("works/a.jpg").write_bytes(b"no picture")
    told(lambda: main(["stylize", "photo.png", "works"]), "'works/a.jpg' holds text, not a picture")
