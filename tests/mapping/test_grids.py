"""A bilateral grid of affine color maps against answers worked out by hand."""

import torch
from torch import Tensor
from torch.testing import assert_close

from gramarye.mapping.color_map import ColorMap, map_shape
from gramarye.mapping.grids import CONTRAST, DEPTH, grid_roughness
from gramarye.mapping.settings import MapSettings
from gramarye.pictures.color import luminance

GRID = MapSettings(kind="grid", cells=4)


def picture(height: int = 9, width: int = 12, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(1, 3, height, width, generator=generator, dtype=torch.float64)


def zeros(height: int = 9, width: int = 12) -> Tensor:
    return torch.zeros(map_shape(GRID, height, width), dtype=torch.float64)


def test_the_longest_side_has_the_cells_and_the_other_in_proportion() -> None:
    assert map_shape(GRID, 300, 400) == (1, 12, DEPTH, 3, 4)
    assert map_shape(GRID, 400, 10) == (1, 12, DEPTH, 4, 2)


def test_zero_is_the_identity() -> None:
    assert torch.equal(ColorMap("grid", zeros()).of(picture()), picture())


def test_one_affine_map_everywhere_is_that_map_about_the_middle_gray() -> None:
    change = torch.randn(3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    grid = change.reshape(1, 12, 1, 1, 1).expand_as(zeros())
    x = picture()
    wanted = x + torch.einsum("ij,bjhw->bihw", change[:, :3], x - 0.5) + change[:, 3, None, None]
    assert_close(ColorMap("grid", grid).of(x), wanted)


def test_a_shift_in_proportion_to_place_and_lightness_is_interpolated_exactly() -> None:
    grid, x = zeros(), picture()
    grid[0, 3] = torch.linspace(0, 1, 4, dtype=torch.float64)  # red, from left to right
    grid[0, 7] = torch.linspace(0, 1, 3, dtype=torch.float64)[:, None]  # green, downwards
    grid[0, 11] = torch.linspace(0, 1, DEPTH, dtype=torch.float64)[:, None, None]  # blue, by light
    found = ColorMap("grid", grid).of(x) - x
    across = (torch.arange(12, dtype=torch.float64) + 0.5) / 12
    down = (torch.arange(9, dtype=torch.float64) + 0.5) / 9
    assert_close(found[0, 0], across.expand(9, 12))
    assert_close(found[0, 1], down[:, None].expand(9, 12))
    assert_close(found[0, 2], luminance(x)[0, 0])


def test_a_picture_of_twice_the_size_takes_the_same_map() -> None:
    grid = torch.randn(zeros().shape, generator=torch.Generator().manual_seed(2)).double()
    plain = torch.full((1, 3, 30, 40), 0.4, dtype=torch.float64)
    large = torch.full((1, 3, 60, 80), 0.4, dtype=torch.float64)
    small = ColorMap("grid", grid).of(plain)
    halved = torch.nn.functional.avg_pool2d(ColorMap("grid", grid).of(large), 2)
    # Where no node lies between two pixels, the map is linear, and the mean is the same.
    assert ((halved - small).abs() < 1e-9).double().mean() > 0.6


def test_strips_change_nothing(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    grid = torch.randn(zeros().shape, generator=torch.Generator().manual_seed(3)).double()
    for kind, parameters in (("grid", grid), ("lut", torch.randn(1, 3, 17, 17, 17).double())):
        whole = ColorMap(kind, parameters).whole(picture())  # type: ignore[arg-type]
        monkeypatch.setattr("gramarye.mapping.color_map.STRIP", 25)  # two rows
        assert_close(ColorMap(kind, parameters).of(picture()), whole)  # type: ignore[arg-type]


def test_no_edge_moves_between_equal_colors_side_by_side() -> None:
    """Where the content is even, what the map makes is as smooth as the grid."""
    grid = torch.randn(zeros().shape, generator=torch.Generator().manual_seed(4)).double()
    even = ColorMap("grid", grid).of(torch.full((1, 3, 90, 120), 0.4, dtype=torch.float64))
    steepest = max(float(grid.diff(dim=dim).abs().max()) for dim in (3, 4))
    # Three colors of 0.1 about the middle, and the shift: at most 1.3 of a node's difference.
    assert float(even.diff(dim=-1).abs().max()) <= 1.3 * steepest * 3 / 120 + 1e-9
    assert float(even.diff(dim=-2).abs().max()) <= 1.3 * steepest * 2 / 90 + 1e-9


def test_roughness_is_the_mean_square_of_slopes_along_sides_of_one() -> None:
    grid = zeros()
    assert float(grid_roughness(grid + 0.3)) - CONTRAST * 0.3**2 < 1e-12
    grid[0, 3] = 2 * torch.linspace(0, 1, 4, dtype=torch.float64)  # a slope of 2 in one of twelve
    assert_close(float(grid_roughness(grid)), 10 * 4 / 12)
    grid = zeros()
    grid[0, 3] = 2 * torch.linspace(0, 1, DEPTH, dtype=torch.float64)[:, None, None]
    assert_close(float(grid_roughness(grid)), 4 / 12)
