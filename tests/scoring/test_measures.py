"""Every measure at pictures whose value can be worked out by hand."""

import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from gramarye.scoring.measures import (
    BLOCK,
    border,
    checkerboard,
    color_noise,
    edges_kept,
    haze,
    jumps,
    seam,
    specks,
)


def gray(height: int, width: int, value: float = 0.5) -> Tensor:
    return torch.full((1, 3, height, width), value)


def noise(height: int, width: int, strength: float = 0.05) -> Tensor:
    """Gray noise around the middle, the same in all channels."""
    return (0.5 + strength * torch.randn(1, 1, height, width)).expand(-1, 3, -1, -1).contiguous()


def smooth(height: int, width: int) -> Tensor:
    """A soft landscape that continues nowhere beyond its borders."""
    y, x = torch.meshgrid(torch.linspace(0, 1, height), torch.linspace(0, 1, width), indexing="ij")
    waves = (0.4 + 0.3 * x + 0.2 * y, 0.5 + 0.3 * (3 * x * y).sin(), 0.6 - 0.4 * x)
    return torch.stack(waves)[None]


def test_edges_are_all_kept_by_any_change_of_contrast_and_none_by_their_inverse() -> None:
    picture = torch.rand(1, 3, 64, 64)
    assert edges_kept(picture, picture) == pytest.approx(1)
    assert edges_kept(0.2 + 0.5 * picture, picture) == pytest.approx(1)
    assert abs(edges_kept(picture, picture.flip(-1)) or 0) < 0.2


def test_the_correlation_of_edges_is_that_of_their_places() -> None:
    # Of 4 x 4 areas, ours has a step at one row, theirs at another: of 15 x 7 gradients, 7 are 1.
    ours, theirs = gray(64, 32, 0.0), gray(64, 32, 0.0)
    ours[..., 32:, :], theirs[..., 16:, :] = 1, 1
    share = 1 / 15
    assert edges_kept(ours, theirs) == pytest.approx(-share / (1 - share))


def test_a_picture_without_edges_keeps_none_that_could_be_told() -> None:
    assert edges_kept(gray(32, 32), torch.rand(1, 3, 32, 32)) is None


def test_specks_are_counted_one_by_one() -> None:
    picture = gray(200, 250)
    assert specks(picture) == 0
    for y, x in ((30, 40), (30, 90), (120, 150), (160, 60)):
        picture[..., y, x] = 1
    assert specks(picture) == pytest.approx(4e6 / (200 * 250))


def test_specks_that_stand_out_by_less_are_none() -> None:
    picture = noise(128, 128)
    assert specks(picture) == 0
    picture[..., 60:63, 60:63] += 0.5
    assert specks(picture) == pytest.approx(1e6 / 128**2)


def test_lines_and_what_cannot_be_seen_are_no_specks() -> None:
    picture = gray(128, 128)
    picture[..., 64] = 1
    picture[..., 40, :] = 0
    assert specks(picture) == 0
    faint = gray(128, 128)
    faint[..., 64, 64] += 4 / 255
    assert specks(faint) == 0


def test_color_noise_is_the_ratio_of_color_in_the_detail_and_gray_detail_is_none() -> None:
    grain = torch.randn(1, 3, 64, 64)
    style, picture = 0.5 + 0.02 * grain, 0.5 + 0.06 * grain
    assert color_noise(style, [style]) == pytest.approx(1)
    assert color_noise(picture, [style]) == pytest.approx(3, rel=1e-4)
    assert color_noise(picture + 0.2 * torch.randn(1, 1, 64, 64), [style]) == pytest.approx(
        3, rel=1e-4
    )
    assert color_noise(picture, [style, 0.5 + 0.1 * grain]) == pytest.approx(
        0.06 / math.sqrt((0.02**2 + 0.1**2) / 2), rel=1e-4
    )


@pytest.mark.parametrize("period", [2, 4])
def test_a_checkerboard_in_noise_stands_out_by_what_its_formula_says(period: int) -> None:
    strength, amplitude = 0.05, 0.02
    y, x = torch.meshgrid(torch.arange(512), torch.arange(512), indexing="ij")
    if period == 2:
        lattice = 1.0 - 2 * ((y + x) % 2)
        gain = 64 / 3 * amplitude / strength
    else:  # all its power at four frequencies, a quarter each
        lattice = 2 * (math.pi / 2 * y).cos() * (math.pi / 2 * x).cos()
        gain = 64 / 3 * amplitude / strength / 2
    picture = noise(512, 512, strength)
    assert checkerboard(picture) == pytest.approx(1, abs=0.3)
    assert checkerboard(picture + amplitude * lattice) == pytest.approx(1 + gain**2, rel=0.1)


def test_flat_pictures_and_slopes_have_no_checkerboard() -> None:
    assert checkerboard(gray(64, 64)) == pytest.approx(1)
    assert checkerboard(gray(BLOCK - 5, 40)) == pytest.approx(1)
    assert checkerboard(smooth(128, 128)) < 1.5


@pytest.mark.parametrize("veil", [0.0, 0.5, 1.0])
def test_a_veil_is_haze_of_its_own_share(veil: float) -> None:
    style = torch.rand(1, 3, 128, 96)
    assert haze(style, [style]) == pytest.approx(0)
    assert haze(0.7 * style + 0.3 * veil, [style]) == pytest.approx(0.3, abs=1e-3)
    assert haze(style, [0.5 * style]) == pytest.approx(-1, abs=1e-3)


def test_fine_grain_does_not_hide_haze() -> None:
    style = smooth(256, 256)
    veiled = 0.6 * style + 0.2
    assert haze(veiled + 0.05 * torch.randn(1, 3, 256, 256), [style]) > 0.3


def test_a_border_like_the_rest_counts_as_one_and_another_more() -> None:
    picture = noise(128, 128)
    assert border(picture) == pytest.approx(1, abs=1.5)
    framed = picture.clone()
    framed[..., :8, :] += 0.2
    framed[..., :8] += 0.2
    assert border(framed) > 10
    calm = picture.clone()
    calm[..., :8, :] = 0.5
    calm[..., -8:, :] = 0.5
    assert border(calm) > 2 * border(picture)
    assert border(gray(96, 96)) == 1
    assert border(gray(32, 500)) == 1


def test_a_border_is_measured_in_units_of_the_frames_within() -> None:
    picture = gray(96, 96)
    for k in range(1, 6):  # frames 8 pixels wide, each lighter by 0.05 than the one around it
        inside = slice(8 * k, 96 - 8 * k)
        picture[..., inside, inside] += 0.05
    assert border(picture) == pytest.approx(1, abs=0.4)
    # Corners aside: detail, deviation and OKLab bend it a little.
    picture[..., :8, :] -= 0.2
    picture[..., -8:, :] -= 0.2
    assert border(picture) > 2


def test_an_exponential_slope_has_no_jumps_and_one_step_is_found_where_it_is() -> None:
    slope = torch.linspace(0.2, 0.6, 64).expand(1, 3, 48, 64).clone()
    rows, columns = jumps(slope)
    assert (len(rows), len(columns)) == (47, 63)
    assert_close(columns, torch.ones(63), atol=1e-3, rtol=1e-3)
    step = math.sqrt(3) * 0.4 / 63
    slope[..., 40:] += 0.1
    rows, columns = jumps(slope)
    assert int(columns.argmax()) == 39
    jump = (math.sqrt(3) * 0.1 + step + 0.5 / 255) / (step + 0.5 / 255)
    assert float(columns[39]) == pytest.approx(jump, rel=1e-3)
    assert seam(slope) == pytest.approx(jump, rel=1e-3)
    assert float(rows.max()) == pytest.approx(1, rel=1e-3)


def test_an_edge_along_a_part_of_the_line_counts_for_its_part() -> None:
    slope = torch.linspace(0.2, 0.6, 64).expand(1, 3, 48, 64).clone()
    slope[..., 40:] += 0.1
    whole = seam(slope)
    part = torch.linspace(0.2, 0.6, 64).expand(1, 3, 48, 64).clone()
    part[..., :12, 40:] += 0.1
    assert float(jumps(part)[1][39]) == pytest.approx(whole**0.25, rel=1e-3)


def test_tiles_that_do_not_meet_have_a_seam_and_one_rolled_has_not() -> None:
    tile = smooth(64, 64)
    tiled = torch.cat([tile, tile], dim=3)
    assert int(jumps(tiled)[1].argmax()) == 63
    assert seam(tiled) > 10 * seam(tile)
    y, x = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    turn = 2 * math.pi / 64
    closed = torch.stack([(turn * (a * x + b * y)).sin() for a, b in ((1, 2), (3, 1), (2, -3))])
    closed = 0.5 + 0.3 * closed[None]
    rolled = closed.roll((32, 32), (2, 3))
    rows, columns = jumps(rolled)
    assert seam(rolled, row=32) == float(rows[31]) < 1.2
    assert seam(rolled, column=32) == float(columns[31]) < 1.2
    assert seam(rolled, row=32, column=32) == max(float(rows[31]), float(columns[31]))
    assert seam(tile.roll(32, 3), column=32) > 10


def test_a_seam_one_pixel_wide_is_found_on_both_its_sides() -> None:
    picture = noise(96, 96)
    assert seam(picture) < 1.6
    picture[..., 50, :] += 0.5
    rows, _ = jumps(picture)
    assert set(rows.topk(2).indices.tolist()) == {49, 50}
    assert float(rows.topk(2).values[1]) > 4
