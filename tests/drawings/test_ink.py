"""The ink of drawings on any paper."""

import pytest
import torch
from torch.testing import assert_close

from gramarye.drawings.ink import ink_color, ink_of, on_white
from gramarye.pictures.color import luminance
from tests.drawings.drawn import house, on_paper

SIDE = 96


def shaded() -> torch.Tensor:
    """Gray paper that gets darker to the right and below, as a photographed page does."""
    x = torch.linspace(0, 1, SIDE)
    return (0.8 - 0.25 * x[None] - 0.1 * x[:, None])[None, None]


def test_ink_on_white_paper_is_itself() -> None:
    assert_close(ink_of(on_paper(house(SIDE))), house(SIDE), atol=0.02, rtol=0)


def test_gray_paper_in_uneven_light_is_paper() -> None:
    found = ink_of(on_paper(house(SIDE), shaded()))
    assert_close(found, house(SIDE), atol=0.15, rtol=0)
    assert float(found[house(SIDE) == 0].max()) < 0.01


def test_pencil_is_as_dark_as_ink_and_the_papers_noise_is_none() -> None:
    noise = 0.01 * torch.randn(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    found = ink_of((on_paper(house(SIDE), dark=0.7) + noise).clamp(0, 1))
    line = house(SIDE) > 0
    assert float(found[line].mean()) > 0.9 and float(found[~line].mean()) < 0.005


def test_what_is_filled_with_ink_stays_so() -> None:
    ink = torch.zeros(1, 1, SIDE, SIDE)
    ink[..., 30:70, 30:70] = 1
    assert_close(ink_of(on_paper(ink)), ink, atol=0.02, rtol=0)


def test_lines_on_nothing_are_on_white_paper() -> None:
    ink = house(SIDE)
    assert_close(on_white(torch.zeros(1, 3, SIDE, SIDE), ink), on_paper(ink))
    assert on_white(on_paper(ink), None) is not None


def test_an_empty_sheet_has_no_ink() -> None:
    assert not ink_of(torch.full((1, 3, 40, 40), 0.8)).any()


@pytest.mark.parametrize("color", [(0.6, 0.3, 0.1), (0.0, 0.0, 0.0), (0.05, 0.05, 0.1)])
def test_ink_has_its_hue_and_is_dark(color: tuple[float, float, float]) -> None:
    ink = house(SIDE)
    wanted = torch.tensor(color).view(1, 3, 1, 1)
    found = ink_color(
        torch.ones(1, 3, SIDE, SIDE).lerp(wanted.expand(-1, -1, SIDE, SIDE), ink), ink
    )
    light = float(luminance(wanted))
    assert_close(found, wanted * min(1, 0.12 / max(light, 1e-9)), atol=1e-5, rtol=0)
