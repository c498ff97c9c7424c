"""From scale to scale: first images, enlarged images with grain, Adam's moments."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from gramarye.distributed.bands import whole
from gramarye.handover import (
    enlarge,
    enlarge_band,
    enlarge_state,
    first_image,
    style_grain,
    uniform_image,
)
from gramarye.inputs.inputs import Input, Inputs
from gramarye.optimizers.adam import AdamState
from gramarye.pictures.settings import PictureSettings
from gramarye.scales.grain import PERIOD
from gramarye.scales.resizing import fine_detail, resize


def covariance(image: Tensor) -> Tensor:
    """Of the channels of (1, C, H, W), with no mean taken off."""
    flat = image[0].flatten(1)
    return flat @ flat.T / flat.shape[1]


@pytest.fixture
def style() -> Tensor:
    """Strokes of a few colors."""
    noise = torch.rand(1, 1, 30, 40, generator=torch.Generator().manual_seed(1))
    strokes = resize(noise, 150, 200)
    return torch.cat([strokes, 0.5 * strokes, 1 - strokes], dim=1)


# first images


def test_noise_is_the_same_for_the_same_seed_and_not_for_another() -> None:
    like = torch.zeros(1)
    once, again = (uniform_image(4, 5, 3, like) for _ in range(2))
    assert_close(once, again, rtol=0, atol=0)
    assert not torch.equal(once, uniform_image(4, 5, 4, like))
    # The first number of PyTorch's Mersenne Twister for seed 3: a changed generator would show.
    assert_close(once[0, 0, 0, 0], torch.rand(1, generator=torch.Generator().manual_seed(3))[0])


def seen_at(height: int, width: int, init: str) -> dict[str, Tensor]:
    """A content, a style and a first image of other sizes, brought to that of a scale."""
    sizes = {"content": (12, 18), "style/0": (20, 20), "init": (30, 10)}
    inputs = Inputs({name: Input.of(torch.rand(1, 3, *size)) for name, size in sizes.items()})
    bands, settings = whole(height, width).bands, PictureSettings(init=init, color="free")
    return inputs.at(bands, (0, height), settings, torch.device("cpu"), first=True)


@pytest.mark.parametrize("init", ["content", "noise", "gray", "style", "file.png"])
def test_first_images_have_the_contents_size(init: str) -> None:
    seen = seen_at(6, 9, init)
    image = first_image(init, seen, 0, whole(6, 9))
    assert image.shape == seen["content"].shape == (1, 3, 6, 9)
    assert image.min() >= 0 and image.max() <= 1


def test_first_images_are_what_they_are_called() -> None:
    seen, band = seen_at(6, 9, "file.png"), whole(6, 9)
    assert torch.equal(first_image("content", seen, 0, band), seen["content"])
    assert torch.equal(first_image("file.png", seen, 0, band), seen["init"])
    assert torch.equal(first_image("noise", seen, 7, band), uniform_image(6, 9, 7, torch.empty(0)))
    assert torch.equal(first_image("gray", seen, 0, band), torch.full((1, 3, 6, 9), 0.5))
    style = resize(seen["style/0"], 6, 9).clamp(0, 1)
    assert torch.equal(first_image("style", seen, 0, band), style)


@pytest.mark.parametrize("init", ["content", "file.png"])
def test_the_first_image_does_not_share_the_contents_memory(init: str) -> None:
    seen = seen_at(6, 9, init)
    before = {name: picture.clone() for name, picture in seen.items()}
    first_image(init, seen, 0, whole(6, 9)).zero_()
    assert seen["content"].max() > 0
    assert all(torch.equal(picture, before[name]) for name, picture in seen.items())


# enlarging


def test_a_flat_image_gets_as_much_detail_as_the_style_has(style: Tensor) -> None:
    small, content = torch.full((1, 3, 200, 300), 0.5), torch.full((1, 3, 400, 600), 0.4)
    enlarged = enlarge(small, content, [style])
    expected = covariance(fine_detail(style, 75, 100))
    found = covariance(enlarged - 0.5)
    assert_close(found, expected, rtol=0, atol=0.1 * float(expected.max()))


def test_grain_is_too_fine_for_the_image_that_was_enlarged() -> None:
    style = torch.rand(1, 3, 100, 150)
    grain = style_grain([style], 0.5, 0)
    assert resize(grain, PERIOD // 4, PERIOD // 4).square().mean() < 0.01 * grain.square().mean()


def test_an_image_whose_content_has_more_detail_gets_none(style: Tensor) -> None:
    content = torch.rand(1, 3, 64, 96)
    small = resize(content, 32, 48)
    assert_close(enlarge(small, content, [style]), enlarge(small, content))
    assert_close(enlarge(small, content), content)  # its own detail makes it whole


def test_the_amount_and_the_seed_of_grain(style: Tensor) -> None:
    small, content = torch.full((1, 3, 32, 48), 0.5), torch.full((1, 3, 64, 96), 0.5)
    one = enlarge(small, content, [style], seed=3)
    assert torch.equal(one, enlarge(small, content, [style], seed=3))
    assert not torch.equal(one, enlarge(small, content, [style], seed=4))
    assert torch.equal(enlarge(small, content, [style], amount=0), enlarge(small, content))
    half = enlarge(small, content, [style], seed=3, amount=0.5)
    assert_close(half - 0.5, (one - 0.5) / 2)
    assert enlarge(content, content, [style]) is content


def test_a_style_of_one_pixel_has_no_grain() -> None:
    assert not style_grain([torch.rand(1, 3, 1, 1)], 0.5, 0).any()


def test_enlarging_is_resizing_and_the_contents_detail() -> None:
    small, content = torch.rand(1, 3, 20, 31), torch.rand(1, 3, 40, 62)
    expected = resize(small, 40, 62) + fine_detail(content, 20, 31)
    assert_close(enlarge(small, content), expected, rtol=0, atol=1e-6)


# Adam


def test_carried_moments_are_resized_with_the_image() -> None:
    state = AdamState(torch.ones(1, 3, 4, 4), torch.rand(1, 3, 4, 4), 7.0)
    old, new = whole(4, 4).bands, whole(8, 6)
    found = enlarge_state(state, old, new, torch.empty(1, 3, 4, 4))
    assert found.first is not None and found.second is not None and state.second is not None
    assert found.first.shape == (1, 3, 8, 6)
    assert found.second.min() >= 0
    assert found.step == 7.0
    expected = F.interpolate(state.second, size=(8, 6), mode="bilinear")
    assert_close(found.second, expected)


def test_an_empty_state_stays_empty() -> None:
    state = AdamState()
    assert enlarge_state(state, whole(4, 4).bands, whole(8, 6), torch.empty(1, 3, 4, 4)) is state


def test_grain_makes_up_for_detail_where_content_and_style_are_opaque(style: Tensor) -> None:
    content = torch.zeros(1, 3, 60, 80)
    content[..., 40:] = torch.rand(1, 3, 60, 40)  # far more detail than the style's, but hidden
    opaque = torch.zeros(1, 1, 60, 80)
    opaque[..., :36] = 1.0
    mask = torch.zeros(1, 1, 150, 200)
    mask[..., :100] = 1.0
    other = style.clone()
    other[..., 112:] = torch.rand(1, 3, 150, 88)  # further than resizing reaches
    small, new = resize(content, 30, 40), whole(60, 80)
    old = whole(30, 40).bands

    def grain(style: Tensor, **weights: Any) -> Tensor:
        made = enlarge_band(small, content, [style], old, new, seed=3, amount=1.0, **weights)
        return (made - enlarge(small, content))[..., :36]

    expected = style_grain([style], 0.5, 3, [mask])[..., :60, :36]
    assert_close(grain(style, masks=[mask], opaque=opaque), expected, rtol=0, atol=1e-4)
    assert not grain(style, masks=[mask]).any()  # the hidden detail is enough
    assert_close(grain(other, masks=[mask], opaque=opaque), expected, rtol=0, atol=1e-4)
