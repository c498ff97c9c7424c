"""Transparency: what hidden pixels are filled with, and pictures that show nothing."""

import pytest
import torch
from torch.testing import assert_close

from gramarye.errors import ImageError
from gramarye.pictures.alpha import fill_hidden, opacity


def test_what_shows_stays_and_what_is_hidden_takes_the_color_beside_it() -> None:
    pixels = torch.tensor([0.2, 0.6, 1.0, 1.0]).view(1, 1, 1, 4).expand(1, 3, -1, -1)
    alpha = torch.tensor([1.0, 1.0, 0.0, 0.0]).view(1, 1, 1, 4)
    # Of halves the means are 0.4 and none: between them, the second takes over the first's color.
    expected = torch.tensor([0.2, 0.6, 0.4, 0.4]).view(1, 1, 1, 4).expand(1, 3, -1, -1)
    assert_close(fill_hidden(pixels, alpha), expected)


@pytest.mark.parametrize("size", [(1, 1), (7, 12), (33, 20)])
def test_hidden_colors_change_nothing(size: tuple[int, int]) -> None:
    pixels, alpha = torch.rand(1, 3, *size), (torch.rand(1, 1, *size) - 0.6).clamp(min=0)
    alpha[..., 0, 0] = 1.0
    other = torch.where(alpha > 0, pixels, torch.rand(1, 3, *size))
    filled = fill_hidden(pixels, alpha)
    assert torch.equal(filled, fill_hidden(other, alpha))
    trusted = (alpha > 0.25).expand_as(pixels)
    assert torch.equal(filled[trusted], pixels[trusted])
    assert pixels[trusted].min() <= filled.min() and filled.isfinite().all()


def test_one_visible_pixel_colors_all() -> None:
    pixels, alpha = torch.rand(1, 3, 13, 9), torch.zeros(1, 1, 13, 9)
    alpha[..., 5, 7] = 0.1
    assert_close(fill_hidden(pixels, alpha), pixels[..., 5:6, 7:8].expand(-1, -1, 13, 9))


def test_a_picture_that_is_half_transparent_everywhere_keeps_its_colors() -> None:
    pixels = torch.rand(1, 3, 9, 8)
    assert torch.equal(fill_hidden(pixels, torch.full((1, 1, 9, 8), 0.1)), pixels)


def test_what_is_opaque_everywhere_has_no_alpha() -> None:
    assert opacity(None, "a") is None
    assert opacity(torch.ones(1, 1, 3, 3), "a") is None
    alpha = torch.tensor([[[[1.0, 0.5]]]])
    assert opacity(alpha, "a") is alpha


def test_a_picture_that_shows_nothing_is_refused_by_name() -> None:
    with pytest.raises(ImageError, match=r"^'a\.png' is entirely transparent: give a picture"):
        opacity(torch.zeros(1, 1, 3, 3), "'a.png'")
