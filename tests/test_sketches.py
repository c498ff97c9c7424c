"""Line drawings in color, by the main path."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

import gramarye
from gramarye.config import make_config
from gramarye.distributed.bands import whole
from gramarye.drawings.coloring import drawn_size, lifted
from gramarye.errors import GramaryeError, ImageError, SettingsError
from gramarye.inputs.inputs import Input, Inputs
from gramarye.inputs.protection import lines_protected
from gramarye.losses.terms import needs_of
from gramarye.memory.budget import budget_scale
from gramarye.networks.features import PerceptualNetwork
from gramarye.pictures.color import grayed
from gramarye.pictures.oklab import to_oklab
from gramarye.pictures.picture import Picture
from gramarye.pictures.settings import PictureSettings
from gramarye.plan import make_plan
from gramarye.special_configs import make_sketch_config
from gramarye.stylize import make_objective
from gramarye.tiles.plan import choose_tiles
from tests.drawings.drawn import halves, house, on_paper

CPU = torch.device("cpu")
DRAWN = PictureSettings(drawing=True, size=64, area_colors=2)
LAYERS: dict[str, Any] = {"content_layers": {"relu2_1": 1}, "style_layers": {"relu1_1": 1}}
SMALL: dict[str, Any] = {"size": 64, "min_size": 32, "steps": 3, "finer_steps": 3, **LAYERS}
STYLE = halves((0.4, 0.5, 0.9), (0.9, 0.8, 0.2)) + 0.04 * (
    torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) - 0.5
)
FLAT = torch.ones(1, 3, 64, 64)


def sketched(drawing: Any, weights: Path, **settings: Any) -> Tensor:
    return gramarye.sketch(drawing, STYLE, weights=str(weights), **{**SMALL, **settings}).pixels


def seen(settings: PictureSettings = DRAWN, **more: Tensor) -> dict[str, Tensor]:
    pictures = {"content": on_paper(house()), "style/0": STYLE} | more
    inputs = Inputs({name.replace("_", "-"): Input.of(p) for name, p in pictures.items()})
    return inputs.at(whole(64, 64).bands, (0, 64), settings, CPU)


def test_lines_are_dark_and_areas_are_not(tiny_weights: Path) -> None:
    found = sketched(on_paper(house()), tiny_weights)
    line = house().bool()[0, 0]
    assert float(found[..., line].max()) < 0.05
    assert float(found[..., ~line].mean(0).amin(0).mean()) > 0.15
    colors = {tuple(found[0, :, y - 4 : y + 4, 24:40].mean((1, 2)).tolist()) for y in (8, 24, 40)}
    assert len(colors) == 3


def test_the_content_are_areas_in_the_colors_of_the_style() -> None:
    content = seen()["content"]
    outside, inside = (content[0, :, y, 32] for y in (8, 24))
    assert_close(outside, torch.tensor([0.4, 0.5, 0.9]), atol=0.06, rtol=0)
    assert_close(inside, torch.tensor([0.9, 0.8, 0.2]), atol=0.06, rtol=0)
    assert not content[..., house().bool()[0, 0]].any()


def test_what_is_under_lines_is_in_no_loss(tiny_network: PerceptualNetwork) -> None:
    found = seen()
    ink = house()
    assert not found["content-mask"][ink > 0].any() and (found["content-mask"][ink == 0] == 1).all()
    assert torch.equal(found["protect"], 1 - found["content-alpha"])


def test_masses_are_regions_of_drawing_and_style(tiny_network: PerceptualNetwork) -> None:
    found = seen()
    of_content, of_style = found["content-regions"], found["style-regions/0"]
    assert of_content.shape == of_style.shape == (1, 2, 64, 64)
    assert_close(of_content.sum(1), torch.ones(1, 64, 64), atol=1e-4, rtol=0)
    assert of_content[0, 0, 8, 8] == 1 and of_style[0, 0, :, :38].min() == 1
    objective = make_objective(tiny_network, found, make_sketch_config(**SMALL))
    assert objective.evaluate(torch.rand(1, 3, 64, 64)).total > 0


def test_paper_stays_white_around_the_drawing_and_not_in_it(tiny_weights: Path) -> None:
    found = sketched(on_paper(house(), paper=0.9), tiny_weights, paper=True)
    assert (found[..., :14, :] == 1).all() and (found[..., 52:] == 1).all()
    assert float(found[..., 20:30, 20:44].mean((2, 3)).amin()) < 0.9
    assert float(found[..., house().bool()[0, 0]].max()) < 0.05


@pytest.mark.parametrize("dark", [0.0, 0.6])
def test_a_drawing_on_nothing_is_opaque_afterwards(dark: float, tiny_weights: Path) -> None:
    flat = torch.full((1, 3, 64, 64), dark)
    made = gramarye.sketch(
        Picture(flat, house()), STYLE, weights=str(tiny_weights), **{**SMALL, "steps": 1}
    )
    assert made.alpha is None
    assert torch.equal(made.pixels[0, 0] < 0.2, house()[0, 0] > 0)


def test_a_gray_style_makes_a_gray_picture(tiny_weights: Path) -> None:
    made = gramarye.sketch(
        on_paper(house()), grayed(STYLE), weights=str(tiny_weights), **{**SMALL, "steps": 1}
    )
    assert torch.equal(made.pixels.amax(1), made.pixels.amin(1))


def test_what_is_protected_stays_the_drawing(tiny_weights: Path) -> None:
    mask = torch.zeros(1, 3, 64, 64)
    mask[..., 32:] = 1
    found = sketched(on_paper(house()), tiny_weights, inputs={"protect": mask})
    assert_close(found[..., 34:], on_paper(house())[..., 34:], atol=0.03, rtol=0)
    assert found[..., :14, :28].mean() < 0.9


def test_lines_are_protected_by_hand() -> None:
    # A half-covered pixel of black ink; one that is white paper; one of neither, half protected.
    kept = torch.tensor([0.0, 1.0, 0.0]).expand(1, 3, 1, 3)
    lines = torch.tensor([0.5, 1.0, 0.0]).view(1, 1, 1, 3)
    image = torch.full((1, 3, 1, 3), 0.6)
    shown = lines_protected(kept, lines, None).shown(image)
    assert_close(shown[0, 1, 0], torch.tensor([0.3, 1.0, 0.6]))
    shown = lines_protected(kept, lines, torch.full((1, 1, 1, 3), 0.5)).shown(image)
    assert_close(shown[0, 1, 0], torch.tensor([0.4, 1.0, 0.8]))


def test_a_dark_style_is_lifted_and_a_light_one_is_as_it_is() -> None:
    light = torch.full((1, 3, 8, 8), 0.7)
    assert lifted(light) is light
    dark = torch.linspace(0, 0.3, 64).view(1, 1, 8, 8).expand(1, 3, 8, 8)
    found = to_oklab(lifted(dark))[0, 0].flatten()
    assert float(found.median()) == pytest.approx(0.58, abs=0.01)
    assert (found.diff() > 0).all() and found[0] < 0.05
    assert_close(lifted(dark).amax(1), lifted(dark).amin(1), atol=1e-4, rtol=0)  # gray stays gray


@pytest.mark.parametrize("rows", [(0, 20), (17, 64)])
def test_some_rows_are_those_of_the_whole(rows: tuple[int, int]) -> None:
    pictures = {"content": on_paper(house(96)), "style/0": STYLE}
    inputs = Inputs({name: Input.of(p) for name, p in pictures.items()})
    bands = whole(64, 64).bands
    all_rows, some = (inputs.at(bands, r, DRAWN, CPU) for r in ((0, 64), rows))
    for name in ("content", "protect", "own-content", "content-mask", "content-regions"):
        assert_close(some[name], all_rows[name][..., rows[0] : rows[1], :], atol=1e-6, rtol=0)
    assert torch.equal(some["style-mask/0"], all_rows["style-mask/0"])


def test_dark_places_of_a_style_count_for_nothing() -> None:
    style = STYLE.clone()
    style[..., 20:30, :] = 0.02
    mask = seen(**{"style/0": style})["style-mask/0"]
    assert not mask[..., 22:28, :].any() and (mask[..., 40:, :] == 1).all()


def test_tiles_give_the_same_losses(tiny_network: PerceptualNetwork) -> None:
    config = make_sketch_config(**SMALL, precision="float32")
    found = seen()
    layers = needs_of(config.terms).all_layers
    rest = budget_scale(
        tiny_network, (64, 64), (0, 64), needs_of(config.terms), config.optimizer, "float32", None
    )
    tiles = choose_tiles(tiny_network, layers, 64, 64, 60_000, "float32", (0, 64))
    assert len(tiles.tiles) > 1
    losses = [
        make_objective(tiny_network, found, config, budget)
        .evaluate(torch.rand(1, 3, 64, 64, generator=seeded()))
        .total
        for budget in (rest, replace(rest, tiles=tiles))
    ]
    assert_close(*losses, rtol=1e-5, atol=0)


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(1)


def test_a_plan_counts_what_a_drawing_takes(tiny_network: PerceptualNetwork) -> None:
    sizes = {"content": (64, 64), "style/0": (64, 64)}
    wants = []
    for drawing in (False, True):
        config = make_config(**SMALL, drawing=drawing)
        with pytest.raises(SettingsError) as told:
            make_plan(config, tiny_network, sizes, CPU, memory=64 * 64 * 100)
        wants.append(re.search(r"of which the pictures take ([\d.]+) KiB", str(told.value)))
    assert wants[0] is None and wants[1] is not None
    assert float(wants[1][1]) * 1024 >= 64 * 64 * 28


@pytest.mark.parametrize(("size", "held"), [(64, 1024), (1200, 1200), (2000, 1600)])
def test_a_drawing_is_held_as_large_as_its_areas_or_the_result_need(size: int, held: int) -> None:
    assert drawn_size(1600, 800, size) == (held, held // 2)
    assert drawn_size(300, 200, size) == (300, 200)


@pytest.mark.parametrize(
    ("settings", "inputs", "message"),
    [
        ({"color": "content"}, {}, "a line drawing has none: choose style or free"),
        ({}, {"content-regions": FLAT, "style-regions/0": FLAT}, "has areas of its own"),
        ({"aspect": (1, 1)}, {}, "aspect is for pictures without a content"),
        ({"area_colors": 0}, {}, "area_colors is 0: give a whole number from 1 to 64"),
        ({"gaps": 50}, {}, "gaps is 50: give a number from 0 to 10"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(
    settings: dict[str, Any], inputs: dict[str, Tensor], message: str, tiny_weights: Path
) -> None:
    with pytest.raises(GramaryeError, match=message):
        sketched(on_paper(house()), tiny_weights, inputs=inputs, **settings)


@pytest.mark.parametrize(("light", "paper"), [(0.0, False), (1.0, True)])
def test_a_drawing_without_anything_to_color_is_told(
    light: float, paper: bool, tiny_weights: Path
) -> None:
    with pytest.raises(ImageError, match="the drawing leaves nothing to color"):
        sketched(torch.full((1, 3, 64, 64), light), tiny_weights, paper=paper)


def test_paper_and_drawings_are_of_sketches(tiny_weights: Path) -> None:
    with pytest.raises(GramaryeError, match="paper is what a line drawing is on"):
        gramarye.stylize(STYLE, STYLE, paper=True, size=64)
    for settings, message in (({"drawing": True}, "drawing is for"), ({"denoise": 1}, "denoise")):
        with pytest.raises(GramaryeError, match=message):
            gramarye.texture(STYLE, 64, weights=str(tiny_weights), **settings)
