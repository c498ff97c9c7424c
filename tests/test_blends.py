"""Blends: the frames of a way, what lies between two styles, and what each frame begins with."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

import gramarye
from gramarye.blending import after_photograph, frame_name, mixing_of, plan_frames, weights_at
from gramarye.errors import InputError, SettingsError
from gramarye.inputs.inputs import match_colors, takes_gray
from gramarye.losses.statistics import interpolate_moments, mix_moments, moments
from gramarye.pictures.picture import load_picture
from gramarye.pictures.settings import PictureSettings
from gramarye.recipe import Recipe
from gramarye.samples import sample_path
from tests.whole_image import WHOLE

FAST: dict[str, Any] = {"size": 64, "min_size": 64, "steps": 8, "device": "cpu", **WHOLE}


def test_weights_go_from_one_style_to_the_next() -> None:
    assert [weights_at(t, 2) for t in (0, 0.25, 1)] == [(1, 0), (0.75, 0.25), (0, 1)]
    assert [weights_at(t, 3) for t in (0, 0.25, 0.5, 0.75)] == [
        (1, 0, 0), (0.5, 0.5, 0), (0, 1, 0), (0, 0.5, 0.5),
    ]  # fmt: skip


def test_frames_are_evenly_spaced_and_all_but_the_first_are_short() -> None:
    frames = plan_frames(5, 2, steps=7)
    assert [frame.weights[1] for frame in frames] == [0, 0.25, 0.5, 0.75, 1]
    assert [frame.follows for frame in frames] == [False, True, True, True, True]
    assert "steps" not in frames[0].settings
    assert frames[1].settings["steps"] == 7 and frames[1].settings["coarse_to_fine"] is False


@pytest.mark.parametrize("count", [1, 0, -3, 1001, 2.5, "3", float("nan")])
def test_a_way_has_two_frames_or_more(count: Any) -> None:
    with pytest.raises(
        SettingsError, match=rf"^frames is {count!r}: give a whole number from 2 to 1000"
    ):
        plan_frames(count, 2)


def test_styles_lie_between_others_where_the_loss_is_of_moments() -> None:
    assert mixing_of("covariance") == mixing_of("gram=1,wasserstein=2@relu2_1") == "between"
    assert mixing_of("swd") == mixing_of("covariance,remd") == "pooled"


def test_names_of_frames_are_in_order() -> None:
    assert [frame_name(number, 9) for number in (0, 8)] == ["frame-001.png", "frame-009.png"]
    assert [frame_name(n, 1000) for n in (0, 999)] == ["frame-0001.png", "frame-1000.png"]


def test_masks_follow_their_styles_when_the_photograph_comes_first() -> None:
    given = {"content-mask": 1, "style-mask/0": 2, "content-regions": 3, "style-regions/0": 4}
    assert after_photograph(given) == {
        "content-mask": 1, "style-mask/1": 2, "content-regions": 3, "style-regions/0": 3,
        "style-regions/1": 4,
    }  # fmt: skip


def test_the_mask_of_the_only_style_is_laid_over_it() -> None:
    """And not over the photograph, which has another shape."""
    mask = torch.ones(1, 3, *gramarye.load_image(sample_path("ink")).shape[-2:])
    inputs = {"style-mask/0": mask}
    way = gramarye.blend(
        sample_path("fox"), sample_path("ink"), 2, frame_steps=1, inputs=inputs, **FAST
    )
    recipe = Recipe.from_json(list(way)[1].recipe or "")
    assert "style-mask/1" in recipe.inputs and "style-mask/0" not in recipe.inputs


@pytest.mark.parametrize("setting", ["init", "style_weights"])
def test_what_changes_from_frame_to_frame_is_no_setting(setting: str) -> None:
    way = gramarye.blend(sample_path("fox"), sample_path("ink"), 2, **{setting: (1, 2)})
    with pytest.raises(SettingsError, match=f"{setting} changes from frame to frame"):
        next(way)


def test_a_way_leads_to_a_style() -> None:
    with pytest.raises(InputError, match="there is no style: name the picture that the way leads"):
        next(gramarye.blend(sample_path("fox"), []))


def points(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).view(1, 1, 1, -1)


def test_what_lies_between_two_clouds_by_hand() -> None:
    # Of mean 0 and variance 1, and of mean 10 and variance 9: between them 5 and 5.
    clouds = [moments(points(-1, 1)), moments(points(7, 13))]
    between = interpolate_moments(clouds)
    assert_close(between.mean(), points(5)[..., 0].view(1, 1))
    assert_close(between.covariance(), torch.tensor([[[5.0]]]).double())
    # Pooled, the way between the two means is a variance as well: 5 + 25.
    assert_close(mix_moments(clouds).covariance(), torch.tensor([[[30.0]]]).double())
    weighted = interpolate_moments(clouds, [3, 1])
    assert_close(weighted.mean().item(), 2.5)
    assert_close(weighted.covariance().item(), 3.0)


def test_between_a_style_and_itself_lies_that_style() -> None:
    style = moments(torch.rand(1, 4, 5, 6, dtype=torch.float64))
    for found in (interpolate_moments([style, style], [1, 3]), interpolate_moments([style])):
        assert_close(found.gram(), style.gram())
        assert_close(found.mean(), style.mean())


def test_the_palette_heeds_the_styles_weights() -> None:
    content = 0.4 + 0.2 * torch.rand(1, 3, 8, 8)
    dark, light = 0.1 + 0.1 * torch.rand(1, 3, 4, 4), 0.7 + 0.1 * torch.rand(1, 3, 16, 16)
    ways = (((1, 0), dark.mean()), ((0, 2), light.mean()), ((1, 1), None), ((1e-50, 1e-50), None))
    for mix, mean in ways:
        moved, _ = match_colors(content, [dark, light], PictureSettings(), mix=mix)
        expected = (dark.mean() + light.mean()) / 2 if mean is None else mean
        assert_close(moved.mean(), expected, rtol=0, atol=0.01)


def test_a_gray_style_that_does_not_count_makes_no_gray_picture() -> None:
    gray, colored = torch.full((1, 3, 4, 4), 0.3), torch.rand(1, 3, 4, 4)
    assert takes_gray([gray, colored], PictureSettings(), (1, 0))
    assert not takes_gray([gray, colored], PictureSettings(), (1, 1))


def test_the_way_from_a_photograph_to_a_painting_is_steady() -> None:
    content = gramarye.load_image(sample_path("fox"))
    frames = list(gramarye.blend(content, sample_path("ink"), 5, frame_steps=10, **FAST))
    pixels = [frame.pixels for frame in frames]
    expected = torch.nn.functional.interpolate(
        content, size=pixels[0].shape[-2:], mode="bicubic", antialias=True
    )
    assert_close(pixels[0], expected.clamp(0, 1))
    far = [(x - pixels[0]).square().mean().sqrt().item() for x in pixels]
    near = [(b - a).square().mean().sqrt().item() for a, b in itertools.pairwise(pixels)]
    assert far == sorted(far)  # farther and farther away
    assert max(near) < 0.75 * far[-1]  # and not in one jump


def test_every_frame_has_a_recipe_that_names_the_one_before() -> None:
    styles = [sample_path("mosaic"), sample_path("ink")]
    frames = list(gramarye.blend(sample_path("fox"), styles, 3, frame_steps=3, **FAST))
    recipes = [Recipe.from_json(frame.recipe or "") for frame in frames]
    assert [r.settings.value("style_weights") for r in recipes] == [(1, 0), (0.5, 0.5), (0, 1)]
    assert [r.inputs["init"].name for r in recipes[1:]] == ["frame-001.png", "frame-002.png"]
    assert all(r.settings.value("style_mixing") == "between" for r in recipes)
    assert "init" not in recipes[0].inputs


def test_nothing_lies_between_styles_for_a_loss_of_positions() -> None:
    with pytest.raises(SettingsError, match="nothing lies between two styles for the style"):
        gramarye.stylize(
            sample_path("fox"), [sample_path("ink")] * 2, style_loss="swd", style_mixing="between",
            **FAST,
        )  # fmt: skip


def test_a_host_in_inference_mode_gets_the_same_way() -> None:
    def way() -> list[Tensor]:
        pictures = gramarye.blend(sample_path("fox"), sample_path("ink"), 2, frame_steps=2, **FAST)
        return [picture.pixels for picture in pictures]

    expected = way()
    with torch.inference_mode():
        found = way()
    for there, here in zip(expected, found, strict=True):
        assert torch.equal(there, here) and not here.is_inference()


def test_the_photograph_may_be_one_of_the_styles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_picture(sample_path("fox")).save(tmp_path / "fox.png")
    monkeypatch.chdir(tmp_path)
    styles = ["./fox.png", sample_path("ink")]
    first = next(gramarye.blend("fox.png", styles, 2, **FAST))
    other = next(gramarye.blend("fox.png", sample_path("ink"), 2, **FAST))
    assert torch.equal(first.pixels, other.pixels)  # the photograph as it is
