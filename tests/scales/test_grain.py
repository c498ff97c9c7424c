"""Grain: noise like a style's detail, and where it goes."""

import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from gramarye.scales.grain import PERIOD, add_grain, missing, spot_noise, style_noise, wrapped
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


def test_noise_is_as_strong_as_the_detail_and_has_its_colors(style: Tensor) -> None:
    detail = fine_detail(style, 75, 100)
    detail = detail - detail.mean(dim=(-2, -1), keepdim=True)
    found = torch.stack([covariance(spot_noise([detail], seed)) for seed in range(8)]).mean(dim=0)
    expected = covariance(detail)
    assert_close(found, expected, rtol=0, atol=0.05 * float(expected.max()))


def test_noise_of_one_spot_is_white_noise() -> None:
    spot = torch.zeros(1, 3, PERIOD, PERIOD)
    spot[..., 3, 5] = 1.0
    noise = spot_noise([spot], 0)[0, 0]
    expected = torch.randn(PERIOD, PERIOD, generator=torch.Generator().manual_seed(0))
    expected = (expected - expected.mean()).roll((3, 5), (0, 1)) / PERIOD
    assert_close(noise, expected, rtol=1e-3, atol=1e-6)


def test_noise_has_the_spectrum_of_the_detail_sampled(style: Tensor) -> None:
    detail = fine_detail(style, 75, 100)
    detail = detail - detail.mean(dim=(-2, -1), keepdim=True)
    white = torch.fft.rfft2(torch.randn(PERIOD, PERIOD, generator=torch.Generator().manual_seed(7)))
    spectrum = torch.fft.rfft2(detail, s=(PERIOD, PERIOD)).abs() / math.sqrt(150 * 200)
    found = torch.fft.rfft2(spot_noise([detail], 7)).abs()
    assert_close(found, spectrum * white.abs(), rtol=1e-3, atol=1e-3 * float(found.max()))


def test_several_details_count_equally(style: Tensor) -> None:
    one, two = fine_detail(style, 75, 100), 3 * fine_detail(style, 75, 100)
    both = torch.stack([covariance(spot_noise([one, two], seed)) for seed in range(8)]).mean(dim=0)
    expected = (covariance(one) + covariance(two)) / 2
    assert_close(both, expected, rtol=0, atol=0.1 * float(expected.max()))


def test_no_detail_is_no_noise() -> None:
    assert not spot_noise([], 0).any()
    flat = spot_noise([torch.full((1, 3, 5, 7), 0.3)], 0)
    assert_close(flat, torch.zeros_like(flat), rtol=0, atol=1e-6)


def test_wrapping_adds_up_what_lies_a_period_apart() -> None:
    image = torch.zeros(1, 1, PERIOD + 2, 2 * PERIOD + 1)
    image[0, 0, 1, 4] = 1
    image[0, 0, PERIOD + 1, 4] = 2
    image[0, 0, 1, 2 * PERIOD] = 5
    found = wrapped(image)
    assert found.shape == (1, 1, PERIOD, PERIOD)
    assert found[0, 0, 1, 4] == 3
    assert found[0, 0, 1, 0] == 5
    assert found.sum() == image.sum()


@pytest.mark.parametrize("top", [0, 1, PERIOD - 1, PERIOD, 3 * PERIOD + 200])
def test_grain_repeats_from_wherever_a_band_begins(top: int) -> None:
    grain = torch.randn(1, 3, PERIOD, PERIOD)
    height, width = PERIOD + 70, PERIOD + 9
    image = torch.rand(1, 3, height, width)
    rows = torch.arange(top, top + height) % PERIOD
    columns = torch.arange(width) % PERIOD
    expected = image + 0.5 * grain[..., rows, :][..., columns]
    add_grain(image, grain, 0.5, top)
    assert_close(image, expected)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0, 2.0])
def test_what_is_missing_makes_up_the_variance(share: float) -> None:
    grain = torch.randn(1, 3, PERIOD, PERIOD)
    wanted = float(grain.square().mean())
    found = share * wanted + missing(grain, share * wanted) ** 2 * wanted
    assert found == pytest.approx(max(1.0, share) * wanted)
    assert missing(torch.zeros_like(grain), 0.1) == 0.0


def test_what_counts_for_nothing_is_as_if_cut_out(style: Tensor) -> None:
    detail = fine_detail(style, 75, 100)
    weights = torch.zeros(1, 1, 150, 200)
    weights[..., :120] = 1.0
    found, expected = spot_noise([detail], 3, [weights]), spot_noise([detail[..., :120]], 3)
    assert_close(found, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))


def test_weights_of_one_half_are_as_none(style: Tensor) -> None:
    detail = fine_detail(style, 75, 100)
    half = torch.full((1, 1, 150, 200), 0.5)
    expected = spot_noise([detail], 3)
    found = spot_noise([detail], 3, [half])
    assert_close(found, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))


def test_grain_of_another_period_repeats_after_that(style: Tensor) -> None:
    grain = spot_noise([fine_detail(style, 75, 100)], 1, period=(6, 10))
    assert grain.shape == (1, 3, 6, 10)
    image = torch.zeros(1, 3, 13, 25)
    add_grain(image, grain, 2.0, top=4)
    for y in range(13):
        for x in range(25):
            assert torch.equal(image[..., y, x], 2 * grain[..., (y + 4) % 6, x % 10])


def test_style_noise_has_the_styles_colors_and_their_covariance(style: Tensor) -> None:
    calm = 0.5 + 0.25 * (style - 0.5)  # so that nothing is clamped
    noises = torch.cat([style_noise([calm], seed, None, (96, 128)) for seed in range(16)], dim=-1)
    mean = calm.mean(dim=(-2, -1), keepdim=True)
    assert noises.shape == (1, 3, 96, 16 * 128)
    assert_close(noises.mean(dim=(-2, -1), keepdim=True), mean, rtol=0, atol=1e-4)
    expected = covariance(calm - mean)
    assert_close(covariance(noises - mean), expected, rtol=0, atol=0.15 * float(expected.max()))


def test_style_noise_meets_itself_on_the_other_side(style: Tensor) -> None:
    noise = style_noise([0.5 + 0.25 * (style - 0.5)], 2, None, (96, 128))
    for dim in (-1, -2):
        across = noise.select(dim, 0) - noise.select(dim, -1)
        strangers = noise.select(dim, 0) - noise.select(dim, noise.shape[dim] // 2)
        assert across.square().mean() < 0.1 * strangers.square().mean()


def test_style_noise_heeds_masks_and_seeds(style: Tensor) -> None:
    left = torch.zeros(1, 1, 150, 200)
    left[..., :80] = 1
    masked = style_noise([style], 0, [left], (40, 40)).mean(dim=(-2, -1))
    assert_close(masked, style[..., :80].mean(dim=(-2, -1)), rtol=0, atol=0.02)
    one, again, other = (style_noise([style], seed, None, (40, 40)) for seed in (0, 0, 1))
    assert torch.equal(one, again) and not torch.equal(one, other)
