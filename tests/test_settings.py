"""Every setting does to the picture what its description says.

One law or more per setting, at 64 pixels with the packaged network, in float32. What a law compares
with is worked out here from the network's features, not by the code that is tested.
"""

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

import gramarye
from gramarye.config import all_settings
from gramarye.feedforward.files import make_painter, packed
from gramarye.feedforward.settings import PainterConfig, StepConfig, steps_at
from gramarye.inputs.inputs import Input, Inputs
from gramarye.networks.features import PerceptualNetwork
from gramarye.pictures.color import grayed, match_color
from gramarye.plan import make_plan, run_network
from gramarye.samples import sample_path
from gramarye.stylize import steps as planned_steps
from tests.whole_image import WHOLE

# Where the laws of the others are: presets in test_docs, networks and weights in networks/,
# devices in test_devices, memory in memory/ and tiles/.
ELSEWHERE = {"preset", "network", "weights", "device", "memory"}

BASE: dict[str, Any] = {"size": 64, "min_size": 64, "steps": 12, "precision": "float32", **WHOLE}
# A step that moves nothing: what comes back is the first image and its losses.
STILL: dict[str, Any] = {
    "steps": 1,
    "finer_steps": 1,
    "optimizer": "gradient-descent",
    "learning_rate": 1e-12,
}


def square(name: str) -> Tensor:
    """A packaged picture as (1, 3, 64, 64)."""
    pixels = gramarye.load_image(sample_path(name))
    side = min(pixels.shape[-2:])
    return F.interpolate(pixels[..., :side, :side], size=(64, 64), mode="area")


CONTENT, STYLE = square("landscape"), square("mosaic")
STYLE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")


@pytest.fixture(scope="module")
def network() -> PerceptualNetwork:
    """The packaged network without its metric heads, whose distances have no known answer."""
    network = gramarye.load_network("vgg19-lite")
    network.heads = {}
    return network


class Studio:
    """Renders CONTENT in STYLE, and measures pictures by the network's features."""

    def __init__(self, network: PerceptualNetwork) -> None:
        self.network = network

    def iterates(
        self, content: Tensor = CONTENT, style: Tensor = STYLE, **settings: Any
    ) -> list[gramarye.Iterate]:
        config = gramarye.make_config(**{**BASE, **settings})
        return list(gramarye.stylize_steps(content, [style], config, network=self.network))

    def image(self, **settings: Any) -> Tensor:
        return self.iterates(**settings)[-1].image

    def total(self, **settings: Any) -> float:
        return sum(self.iterates(**settings)[-1].losses.values())

    def first_image(self, **settings: Any) -> Tensor:
        return self.image(**{**settings, **STILL})

    def first_losses(self, **settings: Any) -> dict[str, float]:
        return self.iterates(**{**settings, **STILL})[-1].losses

    def features(self, image: Tensor, layer: str) -> Tensor:
        """(C, N) in float64."""
        with torch.no_grad():
            return self.network(image, [layer])[layer][0].flatten(1).double()

    def content_distance(self, image: Tensor, layer: str = "relu4_2") -> float:
        difference = self.features(image, layer) - self.features(CONTENT, layer)
        return difference.square().mean().item()

    def style_distance(self, image: Tensor, layers: tuple[str, ...] = STYLE_LAYERS) -> float:
        """How far the Gram matrices are from the style's, in their own size, mean over layers."""
        distances = []
        for layer in layers:
            found, wanted = (gram(self.features(x, layer)) for x in (image, STYLE))
            distances.append((found - wanted).norm().item() / wanted.norm().item())
        return sum(distances) / len(distances)


@pytest.fixture(scope="module")
def studio(network: PerceptualNetwork) -> Studio:
    return Studio(network)


def gram(features: Tensor) -> Tensor:
    return features @ features.T / features.shape[1]


def roughness(image: Tensor) -> float:
    """Mean squared difference of neighbors."""
    return (image.diff(dim=-1).square().mean() + image.diff(dim=-2).square().mean()).item()


def direction(image: Tensor) -> Tensor:
    return image.flatten() / image.norm()


def falls(values: list[float], by: float) -> bool:
    """Whether each value is less than that share of the one before."""
    return all(b < by * a for a, b in pairwise(values))


def test_every_setting_has_a_law() -> None:
    settings = sorted(all_settings(), key=len, reverse=True)
    laws = [name.removeprefix("test_") for name in globals() if name.startswith("test_")]
    covered = {next((s for s in settings if law.startswith(f"{s}_")), "") for law in laws}
    assert set(settings) - covered == ELSEWHERE


# the color map

MAPPED: dict[str, Any] = {**BASE, "device": "cpu", "map": "grid", "steps": 12}


def painted(content: Tensor = CONTENT, **settings: Any) -> Tensor:
    return gramarye.stylize(content, STYLE, **{**MAPPED, **settings}).pixels


def test_map_maps_colors_and_moves_no_edge() -> None:
    stripes = CONTENT.clone()
    stripes[..., 32:] = stripes[..., :32]  # the same colors again, elsewhere
    for kind in ("grid", "lut"):
        picture = painted(stripes, map=kind)
        assert (picture - stripes).abs().mean() > 0.03
        apart = (picture[..., 32:] - picture[..., :32]).abs().mean()
        if kind == "lut":  # whose colors are those of the content's colors, wherever they are
            assert apart < 1e-6
        flat = painted(torch.full_like(CONTENT, 0.5), map=kind)
        assert flat.diff(dim=-1).abs().amax() < 0.03  # no brushwork
    moved = painted(stripes, map="none")
    assert (moved[..., 32:] - moved[..., :32]).abs().mean() > 0.02


def test_map_size_is_the_size_at_which_a_map_is_found(studio: Studio) -> None:
    found = studio.iterates(**{**MAPPED, "device": "cpu", "map_size": 48, "min_size": 48})
    assert found[-1].image.shape[-2:] == (48, 48)
    assert painted(map_size=48, min_size=48).shape[-2:] == (64, 64)


def test_map_cells_are_the_local_maps_along_the_longest_side(studio: Studio) -> None:
    for cells in (3, 5):
        last = studio.iterates(CONTENT[..., :32, :], **{**MAPPED, **STILL, "map_cells": cells})[-1]
        assert last.map is not None
        assert last.map.parameters.shape[-2:] == (max(2, round(cells / 2)), cells)


def test_map_smoothness_makes_neighboring_maps_alike(studio: Studio) -> None:
    rough = []
    for smoothness in (0.1, 10.0, 1000.0):
        last = studio.iterates(**{**MAPPED, "map_smoothness": smoothness})[-1]
        assert last.map is not None
        rough.append(last.map.parameters.diff(dim=2).square().mean().item())
    assert falls(rough, by=0.7)


# what paints


def test_painter_is_what_makes_the_picture(studio: Studio, tmp_path: Path) -> None:
    """By default the optimizer; else a network in one pass, here one that makes all lighter."""
    shape = PainterConfig(
        coarse=StepConfig(layers=("relu1_1",), widths=(1,), blocks=(0,)),
        fine=StepConfig(layers=("relu1_1",), widths=(1,), blocks=(0,)),
        parts=(1,),
    )
    painter = make_painter(shape, studio.network).requires_grad_(False)
    painter.fine.finish.weight.zero_()
    file = tmp_path / "painter.safetensors"
    for lighter in (0.0, 0.25, 1.0):
        painter.fine.finish.bias.fill_(lighter)
        file.write_bytes(packed(painter, 0))
        (iterate,) = studio.iterates(painter=str(file))
        assert_close(iterate.image, (studio.first_image() + lighter).clamp(0, 1))
    optimized = studio.iterates(painter="optimizer")
    assert len(optimized) == BASE["steps"]
    assert torch.equal(optimized[-1].image, studio.image())


# the picture


def test_painter_twice_is_up_to_where_a_network_takes_a_second_step() -> None:
    """64 x 64 pixels are 0.004096 megapixels, and a half of the size a quarter of that."""

    def parts(twice: float) -> list[tuple[int, float]]:
        return list(steps_at((4, 2, 2, 1, 1), 64, 64, twice))

    assert parts(0.0041) == [(4, 1), (2, 1), (2, 1), (1, 1), (1, 1)]
    assert parts(0.0040) == [(4, 1), (2, 1), (2, 1), (1, 1.3)]
    assert parts(0) == [(4, 1), (2, 1.3), (1, 1.3)]  # one that has no second step goes no further
    assert list(steps_at((4, 2, 1), 31, 64, 0)) == [(1, 1)]  # which has no room for the others

    def painted(**settings: float) -> Tensor:
        made: Tensor = gramarye.instant(CONTENT, STYLE, size=64, **settings).pixels  # type: ignore[arg-type]
        return made

    twice, once = painted(), painted(painter_twice=0)
    assert torch.equal(painted(painter_twice=0.0041), twice)
    assert 0.005 < float((once - twice).abs().mean()) < 0.1


def test_size_is_the_longest_side(studio: Studio) -> None:
    assert studio.iterates(CONTENT[..., :32, :], size=48)[-1].image.shape[-2:] == (24, 48)


def test_strength_shows_more_of_the_style_and_less_of_the_content(studio: Studio) -> None:
    images = [studio.image(strength=strength, style_weight=2) for strength in (0, 0.5, 1)]
    assert falls([studio.style_distance(image) for image in images], by=0.85)
    assert falls([1 / studio.content_distance(image) for image in images], by=0.9)


def test_strength_multiplies_the_styles_losses_by_a_tenth_to_ten(studio: Studio) -> None:
    low, middle, high = (studio.first_losses(strength=strength) for strength in (0, 0.5, 1))
    for name in middle:
        factor = 10 if name.startswith("style/") else 1
        assert middle[name] == pytest.approx(factor * low[name], rel=1e-4, abs=1e-9)
        assert high[name] == pytest.approx(factor * middle[name], rel=1e-4, abs=1e-9)


def test_aspect_is_that_of_a_picture_without_a_content() -> None:
    settings = {**BASE, "steps": 1, "content_weight": 0.0, "init": "noise", "device": "cpu"}
    for aspect, size in (((3, 4), (64, 48)), ((64, 32), (32, 64))):
        config = gramarye.make_config(**settings, aspect=aspect)
        inputs = Inputs({"style/0": Input.of(STYLE)})
        network = run_network(config, torch.device("cpu"))
        plan = make_plan(config, network, inputs.sizes, torch.device("cpu"))
        (iterate,) = planned_steps(plan, inputs, network)
        assert iterate.image.shape[-2:] == size


def test_tileable_makes_opposite_sides_neighbors() -> None:
    settings = {**BASE, "steps": 30, "device": "cpu"}
    across = [
        (lambda x: (x[..., 0] - x[..., -1]).abs().mean().item())(
            gramarye.texture(STYLE, 64, tileable=tileable, **textured(settings)).pixels
        )
        for tileable in (False, True)
    ]
    assert across[1] < 0.7 * across[0]


def textured(settings: dict[str, Any]) -> dict[str, Any]:
    """Those of the settings that a texture takes."""
    return {k: v for k, v in settings.items() if k not in ("size", "content_layers")}


def test_color_says_whose_colors_the_first_image_has(studio: Studio) -> None:
    def colors(image: Tensor) -> Tensor:
        x = image[0].flatten(1)
        return torch.cat([x.mean(1), torch.cov(x).flatten()])

    taken = studio.first_image(color="style")
    assert_close(colors(taken), colors(STYLE), atol=0.02, rtol=0)  # it is clamped to [0, 1]
    assert (colors(CONTENT) - colors(STYLE)).abs().max() > 0.1
    for color in ("free", "content"):
        assert_close(studio.first_image(color=color), CONTENT)


def test_color_says_whose_colors_the_result_has() -> None:
    def far_from(other: Tensor) -> float:
        return (picture.pixels.mean((2, 3)) - other.mean((2, 3))).abs().max().item()

    settings = {**BASE, "device": "cpu"}
    picture = gramarye.stylize(CONTENT, STYLE, color="style", **settings)
    assert far_from(STYLE) < 0.03 and far_from(CONTENT) > 0.1
    picture = gramarye.stylize(CONTENT, STYLE, color="content", **settings)
    assert far_from(CONTENT) < 0.03 and far_from(STYLE) > 0.1


@pytest.mark.parametrize("name", ["monge-kantorovich", "cholesky", "pca", "histogram"])
def test_color_map_is_how_colors_are_moved(studio: Studio, name: Any) -> None:
    expected = match_color(CONTENT, STYLE, name, clamp=True)
    assert_close(studio.first_image(color_map=name), expected, atol=1e-5, rtol=0)


def test_palette_is_how_far_colors_are_moved(studio: Studio) -> None:
    moved = studio.first_image()
    assert_close(studio.first_image(palette=0.25), CONTENT.lerp(moved, 0.25))
    assert_close(studio.first_image(palette=0), CONTENT)


def test_finish_guided_leaves_the_contents_edges_alone(studio: Studio) -> None:
    settings = {**BASE, "device": "cpu", "color": "free"}
    apart = []
    for finish in ("none", "guided"):
        picture = gramarye.stylize(CONTENT, STYLE, finish=finish, **settings).pixels
        # What no affine map of the content's colors explains, over 8 x 8 pixels at a time.
        parts = [
            F.unfold(x, 8, stride=8).view(3, 64, -1).permute(2, 1, 0) for x in (picture, CONTENT)
        ]
        values, colors = (part - part.mean(1, keepdim=True) for part in parts)
        fit = torch.linalg.lstsq(colors.double(), values.double(), driver="gelsd").solution
        apart.append(((values - colors.double() @ fit).square().mean()).item())
    assert apart[1] < 0.5 * apart[0]


def test_luminance_paints_light_and_dark_only(studio: Studio) -> None:
    assert_close(studio.first_image(color="luminance"), grayed(CONTENT))
    picture = gramarye.stylize(CONTENT, STYLE, color="luminance", **BASE, device="cpu").pixels
    inside = (picture > 0).all(1, keepdim=True) & (picture < 1).all(1, keepdim=True)
    apart = (picture - grayed(picture)) - (CONTENT - grayed(CONTENT))  # the chroma
    assert (apart.abs() * inside).max() < 1e-5 and inside.float().mean() > 0.5
    assert (grayed(picture) - grayed(CONTENT)).abs().mean() > 0.02


def test_init_is_the_first_image(studio: Studio, tmp_path: Path) -> None:
    first = {
        init: studio.first_image(init=init, color="free")
        for init in ("content", "noise", "gray", "style")
    }
    assert_close(first["content"], CONTENT)
    assert_close(first["gray"], torch.full_like(CONTENT, 0.5))
    assert_close(first["style"], STYLE)
    like = studio.first_image(init="style-noise", color="free")
    assert_close(like.mean((2, 3)), STYLE.mean((2, 3)), atol=0.03, rtol=0)
    assert roughness(like) == pytest.approx(roughness(STYLE), rel=0.4)
    assert abs(torch.corrcoef(torch.stack([like.flatten(), STYLE.flatten()]))[0, 1]) < 0.6
    noise = first["noise"]  # uniform: mean 1/2, variance 1/12, and no neighbor is like another
    assert noise.mean().item() == pytest.approx(0.5, abs=0.02)
    assert noise.var().item() == pytest.approx(1 / 12, rel=0.05)
    assert roughness(noise) == pytest.approx(4 / 12, rel=0.05)
    saved = gramarye.Picture.from_tensor(STYLE.flip(3)).save(tmp_path / "first.png")
    settings = {**BASE, **STILL, "init": str(saved.path), "color": "free"}
    assert_close(
        gramarye.stylize(CONTENT, STYLE, **settings).pixels, STYLE.flip(3), atol=0.003, rtol=0
    )


def test_style_scale_is_that_of_the_style_beside_the_result(studio: Studio) -> None:
    halved = F.interpolate(STYLE, size=(32, 32), mode="bicubic", antialias=True).clamp(0, 1)
    settings = {"color": "free", "steps": 4}
    small = studio.image(style_scale=0.5, **settings)
    assert_close(small, studio.iterates(style=halved, **settings)[-1].image)
    assert (small - studio.image(**settings)).abs().mean() > 0.01


@pytest.mark.parametrize(("scale", "side"), [(0.5, 32), (2.0, 128), (4.0, 128)])
def test_form_scale_is_that_of_the_forms_beside_the_strokes(
    studio: Studio, scale: float, side: int
) -> None:
    """Layers of a part of the size see another size of the style, and of its mask; none other."""
    settings: dict[str, Any] = {
        **BASE,
        **STILL,
        "color": "free",
        "balance": "absolute",
        "style_layers": {"relu1_1": 2.0, "relu2_1": 1.0, "relu2_1/2": 1.0},
    }
    mask = torch.ones(1, 3, 64, 64)
    mask[..., 40:] = 0
    resized = [
        F.interpolate(x, size=(side, side), mode="bicubic", antialias=True).clamp(0, 1)
        for x in (STYLE, mask)
    ]

    def losses(style: Tensor, mask: Tensor | None, **given: Any) -> dict[str, float]:
        config = gramarye.make_config(**settings, **given)
        inputs = {} if mask is None else {"style-mask/0": mask}
        steps = gramarye.stylize_steps(
            CONTENT, [style], config, inputs=inputs, network=studio.network
        )
        return next(iter(steps)).losses

    for own, other in ((None, None), (mask, resized[1])):
        here = losses(STYLE, own, form_scale=scale)
        strokes = losses(STYLE, own)
        forms = losses(resized[0], other, style_scale=2.0)
        for layer in ("style/relu1_1", "style/relu2_1"):
            assert here[layer] == pytest.approx(strokes[layer], rel=1e-5)
        assert here["style/relu2_1/2"] == pytest.approx(forms["style/relu2_1/2"], rel=1e-4)
        assert here["style/relu2_1/2"] != pytest.approx(strokes["style/relu2_1/2"], rel=0.02)


def test_forms_have_the_regions_of_their_style(studio: Studio) -> None:
    """Two regions of two halves of a style: each takes up the forms of its own."""
    settings: dict[str, Any] = {**BASE, **STILL, "color": "free", "balance": "absolute"}
    settings |= {"style_layers": {"relu1_1": 1.0, "relu2_1/2": 1.0}, "style_scale": 1.0}
    labels = torch.zeros(1, 3, 64, 64)
    labels[..., 32:] = 1
    inputs = {"content-regions": labels, "style-regions/0": labels}

    def losses(content: Tensor, style: Tensor, **given: Any) -> dict[str, float]:
        config = gramarye.make_config(**settings, **given)
        steps = gramarye.stylize_steps(
            content, [style], config, inputs=inputs, network=studio.network
        )
        return next(iter(steps)).losses

    key = "style/relu2_1/2"
    at_home = losses(STYLE, STYLE, form_scale=2.0)[key]
    away = losses(STYLE.flip(3), STYLE, form_scale=2.0)[key]
    assert away > 1.1 * at_home > 0


def test_seed_draws_the_noise(studio: Studio) -> None:
    one, again, other = (studio.first_image(init="noise", seed=seed) for seed in (5, 5, 6))
    assert torch.equal(one, again)
    assert abs(torch.corrcoef(torch.stack([one.flatten(), other.flatten()]))[0, 1]) < 0.05


def house(gap: int = 0) -> Tensor:
    """A drawing of two rooms (1, 3, 64, 64), black lines on white, the upper with a gap."""
    drawing = torch.ones(1, 3, 64, 64)
    for at in (16, 32, 48):
        drawing[..., at : at + 2, 16:50] = 0
    for at in (16, 48):
        drawing[..., 16:50, at : at + 2] = 0
    drawing[..., 22 : 22 + gap, 16:18] = 1
    return drawing


def sketched(studio: Studio, gap: int = 0, **settings: Any) -> Tensor:
    settings = {"drawing": True, **STILL, **settings}
    return studio.iterates(content=house(gap), **settings)[-1].image


def test_drawing_keeps_the_lines_and_colors_what_they_close(studio: Studio) -> None:
    found = sketched(studio)
    line = house()[0, 0] == 0
    assert float(found[..., line].max()) < 0.05 and float(found[..., ~line].mean()) > 0.3
    rooms = [found[0, :, y, 32] for y in (8, 25, 40)]
    assert all((a - b).abs().max() > 0.1 for a, b in pairwise(rooms))
    plain = studio.first_image(color="free", drawing=False)
    assert_close(plain, CONTENT)


def test_paper_leaves_what_is_around_a_drawing_white(studio: Studio) -> None:
    assert float(sketched(studio, steps=3)[..., :10, :].mean()) < 0.95
    found = sketched(studio, steps=3, paper=True)
    assert (found[..., :10, :] == 1).all() and float(found[..., 20:30, 20:44].mean()) < 0.95


def test_area_colors_are_how_many_the_areas_have(studio: Studio) -> None:
    for count in (1, 2):
        found = sketched(studio, area_colors=count)
        hues = {tuple((found[0, :, y, 32] > 0.5).tolist()) for y in (8, 25, 40)}
        shades = [found[0, :, y, 32] for y in (8, 25, 40)]
        apart = max(float((a - b).abs().max()) for a in shades for b in shades)
        assert (apart < 0.12) == (count == 1) and len(hues) <= count + 1


def test_gaps_are_those_that_close_an_area(studio: Studio) -> None:
    open_, closed = (sketched(studio, gap=6, gaps=gaps) for gaps in (2, 10))
    assert (open_[0, :, 25, 32] - open_[0, :, 8, 32]).abs().max() < 0.12
    assert (closed[0, :, 25, 32] - closed[0, :, 8, 32]).abs().max() > 0.12


def test_denoise_takes_noise_from_the_content(studio: Studio) -> None:
    noise = 0.1 * (torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) - 0.5)
    noisy = (0.2 + 0.6 * CONTENT) + noise
    first = [
        studio.iterates(content=noisy, color="free", denoise=amount, **STILL)[-1].image
        for amount in (0, 0.5, 1)
    ]
    assert torch.equal(first[0], noisy)
    assert falls([roughness(image) for image in first], by=0.9)
    assert (first[2] - noisy).abs().mean() < 0.05


# the finish


def finished(**settings: Any) -> Tensor:
    settings = {**BASE, **STILL, "device": "cpu", "color": "free", **settings}
    return gramarye.stylize(CONTENT, STYLE, **settings).pixels


@pytest.mark.parametrize("name", ["detail", "contrast", "canvas", "film_grain", "denoise"])
def test_the_finish_is_nothing_at_0(name: str) -> None:
    assert torch.equal(finished(**{name: 0.0}), finished())
    assert not torch.equal(finished(**{name: 0.5}), finished())


def test_detail_is_the_contents_light_and_dark_again() -> None:
    base, once, twice = (finished(detail=amount, init="gray") for amount in (0, 0.5, 1))
    assert_close(twice - base, 2 * (once - base), atol=1e-5, rtol=0)  # gray does not reach an end
    added = grayed(twice - base)
    pair = torch.stack([added.flatten(), grayed(CONTENT - box(CONTENT)).flatten()])
    assert torch.corrcoef(pair)[0, 1] > 0.4


def box(image: Tensor) -> Tensor:
    return F.avg_pool2d(image, 5, 1, 2, count_include_pad=False)


def test_contrast_moves_light_and_dark_apart_or_together() -> None:
    spread = [float(finished(contrast=amount).std()) for amount in (-1, 0, 1)]
    assert spread[0] < 0.95 * spread[1] and spread[1] < 0.95 * spread[2]
    x = finished()
    assert_close(finished(contrast=1), x * x * (3 - 2 * x), atol=1e-6, rtol=0)


def test_canvas_is_a_relief_of_threads() -> None:
    # At 64 pixels a thread is three, and two threads are a period.
    plain, woven = finished(init="gray"), finished(init="gray", canvas=1)
    relief = (woven - plain)[0, 0]
    waves = torch.fft.rfft(relief, dim=1).abs().mean(0)
    assert int(waves[1:].argmax()) + 1 in (11, 21, 22)  # of 64 / 6 and 64 / 3 threads
    assert abs(float(relief.mean())) < 0.01 and relief.std() > 0.02


def test_film_grain_is_gray_noise_of_the_seed() -> None:
    plain = finished(init="gray")
    one, again, other = (finished(init="gray", film_grain=1, seed=s) for s in (1, 1, 2))
    assert torch.equal(one, again) and not torch.equal(one, other)
    noise = one - plain
    assert_close(noise.amax(1), noise.amin(1), atol=1e-6, rtol=0)
    assert noise.std().item() == pytest.approx(0.08, rel=0.1)  # of mid-gray
    half = finished(init="gray", film_grain=0.5, seed=1) - plain
    assert_close(half, noise / 2, atol=1e-6, rtol=0)


# the network


def check_the_networks(setting: str, value: Any, **settings: Any) -> None:
    """The setting gives the picture that the network loaded with it gives, and no other network."""
    config = gramarye.make_config(**{**BASE, "steps": 2, **settings, setting: value})
    network = gramarye.load_network("vgg19-lite", **{setting: value})
    plain = gramarye.load_network("vgg19-lite")
    found, expected, other = (
        list(gramarye.stylize_steps(CONTENT, [STYLE], config, network=given))[-1].image
        for given in (None, network, plain)
    )
    assert_close(found, expected)
    assert (found - other).abs().max() > 1e-3


@pytest.mark.parametrize("pooling", ["avg", "l2"])
def test_pooling_is_the_networks(pooling: str) -> None:
    check_the_networks("pooling", pooling)


@pytest.mark.parametrize("padding", ["zeros", "replicate"])
def test_padding_is_the_networks(padding: str) -> None:
    check_the_networks("padding", padding)


def test_normalize_weights_is_the_networks() -> None:
    # Relative errors hardly tell the scale of the features; sums do.
    check_the_networks("normalize_weights", True, content_loss="sum")


# the losses


def test_content_layers_are_where_the_content_is_kept(studio: Studio) -> None:
    layers = ("relu2_1", "relu4_2")
    iterates = [studio.iterates(content_layers={k: 1.0}, content_weight=100)[-1] for k in layers]
    for layer, (here, there) in zip(layers, (iterates, iterates[::-1]), strict=True):
        assert [name for name in here.losses if name.startswith("content/")] == [f"content/{layer}"]
        kept, lost = (studio.content_distance(i.image, layer) for i in (here, there))
        assert kept < 0.85 * lost


def test_style_weights_are_how_much_each_style_counts(studio: Studio) -> None:
    styles = [STYLE, square("ink")]

    def losses(given: list[Tensor], **settings: Any) -> dict[str, float]:
        config = gramarye.make_config(**{**BASE, **STILL, "color": "free", **settings})
        steps = gramarye.stylize_steps(CONTENT, given, config, network=studio.network)
        return next(iter(steps)).losses

    for weights, alone in (((1, 0), styles[:1]), ((0, 2.5), styles[1:])):
        assert losses(styles, style_weights=weights) == pytest.approx(losses(alone), rel=1e-4)
    assert losses(styles, style_weights=(3, 3)) == pytest.approx(losses(styles), rel=1e-6)
    assert losses(styles, style_weights=(3, 1)) != pytest.approx(losses(styles), rel=1e-2)


def test_style_roles_let_one_style_give_strokes_and_another_forms(studio: Studio) -> None:
    styles = [STYLE, square("ink")]
    settings: dict[str, Any] = {
        **BASE,
        **STILL,
        "color": "free",
        "balance": "absolute",
        "style_layers": {"relu1_1": 2.0, "relu2_1": 1.0, "relu2_1/2": 1.0},
    }

    def losses(given: list[Tensor], **roles: Any) -> dict[str, float]:
        config = gramarye.make_config(**settings, **roles)
        steps = gramarye.stylize_steps(CONTENT, given, config, network=studio.network)
        return next(iter(steps)).losses

    strokes, forms = (losses([style]) for style in styles)
    both = losses(styles, style_roles=("strokes", "forms"))
    for layer in ("style/relu1_1", "style/relu2_1"):
        assert both[layer] == pytest.approx(strokes[layer], rel=1e-5)
        assert both[layer] != pytest.approx(forms[layer], rel=0.05)
    assert both["style/relu2_1/2"] == pytest.approx(forms["style/relu2_1/2"], rel=1e-5)
    assert both["style/relu2_1/2"] != pytest.approx(strokes["style/relu2_1/2"], rel=0.05)
    assert losses(styles, style_roles=("all", "all")) == pytest.approx(losses(styles), rel=1e-6)


def test_a_style_that_gives_forms_gives_no_colors() -> None:
    for roles, mix, colors in (
        ((), (), ()),
        ((), (2.0, 1.0), (2.0, 1.0)),
        (("strokes", "forms"), (), (1.0, 0.0)),
        (("forms", "all"), (3.0, 2.0), (0.0, 2.0)),
        (("forms", "forms"), (3.0, 2.0), (3.0, 2.0)),
    ):
        config = gramarye.make_config(style_roles=roles, style_weights=mix)
        assert config.color_mix == colors


def check_seen(studio: Studio, by_hand: Tensor, **settings: Any) -> None:
    """A run with these settings is one with the style as it was made by hand."""

    def image(style: Tensor, **given: Any) -> Tensor:
        config = gramarye.make_config(**{**BASE, "steps": 2, **given})
        *_, last = gramarye.stylize_steps(CONTENT, [style], config, network=studio.network)
        return last.image

    seen = image(STYLE, **settings)
    assert_close(seen, image(by_hand.contiguous()), atol=1e-5, rtol=0)
    assert (seen - image(STYLE)).abs().max() > 1e-3


def test_style_crop_is_the_part_that_is_looked_at(studio: Studio) -> None:
    check_seen(studio, STYLE[..., 16:, :32], style_crop=(0.0, 0.25, 0.5, 1.0))


def test_style_flip_mirrors_left_to_right(studio: Studio) -> None:
    check_seen(studio, STYLE.flip(-1), style_flip=True)


def test_style_turn_turns_clockwise(studio: Studio) -> None:
    check_seen(studio, STYLE.rot90(-1, (-2, -1)), style_turn=90.0)


def test_style_mixing_pools_styles_or_takes_what_lies_between(studio: Studio) -> None:
    styles = [STYLE, square("ink")]
    x, a, b = (studio.features(picture, "relu2_1") for picture in (CONTENT, *styles))
    pooled = torch.cat([a, b], dim=1)  # as many pixels of both
    means = {"pooled": pooled.mean(1), "between": (a.mean(1) + b.mean(1)) / 2}
    covariances = {
        "pooled": torch.cov(pooled, correction=0),
        "between": (torch.cov(a, correction=0) + torch.cov(b, correction=0)) / 2,
    }
    for mixing, mean in means.items():
        config = gramarye.make_config(
            **{**BASE, **STILL, "color": "free", "style_layers": {"relu2_1": 1.0}},
            style_weight=1.0, balance="absolute", style_mixing=mixing,
        )  # fmt: skip
        steps = gramarye.stylize_steps(CONTENT, styles, config, network=studio.network)
        found = next(iter(steps)).losses["style/relu2_1"]
        apart = (torch.cov(x, correction=0) - covariances[mixing]).square().sum() / len(x) ** 2
        expected = (x.mean(1) - mean).square().sum() / len(x) + apart
        assert found == pytest.approx(expected.item(), rel=1e-3), mixing


def test_style_layers_are_where_the_style_is_found(studio: Studio) -> None:
    layers = ("relu1_1", "relu4_1")
    iterates = [studio.iterates(style_layers={layer: 1.0})[-1] for layer in layers]
    for layer, (here, there) in zip(layers, (iterates, iterates[::-1]), strict=True):
        assert [name for name in here.losses if name.startswith("style/")] == [f"style/{layer}"]
        found, missed = (studio.style_distance(i.image, (layer,)) for i in (here, there))
        assert found < 0.7 * missed


def test_mask_mode_is_which_places_are_in_a_mask(studio: Studio) -> None:
    """Gray outside the white half changes what is measured in it, unless no place sees it."""
    mask = torch.zeros(1, 3, 64, 64)
    mask[..., :32] = 1.0
    other = torch.where(mask > 0, STYLE, torch.full_like(STYLE, 0.5))

    def losses(style: Tensor, mode: str) -> float:
        settings = {**BASE, **STILL, "color": "free", "balance": "absolute", "mask_mode": mode}
        config = gramarye.make_config(**settings | {"style_layers": {"relu2_1": 1.0}})
        inputs = {"style-mask/0": mask}
        steps = gramarye.stylize_steps(
            CONTENT, [style], config, network=studio.network, inputs=inputs
        )
        return next(iter(steps)).losses["style/relu2_1"]

    assert losses(other, "inside") == pytest.approx(losses(STYLE, "inside"), rel=1e-5)
    assert losses(other, "simple") != pytest.approx(losses(STYLE, "simple"), rel=1e-3)


def test_content_loss_is_relative_mean_or_half_the_sum(studio: Studio) -> None:
    image, wanted = (studio.features(x, "relu4_2") for x in (STYLE, CONTENT))
    squares = (image - wanted).square()
    expected = {
        "relative": squares.sum() / wanted.square().sum(),
        "mean": squares.mean(),
        "sum": squares.sum() / 2,
    }
    for kind, value in expected.items():
        losses = studio.first_losses(init="style", color="free", content_loss=kind)
        assert losses["content/relu4_2"] == pytest.approx(value.item(), rel=1e-4)


def test_style_loss_is_the_distance_it_names(studio: Studio) -> None:
    image, style = (studio.features(x, "relu2_1") for x in (CONTENT, STYLE))
    channels = len(image)
    grams = (gram(image) - gram(style)).square().sum() / channels**2
    means = (image.mean(1) - style.mean(1)).square().sum()
    s, t = (torch.cov(x, correction=0) for x in (image, style))
    # The trace of the root of a product is the sum of the roots of its eigenvalues.
    cross = torch.linalg.eigvals(s @ t).real.clamp_min(0).sqrt().sum()
    expected = {
        "gram": grams,
        "gram-paper": grams / 4,
        "covariance": means / channels + (s - t).square().sum() / channels**2,
        "wasserstein": (means + s.trace() + t.trace() - 2 * cross) / channels,
    }
    for kind, value in expected.items():
        losses = studio.first_losses(
            color="free",
            style_loss=kind,
            style_layers={"relu2_1": 1.0},
            style_weight=1.0,
            balance="absolute",
        )
        assert losses["style/relu2_1"] == pytest.approx(value.item(), rel=1e-3), kind


def test_style_loss_may_be_a_mix_with_layers_of_its_own(studio: Studio) -> None:
    def style(mix: str) -> dict[str, float]:
        losses = studio.first_losses(color="free", style_loss=mix, style_weight=6)
        return {name: value for name, value in losses.items() if name.startswith("style/")}

    mixed = style("mean=1,gram=2@relu2_1")
    assert set(mixed) == {*(f"style/mean/{k}" for k in STYLE_LAYERS), "style/gram/relu2_1"}
    alone = style("mean")
    for layer in STYLE_LAYERS:
        assert mixed[f"style/mean/{layer}"] == pytest.approx(alone[f"style/{layer}"] / 3, rel=1e-4)
    assert mixed["style/gram/relu2_1"] == pytest.approx(4, rel=1e-4)


def test_style_gain_multiplies_the_styles_features(studio: Studio) -> None:
    image, style = (studio.features(x, "relu2_1").mean(1) for x in (CONTENT, STYLE))
    settings = {"style_loss": "mean", "style_layers": {"relu2_1": 1.0}, "balance": "absolute"}
    for gain in (0.5, 1, 2):
        losses = studio.first_losses(color="free", style_gain=gain, style_weight=1, **settings)
        expected = (image - gain * style).square().mean().item()
        assert losses["style/relu2_1"] == pytest.approx(expected, rel=1e-3)


def test_balance_is_relative_to_the_contents_own_style_loss(studio: Studio) -> None:
    def style(**settings: Any) -> float:
        losses = studio.first_losses(color="free", **settings)
        return sum(value for name, value in losses.items() if name.startswith("style/"))

    twice = {layer: 2 * weight for layer, weight in WHOLE["style_layers"].items()}
    assert style(balance="relative", style_weight=7) == pytest.approx(7, rel=1e-4)
    assert style(balance="relative", style_weight=7, style_layers=twice) == pytest.approx(7, 1e-4)
    absolute = style(balance="absolute")
    assert style(balance="absolute", style_layers=twice) == pytest.approx(2 * absolute, rel=1e-4)


def test_content_weight_pulls_towards_the_content(studio: Studio) -> None:
    images = [studio.image(content_weight=weight) for weight in (0.1, 1, 10)]
    assert falls([studio.content_distance(image) for image in images], by=0.95)


def test_content_gain_multiplies_the_contents_features(studio: Studio) -> None:
    features = studio.features(CONTENT, "relu4_2")
    for gain in (0, 0.5, 2):
        losses = studio.first_losses(color="free", content_gain=gain, content_loss="sum")
        expected = ((1 - gain) * features).square().sum().item() / 2
        assert losses["content/relu4_2"] == pytest.approx(expected, rel=1e-4)


def likeness(features: Tensor) -> Tensor:
    """The shares of cosine distances between places."""
    x = F.normalize(features, dim=0)
    distances = 1 - x.T @ x
    return distances / distances.sum(0)


def test_self_similarity_weight_keeps_what_is_alike_alike(studio: Studio) -> None:
    wanted = likeness(studio.features(CONTENT, "relu4_1"))

    def off(weight: float) -> float:
        image = studio.image(self_similarity_weight=weight, content_weight=0)
        return (likeness(studio.features(image, "relu4_1")) - wanted).abs().sum().item()

    assert falls([off(weight) for weight in (0, 3, 60)], by=0.95)


def test_self_similarity_layers_are_where_it_is_judged(studio: Studio) -> None:
    for layer in ("relu3_1", "relu4_1"):
        image, wanted = (likeness(studio.features(x, layer)) for x in (STYLE, CONTENT))
        losses = studio.first_losses(
            init="style", color="free", self_similarity_weight=2, self_similarity_layers={layer: 5}
        )
        expected = 2 * (image - wanted).abs().sum().item() / len(wanted)
        assert losses[f"self-similarity/{layer}"] == pytest.approx(expected, rel=1e-3)


def test_matting_weight_pulls_towards_local_affine_maps_of_the_content(studio: Studio) -> None:
    def unexplained(image: Tensor) -> float:
        parts = [F.unfold(x, 3, stride=3).view(3, 9, -1).permute(2, 1, 0) for x in (image, CONTENT)]
        values, colors = ((part - part.mean(1, keepdim=True)).double() for part in parts)
        ridge = 1e-4 * torch.eye(3, dtype=torch.float64)
        fit = torch.linalg.solve(colors.mT @ colors + ridge, colors.mT @ values)
        return (values - colors @ fit).square().mean().item()

    images = [studio.image(matting_weight=weight, color="free") for weight in (0, 1e3, 1e5)]
    assert falls([unexplained(image) for image in images], by=0.8)


def test_detail_weight_keeps_the_contents_edges(studio: Studio) -> None:
    kernel = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]]).expand(3, 1, 3, 3)

    def edges(image: Tensor) -> Tensor:
        return F.conv2d(F.avg_pool2d(image, 4), kernel, groups=3)

    # The content of the run is the one whose colors were matched.
    wanted = edges(studio.first_image())
    images = [studio.image(detail_weight=weight) for weight in (0, 100, 10000)]
    assert falls([(edges(image) - wanted).square().mean().item() for image in images], by=0.8)


def test_range_weight_pulls_colors_into_range(studio: Studio) -> None:
    def outside(weight: float) -> float:
        image = studio.image(range_weight=weight, strength=1, steps=20)
        return (image - image.clamp(0, 1)).square().mean().item()

    found = [outside(weight) for weight in (0, 1e3, 1e4)]
    assert found[0] > 0 and falls(found, by=0.8)


def test_temporal_weight_pulls_towards_the_frame_before() -> None:
    before = CONTENT.flip(-1)

    def apart(weight: float) -> float:
        settings = {**BASE, "temporal_weight": weight}
        made = gramarye.stylize(CONTENT, STYLE, inputs={"warped/0": before}, **settings)
        return (made.pixels - before).square().mean().item()

    assert falls([apart(weight) for weight in (1e-3, 100, 1e4)], by=0.8)


def test_style_weight_pulls_towards_the_style(studio: Studio) -> None:
    images = [studio.image(style_weight=weight) for weight in (0.2, 2, 20)]
    assert falls([studio.style_distance(image) for image in images], by=0.85)


@pytest.mark.parametrize("kind", ["squared", "absolute"])
def test_tv_weight_pulls_towards_smoothness(studio: Studio, kind: str) -> None:
    images = [studio.image(tv_weight=weight, tv=kind) for weight in (0, 30, 300)]
    assert falls([roughness(image) for image in images], by=0.9)


def test_tv_is_of_squares_or_of_absolute_differences(studio: Studio) -> None:
    across, down = CONTENT.diff(dim=-1), CONTENT.diff(dim=-2)
    for kind, size in (("squared", Tensor.square), ("absolute", Tensor.abs)):
        losses = studio.first_losses(color="free", tv=kind, tv_weight=3)
        expected = 3 * (size(across).mean() + size(down).mean())
        assert losses["tv"] == pytest.approx(expected.item(), rel=1e-4)


# the optimization


def test_optimizer_says_how_the_pixels_are_moved(studio: Studio) -> None:
    start = studio.first_image()

    def first_move(**settings: Any) -> Tensor:
        return studio.iterates(steps=2, **settings)[0].image - start

    # Adam's first step is as long for every pixel, unless it would leave [0, 1].
    moves = first_move(optimizer="adam", learning_rate=0.01).abs()
    assert moves.max().item() == pytest.approx(0.01, rel=1e-3)
    assert (moves > 0.0099).float().mean() > 0.9
    assert first_move(optimizer="adam").abs().max().item() == pytest.approx(0.02, rel=1e-3)
    # Gradient descent's is the gradient, that of L-BFGS has a length of its own.
    moves = first_move(optimizer="gradient-descent", learning_rate=0.001)
    assert moves.abs().max() > 5 * moves.abs().median()
    moves = first_move(optimizer="lbfgs", clip=0)
    assert moves.square().mean().sqrt().item() == pytest.approx(0.02, rel=1e-3)
    # And L-BFGS gets further than either.
    adam = studio.total(optimizer="adam", learning_rate=0.02)
    descent = studio.total(optimizer="gradient-descent", learning_rate=0.01)
    assert studio.total(optimizer="lbfgs") < 0.7 * min(adam, descent)


def sizes(iterates: list[gramarye.Iterate]) -> list[int]:
    """The longest side at each scale."""
    return [i.image.shape[-1] for i in iterates if i.step == i.steps]


def test_min_size_is_the_first_scales(studio: Studio) -> None:
    for size in (32, 48, 64, 100):
        iterates = studio.iterates(min_size=size, steps=1, finer_steps=1)
        assert sizes(iterates)[0] == min(size, 64)
        assert sizes(iterates)[-1] == 64


def test_coarse_to_fine_grows_the_picture(studio: Studio) -> None:
    settings = {"min_size": 32, "steps": 1, "finer_steps": 1}
    assert sizes(studio.iterates(coarse_to_fine=True, **settings)) == [32, 64]
    assert sizes(studio.iterates(coarse_to_fine=False, **settings)) == [64]


def test_scale_factor_is_the_ratio_of_the_scales(studio: Studio) -> None:
    settings = {"min_size": 32, "steps": 1, "finer_steps": 1}
    assert sizes(studio.iterates(scale_factor=2, **settings)) == [32, 64]
    assert sizes(studio.iterates(scale_factor=2**0.5, **settings)) == [32, 45, 64]
    assert sizes(studio.iterates(scale_factor=2 ** (1 / 3), **settings)) == [32, 40, 51, 64]


def steps(iterates: list[gramarye.Iterate]) -> list[int]:
    """How many steps each scale took."""
    return [i.step for i in iterates if i.step == i.steps]


FOUR_SCALES = {"min_size": 32, "scale_factor": 2 ** (1 / 3)}


def test_steps_are_those_of_the_first_scale(studio: Studio) -> None:
    for count in (1, 4):
        iterates = studio.iterates(steps=count, finer_steps=2, step_decay=1, **FOUR_SCALES)
        assert steps(iterates) == [count, 2, 2, 2]


def test_finer_steps_are_those_of_each_later_scale(studio: Studio) -> None:
    iterates = studio.iterates(steps=2, finer_steps=3, step_decay=1, **FOUR_SCALES)
    assert steps(iterates) == [2, 3, 3, 3]


def test_step_decay_is_the_share_of_the_scale_before(studio: Studio) -> None:
    iterates = studio.iterates(steps=2, finer_steps=4, step_decay=0.5, **FOUR_SCALES)
    assert steps(iterates) == [2, 4, 2, 1]


def test_grain_makes_up_for_the_detail_an_enlarged_image_lacks(studio: Studio) -> None:
    flat = F.interpolate(
        F.interpolate(CONTENT, size=(8, 8), mode="area"), size=(64, 64), mode="bicubic"
    )

    def enlarged(**settings: Any) -> Tensor:
        settings = {"content": flat.clamp(0, 1), "color": "free", "min_size": 32} | settings
        return studio.first_image(**settings)

    images = [enlarged(grain=amount) for amount in (1, 0.5, 0)]
    assert falls([roughness(image) for image in images], by=0.7)
    assert not torch.equal(enlarged(grain=1), enlarged(grain=1, seed=1))
    # An image that is not enlarged lacks nothing.
    assert torch.equal(enlarged(grain=1, min_size=64), enlarged(grain=0, min_size=64))


def test_learning_rate_is_the_length_of_a_step(studio: Studio) -> None:
    start = studio.first_image()
    for optimizer, rates in (("gradient-descent", (1e-3, 2e-3)), ("lbfgs", (0.5, 1))):
        once, twice = (
            studio.iterates(steps=2, optimizer=optimizer, learning_rate=rate)[0].image - start
            for rate in rates
        )
        assert_close(twice, 2 * once, atol=1e-5, rtol=1e-3)
        assert twice.abs().max() > 1e-3


def test_history_is_how_many_pairs_are_remembered(studio: Studio) -> None:
    # Seven steps leave six pairs behind, so that there is no difference above.
    six, seven, many = (studio.image(steps=7, history=history) for history in (6, 7, 1000))
    assert torch.equal(six, many) and torch.equal(seven, many)
    # With two pairs the first three moves are the same, the fourth would need a third.
    two, three = (studio.iterates(steps=7, history=history) for history in (2, 3))
    same = [torch.equal(a.image, b.image) for a, b in zip(two, three, strict=True)]
    assert same[:3] == [True] * 3 and not any(same[3:])
    assert studio.total(steps=30, history=25) < 0.97 * studio.total(steps=30, history=1)


def test_clip_bounds_the_gradients_entries_in_the_direction(studio: Studio) -> None:
    start = studio.first_image()

    def first_move(**settings: Any) -> Tensor:
        return studio.iterates(steps=2, **settings)[0].image - start

    gradient = -first_move(optimizer="gradient-descent", learning_rate=0.001)
    root_mean_square = gradient.square().mean().sqrt()
    assert direction(first_move(clip=0)) @ direction(-gradient) > 0.9999
    for clip in (1, 5):
        bound = clip / 10 * root_mean_square  # of the first step a tenth
        clipped = gradient.clamp(-bound, bound)
        assert direction(first_move(clip=clip)) @ direction(-clipped) > 0.9999
        assert direction(clipped) @ direction(gradient) < 0.99


def moves(studio: Studio, **settings: Any) -> list[float]:
    """How far each step went, root mean square over the pixels."""
    images = [studio.first_image(), *(i.image for i in studio.iterates(**settings)[:-1])]
    return [(b - a).square().mean().sqrt().item() for a, b in pairwise(images)]


def test_step_limit_bounds_every_step(studio: Studio) -> None:
    for limit in (0.004, 0.01):
        lengths = moves(studio, steps=8, step_limit=limit)
        assert max(lengths) == pytest.approx(limit, rel=1e-3)
    assert max(moves(studio, steps=8, step_limit=1.0, first_step=0.04)) > 0.039


def test_first_step_is_the_shortest_first_step(studio: Studio) -> None:
    for length in (0.005, 0.025):
        assert moves(studio, steps=3, first_step=length)[0] == pytest.approx(length, rel=1e-3)
    plain = moves(studio, steps=3, first_step=0.0)[0]
    assert 0 < plain < 0.005
    assert moves(studio, steps=3, first_step=plain / 2)[0] == pytest.approx(plain, rel=1e-3)


def test_line_search_never_lets_the_loss_rise(studio: Studio) -> None:
    totals = {
        search: [sum(i.losses.values()) for i in studio.iterates(line_search=search, steps=6)]
        for search in ("none", "strong-wolfe")
    }
    assert all(b <= a for a, b in pairwise(totals["strong-wolfe"]))
    assert totals["strong-wolfe"][-1] < 0.7 * totals["none"][-1]  # it looks several times a step


def test_stop_change_ends_a_scale_that_hardly_moves(studio: Studio) -> None:
    counts = [len(studio.iterates(steps=30, stop_change=least)) for least in (0, 0.005, 0.01, 1)]
    assert counts[0] == 30
    assert falls([float(count) for count in counts], by=0.99)
    assert counts[-1] == 5  # a mean needs five changes
    images = [studio.first_image(), *(i.image for i in studio.iterates(steps=30))]
    changes = [(b - a).square().mean().sqrt().item() for a, b in pairwise(images)]
    means = [sum(changes[end - 5 : end]) / 5 for end in range(5, 30)]
    for least, count in ((0.005, counts[1]), (0.01, counts[2])):
        assert all(mean >= least for mean in means[: count - 5])
        assert means[count - 5] < least


def test_average_is_the_decay_of_a_mean_of_the_images(studio: Studio) -> None:
    settings = {"optimizer": "adam", "learning_rate": 0.02, "steps": 4}
    plain = [i.image for i in studio.iterates(**settings)]
    averaged = [i.image for i in studio.iterates(average=0.8, **settings)]
    for count in (1, 2, 3):
        weights = [0.8 ** (count - 1 - i) for i in range(count)]
        mean = sum(w * x for w, x in zip(weights, plain, strict=False)) / math.fsum(weights)
        assert_close(averaged[count - 1], mean)


# the machine


@pytest.mark.bfloat16
def test_precision_is_that_of_the_network(studio: Studio) -> None:
    exact, rough = (studio.image(steps=3, precision=name) for name in ("float32", "bfloat16"))
    assert 1e-6 < (exact - rough).abs().mean() < 0.02
