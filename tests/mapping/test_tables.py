"""A table of colors against answers worked out by hand."""

import torch
from torch.testing import assert_close

from gramarye.mapping.color_map import ColorMap
from gramarye.mapping.grids import CONTRAST
from gramarye.mapping.tables import EVEN, SHAPE, nodes, table_roughness


def picture() -> torch.Tensor:
    return torch.rand(1, 3, 7, 11, generator=torch.Generator().manual_seed(0)).double()


def like() -> torch.Tensor:
    return torch.zeros(SHAPE, dtype=torch.float64)


def test_zero_is_the_identity() -> None:
    assert_close(ColorMap("lut", like()).of(picture()), picture())


def test_a_table_of_an_affine_map_is_that_map() -> None:
    matrix = torch.randn(3, 3, generator=torch.Generator().manual_seed(1)).double()
    table = torch.einsum("ij,njbgr->nibgr", matrix, nodes(like())) + 0.2
    x = picture()
    assert_close(ColorMap("lut", table).of(x), x + torch.einsum("ij,njhw->nihw", matrix, x) + 0.2)


def test_red_is_the_last_side_and_blue_the_first() -> None:
    table = like()
    table[0, 0, 0, 0, -1], table[0, 1, -1, 0, 0] = 1.0, 1.0
    colors = torch.tensor([[1.0, 0, 0], [0, 0, 1]]).double().T[None, :, None]  # red, blue
    assert_close(
        (ColorMap("lut", table).of(colors) - colors)[0, :, 0].T[:, :2], torch.eye(2).double()
    )


def test_roughness_sees_no_affine_map_but_its_change_of_contrast() -> None:
    matrix = torch.randn(3, 3, generator=torch.Generator().manual_seed(2)).double()
    table = torch.einsum("ij,njbgr->nibgr", matrix, nodes(like())) + 0.2
    assert_close(float(table_roughness(table)), CONTRAST * float(matrix.square().mean()))


def test_roughness_is_the_mean_square_of_second_slopes() -> None:
    table = like()
    table[0, 0] = nodes(like())[0, 0] ** 2  # red by red squared: a second slope of 2
    steps = torch.arange(16).double() / 16 + 1 / 32  # first slopes, 2 r
    contrast = float((2 * steps).square().mean()) / 9
    assert_close(float(table_roughness(table)), EVEN * 4 / 3 + CONTRAST * contrast)
    table = like()
    table[0, 0] = nodes(like())[0, 0] * nodes(like())[0, 2]  # by red and blue: mixed, 1, twice
    line = torch.linspace(0, 1, 17).double().square().mean()
    assert_close(float(table_roughness(table)), EVEN * 2 / 3 + CONTRAST * float(2 * line) / 9)
