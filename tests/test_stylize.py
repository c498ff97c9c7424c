"""The main path at 48 pixels: scales, determinism, colors, the library call."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

import gramarye
from gramarye.config import all_settings, load_preset, make_config, preset_names
from gramarye.distributed.bands import whole
from gramarye.errors import ImageError, InputError, LayerError, SettingsError
from gramarye.finishing import finish, in_range
from gramarye.inputs.coloring import match_colors
from gramarye.inputs.inputs import Input, Inputs
from gramarye.jobs.job import Job
from gramarye.jobs.opening import open_job
from gramarye.losses.style import StyleSettings
from gramarye.networks.features import PerceptualNetwork
from gramarye.pictures.color import grayed, luminance, mean_and_covariance
from gramarye.pictures.picture import Picture, load_picture, read_recipe
from gramarye.recipe import Recipe
from gramarye.scales import rows as rows_module
from gramarye.stylize import make_objective, stylize_steps
from tests.whole_image import WHOLE

FAST: dict[str, Any] = {"size": 48, "min_size": 32, "steps": 4, "finer_steps": 3}


def picture(seed: int, height: int = 40, width: int = 48) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    small = torch.rand(1, 3, 8, 8, generator=generator)
    return torch.nn.functional.interpolate(small, size=(height, width), mode="bilinear")


def run(network: PerceptualNetwork, **settings: Any) -> list[gramarye.Iterate]:
    config = make_config(**{**FAST, **settings})
    return list(stylize_steps(picture(1), [picture(2)], config, network=network))


def test_iterates_count_scales_and_steps(tiny_network: PerceptualNetwork) -> None:
    iterates = run(tiny_network)
    assert [(i.scale, i.step) for i in iterates] == [(0, s) for s in range(1, 5)] + [
        (1, s) for s in range(1, 4)
    ]
    assert {(i.scales, i.image.shape[-1]) for i in iterates[4:]} == {(2, 48)}


def test_the_loss_falls(tiny_network: PerceptualNetwork) -> None:
    totals = [sum(i.losses.values()) for i in run(tiny_network, steps=10, min_size=48)]
    assert totals[-1] < 0.8 * totals[0]


def test_one_seed_is_one_picture(tiny_network: PerceptualNetwork) -> None:
    once, again, other = (
        run(tiny_network, init="noise", seed=seed)[-1].image for seed in (5, 5, 6)
    )
    assert torch.equal(once, again)
    assert not torch.equal(once, other)


def test_two_equal_styles_are_one(tiny_network: PerceptualNetwork) -> None:
    config = make_config(**FAST)
    seen = {"content": picture(1), "style/0": picture(2)}
    one = make_objective(tiny_network, seen, config).evaluate(picture(3))
    both = seen | {"style/1": picture(2)}
    two = make_objective(tiny_network, both, config).evaluate(picture(3))
    assert_close(one.gradient, two.gradient)


def test_the_content_takes_the_styles_colors_first() -> None:
    content, styles = match_colors(picture(1), [picture(2)], make_config(color="style").picture)
    mean, covariance = mean_and_covariance(content)
    wanted_mean, wanted_covariance = mean_and_covariance(picture(2))
    assert_close(mean, wanted_mean, atol=0.03, rtol=0)  # clamping to [0, 1] moves it a little
    assert_close(covariance, wanted_covariance, atol=0.02, rtol=0)
    assert torch.equal(styles[0], picture(2))


def test_kept_colors_are_the_contents() -> None:
    config = make_config(color="content")
    content = picture(1)
    inputs = Inputs({"content": Input.of(content)})
    result = finish(content * 0.5, inputs, config)
    # Nothing but luminance may differ: chroma is what is left after taking luminance away.
    chroma, expected = result - luminance(result), content - luminance(content)
    inside = ((result > 0) & (result < 1)).all(dim=1, keepdim=True).expand_as(result)
    assert_close(chroma[inside], expected[inside], atol=1e-5, rtol=1e-4)


def test_the_result_is_clamped() -> None:
    image = torch.tensor([-0.5, 0.5, 1.5]).view(1, 3, 1, 1)
    inputs = Inputs({"content": Input.of(image)})
    assert_close(
        finish(image, inputs, make_config()), torch.tensor([0.0, 0.5, 1.0]).view(1, 3, 1, 1)
    )


def test_the_library_call_makes_a_picture_with_its_recipe(
    photo: Path, painting: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    result = gramarye.stylize(photo, str(painting), weights=str(tiny_weights), **FAST)
    assert (result.width, result.height) == (48, 36)
    assert result._repr_png_().startswith(b"\x89PNG")
    saved = result.save(tmp_path / "out.png")
    text = read_recipe(saved.path)
    assert text is not None
    recipe = Recipe.from_json(text)
    assert recipe.inputs["content"].name == "photo.png"
    assert recipe.settings.scales.steps == 4
    assert np.asarray(load_picture(saved.path).to_pil()).shape == (36, 48, 3)


def test_the_library_takes_arrays_and_several_styles(tiny_weights: Path) -> None:
    content = (picture(1)[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)
    result = gramarye.stylize(content, [picture(2), picture(3)], weights=str(tiny_weights), **FAST)
    assert result.pixels.shape == (1, 3, 40, 48)


def test_the_result_has_the_size_asked_for_where_the_last_scale_has_no_steps(
    tiny_weights: Path,
) -> None:
    settings = {**FAST, "finer_steps": 0, "weights": str(tiny_weights)}
    assert gramarye.stylize(picture(1), picture(2), **settings).width == 48


def test_a_wrong_layer_is_named(tiny_network: PerceptualNetwork) -> None:
    with pytest.raises(LayerError, match="did you mean 'relu4_"):
        run(tiny_network, style_layers={"relu4_9": 1.0, "relu4_1": 1.0})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sise": 3}, "unknown setting 'sise'; did you mean 'size'"),
        ({"size": 3}, "size is 3: give a whole number from 16 to 65536"),
        (
            {"style_layers": {"relu1_1": -1.0}},
            "style_layers has -1.0 at relu1_1: give a number",
        ),
        ({"preset": "gatys2105"}, "unknown preset 'gatys2105'.*did you mean 'gatys2015'"),
        ({"content_layers": {}, "style_layers": {}}, "nothing pulls at the picture"),
    ],
)
def test_wrong_settings_are_refused_with_a_sentence(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        make_config(**settings)


@pytest.mark.parametrize("number", [float("inf"), float("nan")])
@pytest.mark.parametrize("setting", ["clip", "style_weight", "learning_rate"])
def test_a_number_that_is_not_finite_is_refused(setting: str, number: float) -> None:
    # JSON has no such number: a picture made with one would carry a recipe that cannot be read.
    with pytest.raises(SettingsError, match=f"{setting} is {number}: give a finite number"):
        make_config(**{setting: number})


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_is_a_config(name: str) -> None:
    assert make_config(name).preset == name
    found = load_preset(name)
    assert set(found) <= set(all_settings())
    assert all(make_config(name).value(option) == value for option, value in found.items())


def test_gatys2016_is_the_papers() -> None:
    config = make_config("gatys2016")
    weights = config.value("content_weight") / config.value("style_weight")
    assert weights == pytest.approx(1e-3)
    assert set(config.value("style_layers").values()) == {0.2}
    assert [config.value(name) for name in ("init", "pooling", "color")] == ["noise", "avg", "free"]
    assert (config.value("style_loss"), config.value("content_loss")) == ("gram-paper", "sum")


def test_gatys_code_weights_are_1000_over_channels_squared() -> None:
    config = make_config("gatys-code")
    channels = (64, 128, 256, 512, 512)
    style = config.terms["style"]
    assert isinstance(style, StyleSettings)
    assert list(style.parts()["gram"].values()) == pytest.approx([1e3 / c**2 for c in channels])


def test_another_network_brings_its_own_layers() -> None:
    config = make_config(network="alexnet")
    layers = list(config.value("style_layers"))
    assert layers == ["relu1", "relu2", "relu3", "relu4", "relu5"]
    assert config.value("content_layers") == {"relu3": 1.0}
    chosen = make_config(network="alexnet", style_layers={"relu2": 1.0})
    assert chosen.value("style_layers") == {"relu2": 1.0}


def test_a_wrong_layer_is_no_config() -> None:
    with pytest.raises(LayerError, match="relu9_1"):
        make_config(network="vgg19", style_layers={"relu9_1": 1.0})


def test_a_last_scale_too_large_for_the_budget_is_told_before_the_first_step() -> None:
    content, style = (torch.rand(1, 3, 60, 80) for _ in range(2))
    config = make_config(size=4000, memory="600MiB")
    with pytest.raises(SettingsError, match=r"4000 x 3000 pixels take at least .* of memory"):
        next(stylize_steps(content, [style], config))


# transparency


def half_hidden(seed: int, hidden: tuple[float, float, float] = (0, 1, 0)) -> Picture:
    """A picture of 96 by 96 pixels whose right half is transparent, and what is hidden there."""
    pixels, alpha = picture(seed, 96, 96), torch.zeros(1, 1, 96, 96)
    alpha[..., :48] = 1.0
    return Picture(torch.where(alpha > 0, pixels, torch.tensor(hidden).view(1, 3, 1, 1)), alpha)


def visible(style: Picture) -> Tensor:
    return style.pixels[..., :48]


def test_a_half_transparent_style_paints_as_its_visible_half(tiny_weights: Path) -> None:
    settings = {**FAST, "weights": str(tiny_weights), "style_scale": 2, "steps": 2, **WHOLE}
    style = half_hidden(2)
    hidden, half, green = (
        gramarye.stylize(picture(1), source, **settings).pixels
        for source in (style, visible(style), style.pixels)
    )
    # The border, where one goes on and the other ends, is all that differs.
    assert (hidden - half).abs().mean() < 5 / 255 < 50 / 255 < (green - half).abs().mean()
    assert_close(hidden.mean((2, 3)), half.mean((2, 3)), rtol=0, atol=0.5 / 255)


def test_the_losses_of_a_half_transparent_style_are_those_of_its_visible_half(
    tiny_network: PerceptualNetwork,
) -> None:
    config, bands = make_config(color="free", size=96, style_weight=1, **WHOLE), whole(80, 96).bands
    losses, style = [], half_hidden(2)
    for source in (style, visible(style), style.pixels):
        inputs = Inputs({"content": Input.of(picture(1)), "style/0": Input.of(source)})
        seen = inputs.at(bands, (0, 80), config.picture, torch.device("cpu"))
        losses.append(
            make_objective(tiny_network, seen, config).evaluate(picture(3, 80, 96)).losses
        )
    hidden, half, green = (float(found["style/relu1_1"]) for found in losses)
    assert hidden == pytest.approx(half, rel=0.05)  # the half's border is reflected
    assert green < half / 5  # in the unit of what is to be gone, which is far to green


@pytest.mark.parametrize("color", ["style", "content", "free"])
def test_hidden_colors_of_content_and_style_change_no_bit(tiny_weights: Path, color: str) -> None:
    settings = {**FAST, "weights": str(tiny_weights), "color": color, "scale_factor": 1.5}
    one, other = (
        gramarye.stylize(half_hidden(1, hidden), half_hidden(2, hidden), **settings)
        for hidden in ((0, 1, 0), (1, 0, 1))
    )
    assert torch.equal(one.pixels, other.pixels)
    assert one.alpha is not None


def test_an_array_that_is_opaque_everywhere_is_as_one_without_alpha(tiny_weights: Path) -> None:
    plain = (picture(1)[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)
    opaque = np.dstack([plain, np.full(plain.shape[:2], 255, np.uint8)])
    settings = {**FAST, "weights": str(tiny_weights)}
    one, other = (gramarye.stylize(source, picture(2), **settings) for source in (plain, opaque))
    assert torch.equal(one.pixels, other.pixels)


def test_transparent_places_do_not_pull(tiny_network: PerceptualNetwork) -> None:
    alpha = torch.zeros(1, 1, 40, 48)
    alpha[..., :16] = 1.0
    seen = {"content": picture(1), "style/0": picture(2)}
    seen |= {"content-alpha": alpha, "content-mask": alpha}
    config = make_config(**FAST, style_layers={"relu1_1": 1}, content_layers={"relu1_2": 1})
    image = picture(3)
    gradient = make_objective(tiny_network, seen, config).evaluate(image).gradient
    assert gradient[..., :16].abs().max() > 0
    assert not gradient[..., 18:].any()  # two layers of 3 x 3 see two pixels far


@pytest.mark.parametrize("name", ["content", "style/0"])
def test_an_entirely_transparent_picture_is_named(tiny_weights: Path, name: str) -> None:
    sources = {"content": Picture(picture(1)), "style/0": Picture(picture(2))}
    sources[name] = replace(sources[name], alpha=torch.zeros(1, 1, 40, 48))
    with pytest.raises(ImageError, match=f"^{name} is entirely transparent"):
        gramarye.stylize(sources["content"], sources["style/0"], weights=str(tiny_weights), **FAST)


def test_a_large_picture_brings_its_alpha_each_time_it_is_read(
    tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {"content": tmp_path / "c.png", "style/0": tmp_path / "s.png"}
    for seed, path in enumerate(files.values()):
        half_hidden(seed).save(path)
    config = make_config(**FAST, weights=str(tiny_weights), scale_factor=1.5)
    results = []
    for large in (10_000, 0):
        monkeypatch.setattr("gramarye.jobs.reading.LARGE", large)
        run = open_job(Job(files, tmp_path / f"{large}.png", config))
        for _ in run.steps():
            pass
        report = run.finish()
        assert report is not None
        results.append(load_picture(report.output))
    assert torch.equal(results[0].pixels, results[1].pixels)
    assert results[1].alpha is not None


# gray


def gray(seed: int) -> Tensor:
    return grayed(picture(seed))


@pytest.mark.parametrize(
    "settings",
    [{}, {"init": "noise"}, {"optimizer": "adam", "learning_rate": 0.02}, {"scale_factor": 1.5}],
)
@pytest.mark.parametrize("content", [picture(1), gray(1)], ids=["color", "gray"])
def test_a_gray_style_makes_a_gray_picture(
    tiny_weights: Path, content: Tensor, settings: dict[str, Any]
) -> None:
    settings = {**FAST, "weights": str(tiny_weights), "color": "style", **settings}
    result = gramarye.stylize(content, [gray(2), gray(3)], **settings).pixels
    assert torch.equal(result, result[:, :1].expand_as(result))
    assert result.std() > 0.01


def test_every_image_on_the_way_to_a_gray_picture_is_gray(tiny_network: PerceptualNetwork) -> None:
    config = make_config(**{**FAST, "scale_factor": 1.5})
    iterates = list(stylize_steps(picture(1), [gray(2)], config, network=tiny_network))
    for iterate in iterates:
        assert float((iterate.image.amax(1) - iterate.image.amin(1)).max()) < 1e-4
    of_scale = [sum(i.losses.values()) for i in iterates if i.scale == 0]
    assert of_scale[-1] < of_scale[0]


def test_a_gray_content_that_keeps_its_colors_stays_gray(tiny_weights: Path) -> None:
    settings = {**FAST, "weights": str(tiny_weights), "color": "content"}
    result = gramarye.stylize(gray(1), picture(2), **settings).pixels
    assert torch.equal(result, result[:, :1].expand_as(result))


def test_a_gray_content_takes_a_styles_colors(tiny_weights: Path) -> None:
    settings = {**FAST, "weights": str(tiny_weights), "color": "style"}
    result = gramarye.stylize(gray(1), picture(2), **settings).pixels
    assert (result.amax(1) - result.amin(1)).mean() > 0.05


def test_gray_and_colored_styles_together_are_colored(tiny_weights: Path) -> None:
    settings = {**FAST, "weights": str(tiny_weights), "color": "style"}
    result = gramarye.stylize(gray(1), [gray(2), picture(2)], **settings).pixels
    assert (result.amax(1) - result.amin(1)).mean() > 0.02


def test_one_style_need_not_be_a_list(tiny_network: PerceptualNetwork) -> None:
    config = make_config(**FAST)
    images = [
        list(stylize_steps(picture(1), style, config, network=tiny_network))[-1].image
        for style in (picture(2), [picture(2)])
    ]
    assert torch.equal(*images)


@pytest.mark.parametrize(("content", "styles"), [("a.jpg", ["b.jpg"]), (picture(1), "b.jpg")])
def test_names_are_no_pictures_for_stylize_steps(content: Any, styles: Any) -> None:
    with pytest.raises(InputError, match="is of type str: give a tensor"):
        next(stylize_steps(content, styles, make_config(**FAST)))


def test_a_mask_given_as_a_setting_is_told_its_place() -> None:
    with pytest.raises(SettingsError, match=r"content_mask is a picture: give it in inputs="):
        make_config(content_mask="mask.png")


def test_values_beyond_black_and_white_are_found_in_any_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rows_module, "BAND", 20)
    image = torch.rand(1, 3, 12, 16)[..., :11, :9]
    image[..., 0, 0], image[..., 1, 1] = 0, 1
    assert in_range(image)
    for row, value in ((0, -0.001), (5, 1.001), (10, 1.001)):
        other = image.clone()
        other[0, 2, row, 4] = value
        assert not in_range(other)
