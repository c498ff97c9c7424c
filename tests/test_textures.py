"""Textures: a style's statistics without a content, in proportion, and without a seam."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

import gramarye
from gramarye.config import make_config
from gramarye.errors import GramaryeError, InputError, SettingsError
from gramarye.inputs.inputs import Input, Inputs
from gramarye.inputs.sizes import at_scale, least_longest
from gramarye.networks.features import PerceptualNetwork
from gramarye.objective import Objective
from gramarye.plan import Plan, make_plan
from gramarye.recipe import Recipe
from gramarye.samples import sample_path
from gramarye.scoring.measures import jumps, seam
from gramarye.special_configs import make_texture_config
from gramarye.stylize import make_objective, steps, stylize_steps
from tests.whole_image import STYLE_LAYERS

CPU = torch.device("cpu")
PICTURE = torch.full((1, 3, 64, 64), 0.5)
DEEP = {"relu1_1": 1.0, "relu3_1": 1.0, "relu2_1/2": 1.0}  # of strides 1, 4 and 4


@pytest.fixture(scope="module")
def network() -> PerceptualNetwork:
    return gramarye.load_network("vgg19-lite")


def objective(
    network: PerceptualNetwork, size: tuple[int, int] = (32, 48), **settings: Any
) -> Objective:
    """That of a texture of this size (height, width), in float64."""
    config = make_texture_config(*size[::-1], style_layers=DEEP, precision="float32", **settings)
    style = torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(1)).double()
    canvas = torch.full((1, 3, *size), 0.5, dtype=torch.float64)
    return make_objective(network.double(), {"content": canvas, "style/0": style}, config)


def noise(height: int = 32, width: int = 48) -> Tensor:
    return torch.rand(1, 3, height, width, dtype=torch.float64)


# the law of the tileable


LOSSES = ("covariance", "gram", "wasserstein", "swd", "histogram", "nearest")


@pytest.mark.parametrize("loss", LOSSES)
def test_a_tileable_texture_rolled_has_the_same_loss_and_a_rolled_gradient(
    network: PerceptualNetwork, loss: str
) -> None:
    image, by = noise(), (12, 20)  # multiples of the deepest stride
    made = objective(network, tileable=True, style_loss=loss, tv_weight=1.0)
    found, expected = made.evaluate(image.roll(by, (-2, -1))), made.evaluate(image)
    for name, value in expected.losses.items():
        assert_close(found.losses[name], value, rtol=1e-9, atol=0)
    gradient = expected.gradient.roll(by, (-2, -1))
    assert_close(found.gradient, gradient, rtol=1e-6, atol=1e-9 * float(gradient.abs().max()))


def test_any_other_texture_rolled_has_another_loss(network: PerceptualNetwork) -> None:
    image, made = noise(), objective(network, tv_weight=1.0)
    found, expected = (made.evaluate(x).losses for x in (image.roll(12, -1), image))
    for name, value in expected.items():
        if name != "range":  # which looks at one pixel at a time
            assert abs(float(found[name] / value) - 1) > 1e-6, name


def test_the_style_of_a_tileable_texture_is_seen_with_its_own_border(
    network: PerceptualNetwork,
) -> None:
    """Else the style's right side would meet its left one, which it was not painted for."""
    image = noise(40, 40)
    plain, around = (objective(network, (40, 40), tileable=t) for t in (False, True))
    for term, wrapped in zip(plain.terms, around.terms, strict=True):
        if term.name.startswith("style/"):
            assert_close(term.loss.target.second, wrapped.loss.target.second)  # type: ignore[attr-defined]
    assert float(plain.evaluate(image).total) != float(around.evaluate(image).total)


def test_a_tileable_texture_has_no_seam_where_it_was_joined() -> None:
    settings = {"steps": 20, "finer_steps": 10, "device": "cpu", "precision": "float32"}
    pictures = [
        gramarye.texture(
            sample_path("mosaic"), 128, 128, tileable=t, min_size=64, **settings
        ).pixels
        for t in (True, False)
    ]
    seamless, cut = (picture.roll((64, 64), (-2, -1)) for picture in pictures)
    ordinary = torch.cat(jumps(seamless)).median()
    assert seam(seamless, row=64, column=64) < 1.3 * float(ordinary)
    assert seam(cut, row=64, column=64) > 1.6 * float(ordinary)


def test_a_tileable_texture_is_never_divided(network: PerceptualNetwork) -> None:
    config = make_texture_config(512, 512, tileable=True, style_layers=STYLE_LAYERS)
    style = {"style/0": (512, 512)}
    plan = make_plan(config, network.float(), style, CPU, memory=1 << 30)
    assert all(len(budget.tiles.tiles) == 1 for budget in plan.budgets)
    with pytest.raises(SettingsError, match="as a tileable texture cannot be taken in tiles"):
        make_plan(config, network, style, CPU, memory=60 << 20)
    made = objective(network, tileable=True)
    made.memory = 1
    assert len(made.plan(32, 48).tiles) == 1
    assert not made.shrink(made.plan(32, 48), 32, 48)


def test_any_other_is_the_same_in_tiles(network: PerceptualNetwork) -> None:
    image, made = noise(128, 96), objective(network, (128, 96))
    expected = made.evaluate(image)
    made.memory = 1
    made.plans.clear()
    assert len(made.plan(128, 96).tiles) > 4
    found = made.evaluate(image)
    assert_close(found.total, expected.total, rtol=1e-9, atol=0)
    assert_close(found.gradient, expected.gradient, rtol=1e-7, atol=1e-15)


# what a texture is


def plan_of(network: PerceptualNetwork, width: int, style: int, **settings: Any) -> Plan:
    config = make_texture_config(width, width, **settings)
    return make_plan(config, network.float(), {"style/0": (style, style)}, CPU, memory=1 << 34)


def test_the_first_loss_of_a_texture_is_in_units_of_a_plain_canvas(
    network: PerceptualNetwork,
) -> None:
    """Of the style's mean color: from there the way is 1."""
    style = gramarye.load_image(sample_path("mosaic"))[..., :64, :64].double()
    config = make_texture_config(
        64, 64, steps=1, optimizer="gradient-descent", learning_rate=1e-12, init="gray",
        style_layers=STYLE_LAYERS, style_weight=1.0, color="free", precision="float32",
    )  # fmt: skip
    inputs = Inputs({"style/0": Input.of(style)})
    canvas = inputs.load("content").pixels
    assert canvas.shape == (1, 3, 1, 1) and canvas.dtype == torch.float64
    plan = make_plan(config, network.double(), inputs.sizes, CPU)
    (iterate,) = steps(plan, inputs, network)
    assert sum(iterate.losses.values()) == pytest.approx(1.0, rel=1e-5)


def test_the_canvas_takes_the_styles_mean_color() -> None:
    style = gramarye.load_image(sample_path("impasto"))
    config = make_texture_config(64, 64)
    canvas = Inputs({"style/0": Input.of(style)}).colored(config.picture)["content"].pixels
    assert_close(canvas, style.mean(dim=(-2, -1), keepdim=True), rtol=0, atol=1e-4)


def test_a_texture_comes_nearer_to_its_style_than_the_noise_it_begins_with(
    network: PerceptualNetwork,
) -> None:
    picture = gramarye.texture(
        sample_path("ink"), 64, 48, min_size=64, steps=15, style_layers=STYLE_LAYERS, device="cpu"
    )
    assert (picture.width, picture.height) == (64, 48)
    recipe = Recipe.from_json(picture.recipe or "")
    assert list(recipe.inputs) == ["style/0"] and recipe.settings.picture.aspect == (64, 48)
    style = gramarye.load_image(sample_path("ink"))
    seen = torch.nn.functional.interpolate(style, size=(53, 64), mode="area")
    made = make_objective(
        network.float(),
        {"content": torch.full((1, 3, 48, 64), 0.5), "style/0": seen},
        recipe.settings,
    )
    start = torch.rand(1, 3, 48, 64)
    assert float(made.evaluate(picture.pixels).total) < 0.1 * float(made.evaluate(start).total)


def test_style_and_texture_keep_their_proportion_at_all_scales(network: PerceptualNetwork) -> None:
    plan = plan_of(network, 1024, 256, min_size=128)
    shown = [(s.scale.width, at_scale(plan.sizes, s.scale.size, plan.config.picture)["style/0"][1])
             for s in plan.scales]  # fmt: skip
    assert shown == [(512, 128), (1024, 256)]
    assert [s.scale.width for s in plan_of(network, 512, 2048).scales] == [128, 256, 512]
    halved = plan_of(network, 512, 2048, style_scale=0.5)
    assert [s.scale.width for s in halved.scales] == [256, 512]
    assert at_scale(halved.sizes, (256, 256), halved.config.picture)["style/0"] == (128, 128)


def test_a_stylization_is_as_it_was() -> None:
    picture = make_config(size=1024).picture
    sizes = {"content": (9, 9), "style/0": (256, 200)}
    assert at_scale(sizes, (512, 512), picture)["style/0"] == (256, 200)
    assert least_longest(sizes, picture, 128) == 0


def test_scales_of_a_tileable_texture_are_whole_squares(network: PerceptualNetwork) -> None:
    config = make_texture_config(480, 320, tileable=True)
    plan = make_plan(config, network.float(), {"style/0": (480, 480)}, CPU, memory=1 << 34)
    assert [s.scale.size for s in plan.scales] == [(96, 128), (160, 256), (320, 480)]


def test_every_preset_makes_a_texture() -> None:
    for name in gramarye.preset_names():
        config = make_texture_config(64, 32, name)
        assert not config.value("content_weight") and config.value("init") != "content"
        assert (config.value("size"), config.value("aspect")) == (64, (64, 32))
        assert config.preset == name
    assert make_texture_config(64, 32, "draft").value("steps") == 40


# what it cannot be


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"content_weight": 1.0}, "there is no content: name one, or give what needs it a weight"),
        ({"detail_weight": 1.0}, "there is no content"),
        ({"self_similarity_weight": 1.0}, "there is no content"),
        ({"color": "content"}, "color content takes colors from the content, and a texture has"),
        ({"color": "luminance"}, "color luminance takes"),
        ({"init": "content"}, "init content is for pictures with a content"),
        ({"tileable": True, "style_loss": "mrf"}, "the style loss mrf compares neighbors"),
        ({"tileable": True, "width": 72}, "multiples of 32, as 64 x 64"),
        ({"inputs": {"content-mask": PICTURE}}, "content-mask is laid over the content"),
        ({"inputs": {"content": PICTURE}}, "aspect is for pictures without a content"),
        ({"aspect": (1, 0)}, "aspect has 0 in it: give a whole number from 1"),
        ({"aspect": (1, 2, 3)}, "give a list of whole numbers from 1 to 65536, 2 of them"),
    ],
)
def test_what_makes_no_sense_is_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(GramaryeError, match=message):
        gramarye.texture(sample_path("ink"), **{"width": 64, "device": "cpu", **settings})


def test_a_stylization_takes_neither_aspect_nor_tileable() -> None:
    with pytest.raises(InputError, match="tileable is for textures"):
        gramarye.stylize(PICTURE, PICTURE, size=64, tileable=True)
    with pytest.raises(InputError, match="aspect is for pictures without a content"):
        next(stylize_steps(PICTURE, PICTURE, make_config(aspect=(1, 1), init="noise")))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((PICTURE, "48", 32), "width is of type str: give a whole number of pixels"),
        ((PICTURE, 48, "32"), "height is of type str"),
        (([], 48), "there is neither a content nor a style: name the pictures"),
    ],
)
def test_what_is_no_size_and_no_style_is_one_sentence(
    arguments: tuple[Any, ...], told: str
) -> None:
    with pytest.raises(InputError, match=f"^{told}"):
        gramarye.texture(*arguments)
