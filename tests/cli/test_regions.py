"""Regions and masks from the command line: painted, made again, and refused in one sentence."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gramarye.cli import main
from gramarye.inputs.kinds import INPUTS
from gramarye.pictures.picture import load_image
from gramarye.recipe import Recipe
from tests.stopping import stop_after

FAST = ["--size", "48", "--min-size", "32", "--steps", "2", "--finer-steps", "2", "-q"]


def labels(name: str, width: int, height: int, *colors: tuple[int, int, int]) -> None:
    pixels = np.zeros((height, width, 3), np.uint8)
    for i, color in enumerate(colors):
        pixels[:, i * width // len(colors) :] = color
    Image.fromarray(pixels).save(name)


@pytest.fixture
def stylize(
    photo: Path, painting: Path, tiny_weights: Path, in_the_folder: Path
) -> Callable[..., int]:
    shutil.copy(tiny_weights, "tiny.safetensors")
    labels("content-labels.png", 48, 36, (255, 0, 0), (0, 0, 255))
    labels("style-labels.png", 72, 88, (0, 0, 255), (255, 0, 0), (0, 255, 0))

    def run(*options: str) -> int:
        pictures = [photo.name, painting.name, "--weights", "tiny.safetensors"]
        return main(["stylize", *pictures, *FAST, *options])

    return run


REGIONS = ["--content-regions", "content-labels.png", "--style-regions", "style-labels.png"]


def test_regions_are_painted_and_made_again(
    stylize: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert stylize("-o", "plain.png") == 0
    assert stylize(*REGIONS, "-o", "a.png") == 0
    assert not torch.equal(load_image("a.png"), load_image("plain.png"))
    inputs = Recipe.of_picture("a.png").inputs
    assert inputs["content-regions"].name == "content-labels.png"
    assert inputs["style-regions/0"].name == "style-labels.png"
    capsys.readouterr()
    assert main(["redo", "a.png", "-q", "-o", "b.png"]) == 0
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()
    assert stylize(*REGIONS, "--mask-mode", "inside", "-o", "c.png") == 0
    assert not torch.equal(load_image("a.png"), load_image("c.png"))


def test_a_run_with_every_further_input_has_a_forecast(stylize: Callable[..., int]) -> None:
    """Which a long run begins with."""
    labels("mask.png", 48, 36, (255, 255, 255), (0, 0, 0))
    labels("style-mask.png", 36, 44, (255, 255, 255), (0, 0, 0))
    options = [*REGIONS, "--style-mask", "style-mask.png"]
    for name in ("content-mask", "protect", "strength-map"):
        options += [f"--{name}", "mask.png"]
    options += ["--warped", "photo.png", "--warped-weights", "mask.png", "--temporal-weight", "9"]
    given = {kind.name for kind in INPUTS.values() if kind.option and not kind.setting}
    assert {f"--{name}" for name in given} <= set(options)
    assert main(["forecast", "photo.png", "painting.png", *FAST[:-1], *options]) == 0


def test_what_regions_leave_out_is_told(
    stylize: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    labels("content-labels.png", 48, 36, (255, 0, 0), (9, 9, 9))
    assert stylize(*REGIONS, "-o", "a.png") == 0
    error = capsys.readouterr().err
    assert "no style has a region #090909 (50.0%) of content-regions" in error
    assert "#0000ff, #00ff00 of style-regions/0 is nowhere in content-regions" in error


def test_what_is_protected_is_made_again_too(stylize: Callable[..., int]) -> None:
    labels("mask.png", 48, 36, (255, 255, 255), (0, 0, 0))
    assert stylize("--protect", "mask.png", *REGIONS, "-o", "a.png") == 0
    left = [load_image(name)[..., :20] for name in ("a.png", "photo.png")]
    assert torch.equal(*left)
    assert not torch.equal(load_image("a.png")[..., 30:], load_image("photo.png")[..., 30:])
    assert main(["redo", "a.png", "-q", "-o", "b.png"]) == 0
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()


def test_a_strength_map_is_made_again_too(stylize: Callable[..., int]) -> None:
    labels("map.png", 48, 36, (0, 0, 0), (128, 128, 128), (255, 255, 255))
    assert stylize("--color", "free", "-o", "plain.png") == 0
    assert stylize("--color", "free", "--strength-map", "map.png", "-o", "a.png") == 0
    photo, plain, mapped = (load_image(n) for n in ("photo.png", "plain.png", "a.png"))
    assert (mapped - photo)[..., :12].abs().mean() < 0.5 * (plain - photo)[..., :12].abs().mean()
    assert main(["redo", "a.png", "-q", "-o", "b.png"]) == 0
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()


@pytest.mark.parametrize("step", [1, 3])
def test_a_run_that_was_stopped_goes_on_as_it_would_have(
    stylize: Callable[..., int], step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels("mask.png", 48, 36, (0, 0, 0), (200, 200, 200))
    options = [*REGIONS, "--protect", "mask.png", "--strength-map", "content-labels.png"]
    options += ["--steps", "5"]
    assert stylize(*options, "-o", "whole.png") == 0
    with monkeypatch.context() as patch:
        stop_after(patch, step)
        assert stylize(*options, "-o", "out.png") == 130
    assert main(["resume", "out.png.checkpoint", "-q"]) == 0
    assert torch.equal(load_image("out.png"), load_image("whole.png"))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (REGIONS[:2], "there are no style-regions"),
        (REGIONS[2:], "there are no content-regions"),
        ([*REGIONS, *REGIONS[2:]], "2 pictures of style-regions for 1 style"),
        (["--content-regions", "photo.png", *REGIONS[2:]], "content-regions is no label picture"),
        (
            [*REGIONS[:2], "--style-regions", "gray.png"],
            "no region of the content has a counterpart",
        ),
        (
            ["--content-regions", "style-labels.png", *REGIONS[2:]],
            "give a label picture of the same",
        ),
        ([*REGIONS, "--mask-mode", "outside"], "inside"),
        (["--protect", "white.png"], "protect is white everywhere"),
        (["--protect", "gray.png"], "give a mask of the same shape"),
    ],
)
def test_what_cannot_be_is_one_sentence(
    options: list[str],
    told: str,
    stylize: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    labels("gray.png", 36, 44, (90, 90, 90))
    labels("white.png", 48, 36, (255, 255, 255))
    capsys.readouterr()
    assert stylize(*options, "-o", "a.png") == 2
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1
    assert not Path("a.png").exists()
