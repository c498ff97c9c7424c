"""`gramarye forecast --of`: what other commands than `stylize` will take."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gramarye.cli import main

pytestmark = pytest.mark.usefixtures("in_the_folder")

FAST = ["--min-size", "32", "--steps", "3", "--finer-steps", "3", "--content-layers", "relu2_1"]
FAST += ["--style-layers", "relu1_1,relu2_1"]


@pytest.fixture
def forecast(tiny_weights: Path, photo: Path, painting: Path) -> Callable[..., int]:
    def run(*options: str) -> int:
        return main(["forecast", *options, "--weights", str(tiny_weights), *FAST])

    return run


@pytest.mark.parametrize(
    "options",
    [
        ("photo.png", "painting.png", "--of", "sketch", "--size", "64"),
        ("photo.png", "painting.png", "--of", "photoreal"),
        ("photo.png", "painting.png", "--of", "photoreal", "--mode", "matting", "--size", "64"),
    ],
)
def test_each_command_has_a_forecast(
    forecast: Callable[..., int], capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    assert forecast(*options, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["scales"] and found["memory_mib"] > 0


def test_of_a_texture_all_pictures_are_styles(
    forecast: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--of", "texture", "--size", "96x48", "--json"]
    assert main(["forecast", "painting.png", *options, "--steps", "3"]) == 0
    scale = json.loads(capsys.readouterr().out)["scales"][-1]
    assert (scale["width"], scale["height"]) == (96, 48)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("photo.png",), "no style was given"),
        (("photo.png", "painting.png", "--mode", "matting"), "--mode is of --of photoreal"),
        (("painting.png", "--of", "texture", "--size", "9x"), "WIDTHxHEIGHT"),
        (("photo.png", "painting.png", "--of", "blend"), "blend"),
        (
            ("photo.png", "painting.png", "--of", "photoreal", "--preset", "fast"),
            "leave out --preset",
        ),
    ],
)
def test_mistakes_are_told_in_one_sentence(
    forecast: Callable[..., int],
    told: Callable[[Callable[[], int], str], None],
    options: tuple[str, ...],
    message: str,
) -> None:
    told(lambda: forecast(*options), message)
