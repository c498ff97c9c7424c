"""Bands: who owns and sees what; resizing rows as the whole image would be."""

import pytest
import torch
from torch.testing import assert_close

from gramarye.config import make_config
from gramarye.distributed.bands import plan_bands, resize_rows, source_rows
from gramarye.distributed.processes import cut, length, overlap
from gramarye.memory.budget import budget_scale
from gramarye.networks.features import PerceptualNetwork
from gramarye.optimize import AdamState
from gramarye.scales.sizes import resize
from gramarye.tiles.tiling import margins, plan_tiles

LAYERS = ("relu1_1", "relu3_1")


@pytest.mark.parametrize(("height", "processes"), [(64, 2), (83, 3), (205, 7), (50, 1)])
def test_bands_cover_the_rows_once_and_begin_at_the_stride(
    tiny_network: PerceptualNetwork, height: int, processes: int
) -> None:
    bands = plan_bands(tiny_network, LAYERS, height, 40, processes)
    rows = [row for start, stop in bands.owned for row in range(start, stop)]
    assert rows == list(range(height))
    assert all(start % 4 == 0 for start, _ in (*bands.owned, *bands.windows))


def test_a_band_is_at_least_twice_its_margin_and_the_others_get_none(
    tiny_network: PerceptualNetwork,
) -> None:
    least = 2 * max(margins(tiny_network, LAYERS))  # 20 rows
    bands = plan_bands(tiny_network, LAYERS, 50, 40, 4)
    assert bands.count == 2
    assert [length(rows) for rows in bands.owned] == [24, 26, 0, 0]
    assert min(length(rows) for rows in bands.owned[:2]) >= least
    assert bands.windows[2:] == ((0, 0), (0, 0))


def test_a_band_sees_the_windows_of_its_tiles(tiny_network: PerceptualNetwork) -> None:
    bands = plan_bands(tiny_network, LAYERS, 90, 40, 3)
    for owned, (top, bottom) in zip(bands.owned, bands.windows, strict=True):
        tiles = plan_tiles(tiny_network, LAYERS, 90, 40, 2, 2, within=owned)
        assert min(tile.window.top for tile in tiles) == top
        assert max(tile.window.bottom for tile in tiles) == bottom


@pytest.mark.parametrize("sizes", [(20, 30, 41, 60), (41, 60, 20, 30), (33, 20, 33, 41)])
def test_rows_are_resized_as_in_the_whole_image(sizes: tuple[int, int, int, int]) -> None:
    old, old_width, height, width = sizes
    image = torch.rand(1, 3, old, old_width, dtype=torch.float64)
    whole = resize(image, height, width)
    for rows in [(0, 7), (5, 16), (height - 3, height), (4, 4)]:
        seen = source_rows(old, height, rows)
        part = resize_rows(cut(image, (0, old), seen), seen[0], old, height, width, rows)
        assert_close(part, whole[..., rows[0] : rows[1], :], rtol=0, atol=1e-12)


def test_moments_are_resized_as_in_the_whole_image() -> None:
    moments = torch.rand(1, 3, 20, 30, dtype=torch.float64)
    whole = AdamState(moments, moments, 1.0).resized(41, 60).first
    assert whole is not None
    seen = source_rows(20, 41, (11, 30), "bilinear")
    part = cut(moments, (0, 20), seen)
    rows = resize_rows(part, seen[0], 20, 41, 60, (11, 30), "bilinear")
    assert_close(rows, whole[..., 11:30, :], rtol=0, atol=1e-12)


def test_overlap() -> None:
    assert overlap((0, 5), (3, 9)) == (3, 5)
    assert overlap((0, 3), (3, 9)) == (0, 0)


@pytest.mark.parametrize("memory", [None, 400_000_000])
def test_a_band_is_budgeted_with_tiles_of_its_own_rows(
    tiny_network: PerceptualNetwork, memory: int | None
) -> None:
    config = make_config(history=2)
    budget = budget_scale(tiny_network, 4000, 1000, config, "float32", memory, within=(1000, 2000))
    assert {tile.owned.top for tile in budget.tiles.tiles} >= {1000}
    assert sum(tile.owned.area for tile in budget.tiles.tiles) == 1000 * 1000
    whole = budget_scale(tiny_network, 4000, 1000, config, "float32", None)
    assert budget.bytes < whole.bytes / 3
