"""The color masses of styles, and which area gets which."""

import torch
from torch.testing import assert_close

from gramarye.drawings.areas import Areas, find_areas
from gramarye.drawings.palette import assign_colors, lightened, palette_of
from gramarye.pictures.oklab import from_oklab
from tests.drawings.drawn import halves, house

BLUE, YELLOW = (0.4, 0.5, 0.9), (0.9, 0.8, 0.2)
EVERYWHERE = torch.ones(1, 1, 64, 64)


def test_two_halves_are_two_masses_and_the_larger_is_first() -> None:
    found = palette_of([halves(BLUE, YELLOW)], [EVERYWHERE], 4)
    colors = from_oklab(found.colors.mT[None])[0].mT
    assert_close(colors, torch.tensor([BLUE, YELLOW]), atol=0.01, rtol=0)
    assert_close(found.shares, torch.tensor([43 / 64, 21 / 64]), atol=0.02, rtol=0)
    (places,) = found.places
    assert not places[:, :40].any() and (places[:, 46:] == 1).all()


def test_strokes_of_another_color_belong_to_the_mass_they_are_in() -> None:
    style = halves(BLUE, YELLOW)
    style[..., 10:12, 4:30] = torch.tensor(YELLOW).view(1, 3, 1, 1)
    (places,) = palette_of([style], [EVERYWHERE], 2).places
    assert not places[:, :40].any()


def test_what_counts_for_nothing_has_no_color() -> None:
    weight = (torch.arange(64) < 40).float().expand(1, 1, 64, 64)
    assert len(palette_of([halves(BLUE, YELLOW)], [weight], 4).shares) == 1


def test_dark_colors_are_lightened_in_their_order_and_light_ones_are_as_they_are() -> None:
    light = torch.tensor([0.0, 0.31, 0.62, 0.9])
    colors = torch.stack([light, torch.full((4,), 0.1), torch.zeros(4)], 1)
    assert_close(lightened(colors)[:, 0], torch.tensor([0.42, 0.52, 0.62, 0.9]))
    assert_close(lightened(colors)[:, 1:], colors[:, 1:])


def test_the_background_is_the_commonest_and_neighbors_differ() -> None:
    areas = find_areas(house(96))
    styles = [halves(BLUE, YELLOW), halves((0.8, 0.3, 0.3), (0.4, 0.8, 0.4))]
    palette = palette_of(styles, [EVERYWHERE, EVERYWHERE], 8)
    assert len(palette.shares) == 4
    for seed in range(5):
        chosen = assign_colors(areas, palette, seed)
        assert chosen[areas.background()] == 0 and len(set(chosen.tolist())) == 3


def test_the_seed_decides() -> None:
    stripes = (torch.arange(64)[None] // 8 + torch.arange(64)[:, None] // 8 * 8).contiguous()
    areas = Areas(stripes, 64)
    styles = [halves(BLUE, YELLOW), halves((0.8, 0.3, 0.3), (0.4, 0.8, 0.4))]
    palette = palette_of(styles, [EVERYWHERE, EVERYWHERE], 8)
    one, again, other = (assign_colors(areas, palette, seed) for seed in (1, 1, 2))
    assert torch.equal(one, again) and not torch.equal(one, other)


def test_colors_have_the_shares_that_the_style_has() -> None:
    areas = Areas((torch.arange(64)[None] // 8 + torch.arange(64)[:, None] // 8 * 8), 64)
    palette = palette_of([halves(BLUE, YELLOW)], [EVERYWHERE], 2)
    chosen = assign_colors(areas, palette, 0)
    assert abs(float((chosen == 0).float().mean()) - 0.67) < 0.1
