"""The plan of a run: which layers take part at which scale."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

import gramarye
from gramarye.config import make_config
from gramarye.errors import SettingsError
from gramarye.losses.terms import needs_of, without_layers
from gramarye.networks.registry import load_network
from gramarye.plan import Plan, make_plan
from gramarye.stylize import stylize_steps

LAYERS = {"relu1_1": 4.0, "relu3_1": 1.0, "relu4_1/4": 1.0}


def planned(
    content: tuple[int, int], style: tuple[int, int] = (400, 400), **settings: object
) -> Plan:
    config = make_config(**settings)
    sizes = {"content": content, "style/0": style}
    return make_plan(config, load_network("vgg19-lite"), sizes, torch.device("cpu"))


def test_large_forms_join_at_the_scales_that_have_room_for_them() -> None:
    plan = planned((300, 200), size=240, min_size=60, style_layers=LAYERS)
    shorter = [min(scale.scale.size) for scale in plan.scales]
    seen = ["relu4_1/4" in needs_of(scale.config.terms).all_layers for scale in plan.scales]
    assert shorter == [40, 80, 160] and seen == [False, True, True]
    assert plan.config.value("style_layers") == LAYERS
    for scale in plan.scales:
        assert {"relu1_1", "relu3_1"} <= needs_of(scale.config.terms).all_layers


def test_a_small_style_has_no_room_either() -> None:
    plan = planned((300, 300), (300, 60), size=300, min_size=300, style_layers=LAYERS)
    assert "relu4_1/4" not in needs_of(plan.scales[-1].config.terms).all_layers


def test_a_term_with_no_other_layer_is_refused_where_there_is_no_room() -> None:
    with pytest.raises(SettingsError, match="needs at least 64 of both sides for the layers"):
        planned((300, 200), size=60, style_layers={"relu4_1/4": 1.0})


def picture(height: int, width: int, seed: int) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed))


def test_what_there_is_no_room_for_changes_nothing() -> None:
    content, style = picture(48, 56, 1), picture(60, 60, 2)
    results = []
    for layers in (LAYERS, {k: w for k, w in LAYERS.items() if "/" not in k}):
        config = make_config(size=56, steps=3, style_layers=layers)
        *_, last = stylize_steps(content, [style], config)
        results.append(last)
    assert torch.equal(results[0].image, results[1].image)
    assert results[0].losses.keys() == results[1].losses.keys()


def test_where_there_is_room_they_pull() -> None:
    content, style = picture(80, 96, 1), picture(90, 90, 2)
    config = make_config(size=96, min_size=96, steps=3, style_layers=LAYERS)
    *_, last = stylize_steps(content, [style], config)
    assert last.losses["style/relu4_1/4"] > 0


def test_what_was_asked_for_and_has_no_room_is_noted() -> None:
    content, style = picture(48, 56, 1), picture(60, 60, 2)
    settings = {"size": 56, "steps": 1}
    for layers, told in (({**LAYERS, "relu4_1/8": 1.0}, True), (LAYERS, False)):
        made = gramarye.stylize(content, style, style_layers=layers, **settings)
        found = [note for note in made.notes if "no room for relu4_1/8" in note]
        assert bool(found) == told


def test_a_kind_without_weights_of_layers_keeps_what_it_reads() -> None:
    settings = make_config(style_layers=LAYERS, content_layers={"relu4_2/2": 1.0}).terms
    rest = without_layers(settings, {"relu4_1/4", "relu4_2/2"})
    assert rest["style"].layers["relu4_1/4"] == 0  # type: ignore[attr-defined]
    assert rest["content"] is settings["content"]  # it has no other layer
    assert rest["tv"] is settings["tv"]
