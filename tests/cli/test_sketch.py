"""`gramarye sketch`, from a file to a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from gramarye.cli import main
from gramarye.jobs.running import JobRun
from gramarye.pictures.picture import Picture, load_picture
from gramarye.recipe import Recipe
from tests.drawings.drawn import house, on_paper

FAST = ["--min-size", "32", "--steps", "3", "--finer-steps", "3", "--content-layers", "relu2_1"]
FAST += ["--style-layers", "relu1_1,relu2_1", "--size", "64"]
FINISH = ["--canvas", "0.5", "--film-grain", "0.5", "--contrast", "0.3", "--denoise", "0.2"]


@pytest.fixture(autouse=True)
def drawing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Picture.from_tensor(on_paper(house(), paper=0.9)).save("drawing.png")


@pytest.fixture
def run(tiny_weights: Path, painting: Path) -> Callable[..., int]:
    """`gramarye sketch drawing.png painting.png` with the tiny network and further options."""

    def run(*options: str) -> int:
        pictures = ["drawing.png", "painting.png", "--weights", str(tiny_weights)]
        return main(["sketch", *pictures, *FAST, *options])

    return run


def test_the_result_is_named_after_both_and_carries_its_recipe(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--paper") == 0
    assert capsys.readouterr().out == "drawing-painting-sketch.png\n"
    recipe = Recipe.of_picture("drawing-painting-sketch.png")
    assert list(recipe.inputs) == ["content", "style/0"] and recipe.settings.preset == "sketch"
    assert recipe.settings.picture.drawing and recipe.settings.picture.paper
    pixels = load_picture("drawing-painting-sketch.png").pixels
    assert (pixels[..., :12, :] == 1).all() and pixels[0, 0][house()[0, 0] > 0].max() < 0.05


def test_redo_makes_the_same_file_and_a_larger_one(
    run: Callable[..., int], tiny_weights: Path
) -> None:
    assert run("-q", "-o", "a.png", *FINISH) == 0
    again = ["redo", "a.png", "--weights", str(tiny_weights), "-q"]
    assert main([*again, "-o", "b.png"]) == 0
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()
    assert main([*again, "--size", "96", "-o", "c.png"]) == 0
    assert load_picture("c.png").pixels.shape[-2:] == (96, 96)


def test_a_sketch_that_was_stopped_goes_on_to_the_same_picture(
    run: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("-q", "-o", "whole.png", *FINISH) == 0
    counted = JobRun.counted

    def stopped(self: JobRun, iterates: object) -> object:
        for iterate in counted(self, iterates):  # type: ignore[arg-type]
            if self.count == 5:
                self.stop()
            yield iterate

    monkeypatch.setattr(JobRun, "counted", stopped)
    assert run("-q", "-o", "part.png", *FINISH) == 130
    monkeypatch.setattr(JobRun, "counted", counted)
    assert main(["resume", "part.png.checkpoint", "-q"]) == 0
    assert torch.equal(load_picture("whole.png").pixels, load_picture("part.png").pixels)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--color", "luminance"], "a line drawing has none: choose style or free"),
        (["--gaps", "-1"], "--gaps is -1.0: give a number from 0 to 10"),
        (["--area-colors", "0"], "--area-colors is 0: give a whole number from 1 to 64"),
        (["--tileable"], "unknown option '--tileable'"),
        (["--content-regions", "a.png"], "unknown option '--content-regions'"),
        (["--contrast", "2"], "--contrast is 2.0: give a number from -1 to 1"),
        (["--canvas", "much"], "--canvas is 'much': give a number from 0 to 1"),
        (["--preset", "skech"], "did you mean 'sketch'?"),
    ],
)
def test_mistakes_are_told_in_one_sentence(
    run: Callable[..., int],
    told: Callable[[Callable[[], int], str], None],
    options: list[str],
    message: str,
) -> None:
    told(lambda: run(*options), message)


def test_stylize_has_no_paper_to_leave_white(
    photo: Path, painting: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stylize", "photo.png", "painting.png", "--paper"]) == 2
    assert "paper is what a line drawing is on" in capsys.readouterr().err


def test_a_missing_style_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sketch", "drawing.png"]) == 2
    assert "STYLE... is missing" in capsys.readouterr().err


def test_the_help_names_the_preset_it_starts_from(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sketch", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "the others start from [sketch]" in text and "DRAWING" in text
    assert "--drawing" not in text and "--film-grain" in text
