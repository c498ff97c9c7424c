"""`gramarye photoreal`, from files to a file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from gramarye.cli import main
from gramarye.jobs.running import JobRun
from gramarye.pictures.picture import load_picture
from gramarye.recipe import Recipe

pytestmark = pytest.mark.usefixtures("in_the_folder")

FAST = ["--min-size", "32", "--steps", "3", "--finer-steps", "3"]
SMALL = ["--map-size", "64"]


@pytest.fixture
def run(tiny_weights: Path, photo: Path, painting: Path) -> Callable[..., int]:
    """`gramarye photoreal photo.png painting.png` with the tiny network and further options."""

    def run(*options: str) -> int:
        names = ["photoreal", "photo.png", "painting.png", "--weights", str(tiny_weights)]
        return main([*names, *FAST, *options])

    return run


def pixels(name: str) -> torch.Tensor:
    return load_picture(name).pixels


def test_the_result_has_the_contents_size_and_is_named_after_both(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*SMALL) == 0
    assert capsys.readouterr().out == "photo-painting-photoreal.png\n"
    content, result = load_picture("photo.png"), load_picture("photo-painting-photoreal.png")
    assert (result.width, result.height) == (content.width, content.height)
    recipe = Recipe.of_picture("photo-painting-photoreal.png")
    assert recipe.settings.preset == "photoreal" and recipe.settings.map.kind == "grid"


def test_redo_makes_the_same_and_another_size(run: Callable[..., int], tiny_weights: Path) -> None:
    assert run(*SMALL, "--map", "lut", "-q", "-o", "a.png") == 0
    weights = ["--weights", str(tiny_weights), "-q"]
    assert main(["redo", "a.png", *weights, "-o", "b.png"]) == 0
    assert torch.equal(pixels("a.png"), pixels("b.png"))
    assert main(["redo", "a.png", *weights, "--size", "100", "-o", "c.png"]) == 0
    assert max(pixels("c.png").shape) == 100


@pytest.mark.parametrize(
    "options", [[*SMALL], [*SMALL, "--map", "lut"], ["--mode", "matting", "--size", "64"]]
)
def test_a_run_that_was_stopped_leaves_its_picture_and_goes_on_to_the_same(
    run: Callable[..., int], monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    assert run(*options, "-q", "-o", "whole.png") == 0
    counted = JobRun.counted

    def stopped(self: JobRun, iterates: object) -> object:
        for iterate in counted(self, iterates):  # type: ignore[arg-type]
            if self.count == 2:
                self.stop()
            yield iterate

    monkeypatch.setattr(JobRun, "counted", stopped)
    more = [] if "matting" in options else ["--cube", "part.cube"]
    assert run(*options, *more, "-q", "-o", "part.png") == 130
    if more:  # the content through the map so far, at its full size
        assert pixels("part.png").shape == pixels("whole.png").shape
        Path("part.cube").unlink()
    monkeypatch.setattr(JobRun, "counted", counted)
    assert main(["resume", "part.png.checkpoint", "-q"]) == 0
    assert torch.equal(pixels("whole.png"), pixels("part.png"))
    assert Path("part.cube").is_file() == bool(more)


def test_a_cube_is_written_and_a_grids_says_what_is_lost(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*SMALL, "--map", "lut", "--cube", "a.cube") == 0
    assert "the color map is in 'a.cube'" in capsys.readouterr().err
    lines = Path("a.cube").read_text().splitlines()
    assert lines[1] == "LUT_3D_SIZE 17" and len(lines) == 4 + 17**3
    assert run(*SMALL, "--cube", "b.cube", "-o", "b.png") == 0
    err = capsys.readouterr().err
    assert "one table for the whole picture" in err and "--map lut" in err
    assert Path("b.cube").read_text().count("\n") == 4 + 33**3


def test_a_cube_does_to_the_content_what_the_run_did(run: Callable[..., int]) -> None:
    from tests.mapping.test_cubes import look_up, read_cube

    assert run(*SMALL, "--map", "lut", "--cube", "a.cube", "--bit-depth", "16", "-o", "a.png") == 0
    table = read_cube(Path("a.cube").read_text())
    content, result = pixels("photo.png"), pixels("a.png")
    for y, x in ((3, 5), (20, 31), (30, 11)):
        red, green, blue = content[0, :, y, x].tolist()
        found = torch.from_numpy(look_up(table, (red, green, blue))).float()
        inside = (result[0, :, y, x] > 0.02) & (result[0, :, y, x] < 0.98)
        assert ((found - result[0, :, y, x]).abs() * inside).max() < 2e-3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--mode", "mat"], "--mode is 'mat': give map or matting"),
        (
            ["--mode", "matting", "--cube", "a.cube"],
            "--cube writes a color map, and this run moves",
        ),
        (["--cube", "a.png"], "'a.png' is no name of a color table: let it end in .cube"),
        (["--cube", "painting.png"], "is no name of a color table"),
        (["--optimizer", "adam"], "a color map is moved by L-BFGS"),
        (["--preset", "draft"], "unknown option '--preset'"),
        (["--tileable"], "unknown option '--tileable'"),
        (["--map-cells", "1"], "--map-cells is 1"),
        (["--content-regions", "photo.png"], "there are no style-regions"),
    ],
)
def test_mistakes_are_told_in_one_sentence(
    run: Callable[..., int],
    told: Callable[[Callable[[], int], str], None],
    options: list[str],
    message: str,
) -> None:
    told(lambda: run(*options), message)


def test_a_content_that_is_missing_is_told(
    painting: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["photoreal", "none.png", "painting.png"]) == 2
    assert "there is no file 'none.png'" in capsys.readouterr().err


def test_the_help_says_the_defaults_of_the_modes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["photoreal", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "map: the content's; matting: 512" in text and "[grid]" in text
