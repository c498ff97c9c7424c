"""The examples run, at small sizes, and do what they say."""

import json
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
import torch
from torch.testing import assert_close

from gramarye import cli
from gramarye.losses.terms import TERMS
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.registry import load_network
from gramarye.objective import Objective, Term
from gramarye.pictures.picture import load_image, load_picture, save_picture
from gramarye.recipe import Recipe
from gramarye.samples import sample_path
from gramarye.scales.resizing import resize
from tests.whole_image import WHOLE

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("pictures")
    paths = folder / "photo.png", folder / "painting.png"
    for path, sample in zip(paths, ("fox", "mosaic"), strict=True):
        small = load_picture(sample_path(sample)).to_pil().resize((72, 80))
        save_picture(load_picture(small), path)
    return str(paths[0]), str(paths[1])


@pytest.fixture(autouse=True)
def same_terms() -> Iterator[None]:
    """What an example registers is gone after its test."""
    with patch.dict(TERMS):
        yield


def names_in(example: str) -> dict[str, Any]:
    return runpy.run_path(str(EXAMPLES / f"{example}.py"))


def example(name: str) -> Callable[..., None]:
    main: Callable[..., None] = names_in(name)["main"]
    return main


def test_every_example_is_listed_and_tested() -> None:
    names = {path.stem for path in EXAMPLES.glob("*.py")}
    listed = (EXAMPLES / "README.md").read_text("utf-8")
    assert names == {"strengths", "time_limit", "poster", "own_loss"}
    assert all(f"`{name}.py`" in listed for name in names)


def test_strengths(pair: tuple[str, str], tmp_path: Path) -> None:
    out = tmp_path / "row.png"
    example("strengths")(*pair, str(out), size=64, steps=20, **WHOLE)
    row = load_image(out)
    assert row.shape == (1, 3, 64, 5 * 58)
    network = load_network("vgg19-lite", layers=["relu4_2"])
    content = resize(load_image(pair[0]), 64, 58)
    with torch.no_grad():
        wanted, *found = (network(x, ["relu4_2"])["relu4_2"] for x in (content, *row.split(58, 3)))
    distances = [(x - wanted).square().mean().item() for x in found]
    assert distances[0] < distances[2] < distances[4]  # ever more style, ever less content
    assert distances[4] > 1.3 * distances[0]


def test_a_time_limit_ends_the_run(
    pair: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.png"
    example("time_limit")(*pair, str(out), "0", size=64)
    assert "scale 1 of 1, step 1," in capsys.readouterr().out
    assert out.exists()


def test_a_poster_is_as_large_as_the_time_lets(
    pair: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "poster.tif"
    example("poster")(*pair, str(out), "600", "4GiB", sizes=(48, 64))
    assert load_image(out).shape[-2:] == (64, 58)
    assert len(capsys.readouterr().out.splitlines()) == 2
    with pytest.raises(SystemExit):
        example("poster")(*pair, str(out), "0", "4GiB", sizes=(48,))


def test_a_loss_of_ones_own_is_heeded(pair: tuple[str, str], tmp_path: Path) -> None:
    out = tmp_path / "out.png"
    example("own_loss")(*pair, str(out), "0.9", "0.6", "0.3", size=64, steps=60)
    mean = load_image(out).mean((0, 2, 3))
    # Without it, the mean is at a distance of 0.41, in the middle of the style's own colors.
    assert (mean - torch.tensor([0.9, 0.6, 0.3])).norm() < 0.3
    recipe = Recipe.of_picture(out)
    assert recipe.settings.value("mean_color") == (0.9, 0.6, 0.3)


def test_a_loss_of_ones_own_has_options(
    pair: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    example("own_loss")
    options = ["--size", "48", "--steps", "1", "--mean-color", "0.9,0.6,0.3", "--json", "--quiet"]
    options += ["--mean-color-weight", "1000", "-o", str(tmp_path / "out.png")]
    assert cli.main(["stylize", *pair, *options]) == 0
    assert json.loads(capsys.readouterr().out)["losses"]["mean-color"] > 0


def test_a_loss_of_ones_own_is_the_same_in_tiles(tiny_network: PerceptualNetwork) -> None:
    loss = names_in("own_loss")["MeanColor"]((0.9, 0.6, 0.3))
    image = torch.rand(2, 3, 40, 48, requires_grad=True)
    objective = Objective(tiny_network, [Term("mean-color", 2.0, loss)], memory=20_000)
    assert len(objective.plan(40, 48).tiles) > 1
    (whole,) = objective.losses(image).values()
    means = image.detach().mean((2, 3))
    assert_close(whole, 2 * (means - torch.tensor([0.9, 0.6, 0.3])).square().sum(1))
    (gradient,) = torch.autograd.grad(whole.sum(), image)
    tiled = objective.evaluate(image)
    assert_close(tiled.total, whole, check_dtype=False)
    assert_close(tiled.gradient, gradient)
