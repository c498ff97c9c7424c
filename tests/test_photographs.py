"""`gramarye.photoreal`: a photograph in the light of another, from Python."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import gramarye
from gramarye.errors import SettingsError
from gramarye.pictures.color import is_gray
from gramarye.plan import check_shared, run_needs
from gramarye.samples import sample_path
from gramarye.special_configs import make_photoreal_config

FAST: dict[str, Any] = {
    "map_size": 64,
    "min_size": 32,
    "steps": 4,
    "finer_steps": 3,
    "device": "cpu",
}


def sample(name: str, width: int = 96, height: int = 64) -> Tensor:
    return F.interpolate(gramarye.load_image(sample_path(name)), size=(height, width), mode="area")


CONTENT, REFERENCE = sample("canal"), sample("landscape")


def last_of(content: Tensor = CONTENT, **settings: Any) -> gramarye.Iterate:
    config = make_photoreal_config("map", (96, 64), **{**FAST, **settings})
    *_, last = gramarye.stylize_steps(content, REFERENCE, config)
    return last


@pytest.mark.parametrize("kind", ["grid", "lut"])
def test_the_result_is_the_content_through_the_map_at_its_own_size(kind: str) -> None:
    last = last_of(map=kind)
    assert last.map is not None and last.image.shape[-2:] == (43, 64)
    picture = gramarye.photoreal(CONTENT, REFERENCE, map=kind, **FAST).pixels
    assert torch.allclose(picture, last.map.of(CONTENT).clamp(0, 1), atol=1e-6)
    assert (picture - CONTENT).abs().mean() > 0.02


def test_the_way_is_downhill() -> None:
    config = make_photoreal_config(
        "map", (96, 64), **{**FAST, "steps": 20, "coarse_to_fine": False}
    )
    totals = [sum(i.losses.values()) for i in gramarye.stylize_steps(CONTENT, REFERENCE, config)]
    assert totals[-1] < 0.9 * totals[0]


def test_content_as_its_own_reference_comes_back() -> None:
    picture = gramarye.photoreal(CONTENT, CONTENT, **FAST).pixels
    assert (picture - CONTENT).abs().max() < 1e-3


def test_a_larger_content_takes_the_same_map() -> None:
    large = F.interpolate(CONTENT, scale_factor=2, mode="bilinear").clamp(0, 1)
    small, found = (gramarye.photoreal(x, REFERENCE, **FAST).pixels for x in (CONTENT, large))
    assert found.shape[-2:] == (128, 192)
    assert (F.avg_pool2d(found, 2) - small).abs().mean() < 0.02


def test_a_gray_reference_makes_a_gray_picture() -> None:
    gray = REFERENCE.mean(1, keepdim=True).expand(-1, 3, -1, -1)
    assert is_gray(gramarye.photoreal(CONTENT, gray, **FAST).pixels)


def test_what_is_protected_stays() -> None:
    mask = torch.zeros(1, 3, 64, 96)
    mask[..., :48] = 1
    picture = gramarye.photoreal(CONTENT, REFERENCE, inputs={"protect": mask}, **FAST).pixels
    assert torch.equal(picture[..., :48], CONTENT[..., :48])
    assert (picture[..., 48:] - CONTENT[..., 48:]).abs().mean() > 0.02


def test_regions_are_moved_each_to_its_own() -> None:
    """Left to the darker half of the reference, right to the lighter: the grid goes two ways."""
    halves = torch.zeros(1, 3, 64, 96)
    halves[..., 48:] = 1
    reference = torch.cat([0.3 * REFERENCE[..., :48], 0.5 + 0.5 * REFERENCE[..., 48:]], 3)
    inputs = {"content-regions": halves, "style-regions/0": halves}
    settings = {**FAST, "map_size": 48, "coarse_to_fine": False, "steps": 15}
    with_regions = gramarye.photoreal(CONTENT, reference, inputs=inputs, **settings).pixels
    without = gramarye.photoreal(CONTENT, reference, **settings).pixels

    def contrast(x: Tensor) -> float:
        return float(x[..., 48:].mean() - x[..., :48].mean())

    assert contrast(with_regions) > contrast(without) + 0.1


def test_matting_keeps_the_contents_edges_and_stylize_does_not() -> None:
    settings = {"size": 64, "min_size": 64, "steps": 10, "device": "cpu"}
    photograph = gramarye.photoreal(CONTENT, REFERENCE, "matting", **settings)
    painting = gramarye.stylize(CONTENT, REFERENCE, **settings)
    found = [gramarye.score(CONTENT, REFERENCE, x.pixels) for x in (photograph, painting)]
    edges = [score.edges for score in found]
    assert edges[0] is not None and edges[1] is not None and edges[0] > edges[1] + 0.02


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"optimizer": "adam"}, "a color map is moved by L-BFGS without line search"),
        ({"line_search": "strong-wolfe"}, "a color map is moved by L-BFGS without line search"),
        ({"init": "noise"}, "a color map begins with the content's own colors"),
        ({"map": "grids"}, "did you mean 'grid'?"),
        ({"mode": "mapp"}, "unknown mode 'mapp': there are map, matting; did you mean 'map'?"),
        ({"map_cells": 1}, "map_cells is 1"),
    ],
)
def test_mistakes_are_told(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=r"^[^\n]*$") as told:
        gramarye.photoreal(CONTENT, REFERENCE, **settings)
    assert message in str(told.value)


def test_textures_have_no_map() -> None:
    with pytest.raises(gramarye.GramaryeError, match="a texture has none"):
        gramarye.texture(REFERENCE, 64, map="grid")
    with pytest.raises(gramarye.GramaryeError, match="finish guided"):
        gramarye.texture(REFERENCE, 64, finish="guided")


def test_several_processes_are_refused() -> None:
    config = make_photoreal_config("map", (96, 64), **FAST)
    with pytest.raises(SettingsError, match="a color map is found in one process"):
        check_shared(config, run_needs(config))
    matting = make_photoreal_config("matting", (96, 64))
    check_shared(matting, run_needs(matting))
