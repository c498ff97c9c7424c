"""`gramarye texture`, from a file to a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from gramarye.cli import main
from gramarye.pictures.picture import load_picture
from gramarye.recipe import Recipe
from tests.stopping import stop_after

pytestmark = pytest.mark.usefixtures("in_the_folder")

FAST = ["--min-size", "32", "--steps", "3", "--finer-steps", "3"]


@pytest.fixture
def run(tiny_weights: Path, painting: Path) -> Callable[..., int]:
    """`gramarye texture painting.png` with the tiny network and further options."""

    def run(*options: str) -> int:
        return main(["texture", "painting.png", "--weights", str(tiny_weights), *FAST, *options])

    return run


def test_the_result_has_the_size_asked_for_and_is_named_after_the_style(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--size", "80x48") == 0
    out, err = capsys.readouterr()
    assert out == "painting-texture.png\n" and "80 x 48 pixels" in err and "content" not in err
    picture = load_picture("painting-texture.png")
    assert (picture.width, picture.height) == (80, 48)
    recipe = Recipe.of_picture("painting-texture.png")
    assert list(recipe.inputs) == ["style/0"] and recipe.settings.preset == "texture"


def test_one_number_is_a_square(run: Callable[..., int]) -> None:
    assert run("--size", "48", "-q", "-o", "square.png") == 0
    picture = load_picture("square.png")
    assert (picture.width, picture.height) == (48, 48)


def test_redo_makes_the_same_texture_and_another_size(
    run: Callable[..., int], tiny_weights: Path, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--size", "64x32", "--tileable", "-q", "-o", "a.png") == 0
    weights = ["--weights", str(tiny_weights), "-q"]
    assert main(["redo", "a.png", *weights, "-o", "b.png"]) == 0
    assert torch.equal(load_picture("a.png").pixels, load_picture("b.png").pixels)
    assert main(["redo", "a.png", *weights, "--size", "128", "-o", "c.png"]) == 0
    assert load_picture("c.png").pixels.shape[-2:] == (64, 128)
    assert main(["redo", "a.png", *weights, "--size", "96x64", "-o", "e.png"]) == 0
    assert load_picture("e.png").pixels.shape[-2:] == (64, 96)
    assert main(["redo", "a.png", *weights, "--content", "photo.png", "-o", "d.png"]) == 2
    assert "is a texture, which has no content: leave out --content" in capsys.readouterr().err


def test_a_texture_that_was_stopped_goes_on_to_the_same_picture(
    run: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("--size", "64", "--tileable", "-q", "-o", "whole.png") == 0
    with monkeypatch.context() as patch:
        stop_after(patch, 4)
        assert run("--size", "64", "--tileable", "-q", "-o", "part.png") == 130
    assert main(["resume", "part.png.checkpoint", "-q"]) == 0
    assert torch.equal(load_picture("whole.png").pixels, load_picture("part.png").pixels)


def test_several_styles_have_weights(run: Callable[..., int], photo: Path) -> None:
    assert run("photo.png:3", "--size", "32", "-q", "-o", "mixed.png") == 0
    assert Recipe.of_picture("mixed.png").settings.value("style_weights") == (1.0, 3.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--size", "0"], "--size is '0': give WIDTHxHEIGHT, such as 768x512, each from 16"),
        (["--size", "64x"], "--size is '64x': give WIDTHxHEIGHT"),
        (["--size", "64", "--content-weight", "1"], "there is no content"),
        (["--size", "64", "--color", "content"], "a texture has none: choose style or free"),
        (["--size", "100", "--tileable"], "multiples of 32, as 96 x 96"),
        (["--size", "64", "--aspect", "1,2"], "unknown option '--aspect'"),
        (["--size", "64", "--content-mask", "m.png"], "unknown option '--content-mask'"),
        (["--size", "64", "--preset", "textur"], "did you mean 'texture'?"),
    ],
)
def test_mistakes_are_told_in_one_sentence(
    run: Callable[..., int],
    told: Callable[[Callable[[], int], str], None],
    options: list[str],
    message: str,
) -> None:
    told(lambda: run(*options), message)


def test_stylize_takes_none_of_it(
    photo: Path, painting: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stylize", "photo.png", "painting.png", "--tileable"]) == 2
    assert "tileable is for textures" in capsys.readouterr().err
    assert main(["stylize", "photo.png", "painting.png", "--aspect", "3,2"]) == 2
    assert "aspect is for pictures without a content" in capsys.readouterr().err


def test_the_help_names_the_preset_it_starts_from(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["texture", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "the others start from [texture]" in text and "[512x512]" in text
