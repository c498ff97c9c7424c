import pytest
import torch
from torch.testing import assert_close

from gramarye.scoring.colors import QUANTILES, even_directions, oklab, palette_distance, quantiles


def flat(*color: float) -> torch.Tensor:
    return torch.tensor(color, dtype=torch.float32).view(1, 3, 1, 1).expand(-1, -1, 8, 8)


@pytest.mark.parametrize(
    "color, expected",  # of Ottosson's page, and of CSS Color 4
    [
        ((0, 0, 0), (0, 0, 0)),
        ((1, 1, 1), (1, 0, 0)),
        ((1, 0, 0), (0.62796, 0.22486, 0.12585)),
        ((0, 0, 1), (0.45201, -0.03246, -0.31153)),
    ],
)
def test_oklab_has_its_published_values(
    color: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    assert_close(oklab(flat(*color))[0, :, 0, 0], torch.tensor(expected).float(), atol=2e-5, rtol=0)


def test_no_direction_of_color_counts_more_than_another() -> None:
    d = even_directions()
    assert_close(d.mT @ d / len(d), torch.eye(3) / 3)


def test_one_color_is_as_far_from_another_as_in_oklab() -> None:
    assert palette_distance(flat(0, 0, 0), flat(1, 1, 1)) == pytest.approx(1, abs=1e-4)
    red, blue = flat(1, 0, 0), flat(0, 0, 1)
    expected = float((oklab(red) - oklab(blue))[0, :, 0, 0].norm())
    assert palette_distance(red, blue) == pytest.approx(expected, rel=1e-4)


def test_places_and_sizes_do_not_count_but_shares_do() -> None:
    picture = torch.rand(1, 3, 16, 16)
    assert palette_distance(picture, picture.flip(-1)) == pytest.approx(0, abs=1e-6)
    assert palette_distance(picture, picture.repeat(1, 1, 4, 4)) < 0.01
    halves = torch.cat([flat(0, 0, 0), flat(1, 1, 1)], dim=3)
    # Half of the mass moves by 1.
    assert palette_distance(halves, flat(0, 0, 0)) == pytest.approx(0.5**0.5, abs=2e-3)


def test_quantiles_of_as_many_values_are_the_values_in_order() -> None:
    values = torch.randperm(QUANTILES).float()[None]
    assert_close(quantiles(values), torch.arange(QUANTILES).float()[None])
    assert_close(quantiles(torch.full((2, 1), 3.0)), torch.full((2, QUANTILES), 3.0))
