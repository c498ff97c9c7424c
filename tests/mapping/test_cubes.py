"""A .cube file, read back by a small reader of its own."""

import numpy as np
import torch
from numpy.typing import NDArray

from gramarye.mapping.color_map import ColorMap
from gramarye.mapping.cubes import OF_GRID, cube_nodes, cube_text, without_place
from gramarye.mapping.grids import DEPTH

Table = NDArray[np.float64]


def read_cube(text: str) -> Table:
    """The table [red, green, blue, channel] of a .cube file: in the file, red is the fastest."""
    head, rows = {}, []
    for line in text.splitlines():
        first, *rest = line.split(maxsplit=1)
        if first[0].isalpha():
            head[first] = rest[0]
        else:
            rows.append([float(number) for number in line.split()])
    assert head["DOMAIN_MIN"] == "0 0 0" and head["DOMAIN_MAX"] == "1 1 1"
    count = int(head["LUT_3D_SIZE"])
    return np.array(rows).reshape(count, count, count, 3).transpose(2, 1, 0, 3)


def look_up(table: Table, color: tuple[float, float, float]) -> Table:
    """A color's in the table, interpolated between the eight nodes around it."""
    at = [value * (len(table) - 1) for value in color]
    low = [min(int(place), len(table) - 2) for place in at]
    total = np.zeros(3)
    for corner in np.ndindex(2, 2, 2):
        share = 1.0
        for place, below, up in zip(at, low, corner, strict=True):
            share *= place - below if up else 1 - (place - below)
        total += share * table[tuple(np.add(low, corner))]
    return total


def colors() -> torch.Tensor:
    """Some that no map of these tests moves out of [0, 1]."""
    return 0.2 + 0.5 * torch.rand(1, 3, 5, 7, generator=torch.Generator().manual_seed(0))


def written(color_map: ColorMap) -> Table:
    shown = without_place(color_map).of(cube_nodes(color_map))
    return read_cube(cube_text(shown, 'an "evening"'))


def looked_up(table: Table) -> torch.Tensor:
    found = [look_up(table, tuple(color)) for color in colors()[0].flatten(1).T.tolist()]
    return torch.from_numpy(np.array(found)).T.reshape(1, 3, 5, 7).float()


def test_a_table_comes_back_exactly() -> None:
    change = 0.05 * torch.randn(1, 3, 17, 17, 17, generator=torch.Generator().manual_seed(1))
    color_map = ColorMap("lut", change)
    wanted = color_map.of(colors())
    assert torch.allclose(looked_up(written(color_map)), wanted, atol=1e-5)
    assert (wanted - colors()).abs().max() > 0.03


def test_a_grid_alike_everywhere_comes_back_by_lightness() -> None:
    grid = torch.zeros(1, 12, DEPTH, 3, 4)
    grid[0, 3] = 0.1 * torch.linspace(0, 1, DEPTH)[:, None, None]  # more red where it is light
    color_map = ColorMap("grid", grid)
    table = written(color_map)
    assert len(table) == OF_GRID
    wanted = color_map.of(colors())
    assert torch.allclose(looked_up(table), wanted, atol=1e-3)
    assert (wanted - colors()).abs().max() > 0.03


def test_of_a_grid_the_places_are_averaged() -> None:
    grid = torch.zeros(1, 12, DEPTH, 2, 2)
    grid[0, 3, :, :, 0], grid[0, 3, :, :, 1] = -0.1, 0.3  # red: less on the left, more on the right
    found = looked_up(written(ColorMap("grid", grid)))
    wanted = colors() + torch.tensor([0.1, 0, 0])[:, None, None]
    assert torch.allclose(found, wanted, atol=1e-5)


def test_the_title_is_one_line_in_one_pair_of_quotes() -> None:
    first = cube_text(torch.zeros(1, 3, 4, 2), 'a "b"\nc').splitlines()[0]
    assert first.startswith('TITLE "') and first.endswith('"') and first.count('"') == 2
