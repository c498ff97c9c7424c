"""Resizing, and what is lost by it."""

import pytest
import torch
from torch.testing import assert_close

from gramarye.scales.resizing import fine_detail, resize, resize_around, style_at
from gramarye.scales.sizes import style_size


def test_resizing_to_the_same_size_is_the_identity() -> None:
    image = torch.rand(1, 3, 5, 7)
    assert resize(image, 5, 7) is image


def test_resizing_keeps_a_flat_color() -> None:
    flat = torch.full((1, 3, 9, 9), 0.3)
    assert_close(resize(flat, 4, 20), torch.full((1, 3, 4, 20), 0.3))


def test_a_style_is_shrunk_but_never_enlarged() -> None:
    style = torch.rand(1, 3, 100, 200)
    assert style_at(style, 100, 1.0).shape == (1, 3, 50, 100)
    assert style_at(style, 1000, 1.0) is style
    assert style_at(style, 100, 1.5).shape == (1, 3, 75, 150)


def test_the_size_of_a_style_is_known_without_it() -> None:
    for size in ((100, 200), (40, 33), (1000, 35)):
        for longest, scale in ((100, 1.0), (64, 0.5), (300, 1.5)):
            found = style_at(torch.rand(1, 3, *size), longest, scale)
            assert found.shape[-2:] == style_size(*size, longest, scale)
    assert style_size(1000, 35, 100, 1.0) == (100, 32)  # its short side can be seen


def test_fine_detail_is_what_is_missing_in_between() -> None:
    image = torch.rand(1, 3, 20, 30)
    coarse = resize(resize(image, 10, 15), 20, 30)
    assert_close(fine_detail(image, 10, 15) + coarse, image)
    assert not fine_detail(image, 20, 30).any()
    flat = fine_detail(torch.full((1, 3, 20, 30), 0.4), 10, 15)
    assert_close(flat, torch.zeros_like(flat), rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [(24, 20), (18, 15), (8, 5), (12, 10), (5, 30)])
def test_resizing_around_is_that_of_the_picture_laid_side_by_side(size: tuple[int, int]) -> None:
    image = torch.rand(1, 3, 12, 10, dtype=torch.float64)
    laid = resize(image.repeat(1, 1, 3, 3), 3 * size[0], 3 * size[1])
    expected = laid[..., size[0] : 2 * size[0], size[1] : 2 * size[1]]
    assert_close(resize_around(image, *size), expected)


def test_resizing_around_commutes_with_rolling() -> None:
    image = torch.rand(1, 3, 12, 10, dtype=torch.float64)
    rolled = resize_around(image.roll((3, 5), (-2, -1)), 24, 20)
    assert_close(rolled, resize_around(image, 24, 20).roll((6, 10), (-2, -1)))
    assert resize_around(image, 12, 10) is image
