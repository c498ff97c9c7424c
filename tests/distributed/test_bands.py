"""Bands: who owns and sees what."""

import pytest
import torch

from gramarye.config import make_config
from gramarye.distributed.bands import gather, plan_bands, rescale, whole
from gramarye.distributed.processes import ALONE
from gramarye.losses.terms import needs_of
from gramarye.memory.budget import budget_scale
from gramarye.networks.features import PerceptualNetwork
from gramarye.scales.resizing import resize
from gramarye.scales.rows import length
from gramarye.tiles.plan import choose_tiles
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


@pytest.mark.parametrize("memory", [None, 400_000_000])
def test_a_band_is_budgeted_with_tiles_of_its_own_rows(
    tiny_network: PerceptualNetwork, memory: int | None
) -> None:
    config = make_config(history=2)
    needs = needs_of(config.terms)
    size, settings = (4000, 1000), config.optimizer
    budget = budget_scale(tiny_network, size, (1000, 2000), needs, settings, "float32", memory)
    assert {tile.owned.top for tile in budget.tiles.tiles} >= {1000}
    assert sum(tile.owned.area for tile in budget.tiles.tiles) == 1000 * 1000
    whole = budget_scale(tiny_network, size, (0, 4000), needs, settings, "float32", None)
    assert budget.bytes < whole.bytes / 3


def test_on_one_process_a_picture_is_one_band_and_nothing_is_moved(
    tiny_network: PerceptualNetwork,
) -> None:
    band, image = whole(40, 52), torch.rand(1, 3, 40, 52)
    assert band.bands == plan_bands(tiny_network, LAYERS, 40, 52, 1)
    assert (band.owned, band.window, band.idle) == ((0, 40), (0, 40), False)
    assert band.widen(image) is band.fold(image) is gather(image, band.bands, ALONE) is image
    assert torch.equal(band.own(image), image)
    assert band.share({"a": (image,), "b": ()}) == {"a": (image,), "b": ()}
    tiles = choose_tiles(tiny_network, LAYERS, 40, 52, 100_000)
    assert band.here(tiles) == tiles
    larger = rescale(image, band.bands, whole(60, 78).bands, ALONE)
    assert torch.equal(larger, resize(image, 60, 78))
