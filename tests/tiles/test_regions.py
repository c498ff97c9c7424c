"""Boxes: what they cut out, moved and enlarged to pixels."""

import torch

from gramarye.tiles.regions import Box, Region, Tile, whole_region

BOX = Box(2, 5, 1, 4)


def test_a_box_by_hand() -> None:
    assert (BOX.height, BOX.width, BOX.area) == (3, 3, 9)
    assert Box.whole(4, 6) == Box(0, 4, 0, 6)
    picture = torch.arange(48).view(1, 1, 6, 8)
    assert torch.equal(BOX.of(picture), picture[:, :, 2:5, 1:4])
    assert BOX.of(picture).data_ptr() == picture[:, :, 2:, 1:].data_ptr()  # a view


def test_a_box_further_down() -> None:
    assert BOX.down(3) == Box(5, 8, 1, 4)
    assert BOX.down(3).down(-3) == BOX


def test_the_pixels_of_positions_end_with_the_image() -> None:
    assert BOX.times(4, 100, 100) == Box(8, 20, 4, 16)
    assert BOX.times(4, 18, 15) == Box(8, 18, 4, 15)
    assert BOX.times(1, 100, 100) == BOX


def test_a_tile_seen_from_a_band_keeps_what_it_owns() -> None:
    regions = {"relu2_1": Region(Box(1, 2, 0, 2), Box(9, 10, 0, 2), (20, 2))}
    tile = Tile(Box(18, 20, 0, 4), Box(16, 22, 0, 4), regions)
    seen = tile.seen_from(16)
    assert seen.window == Box(0, 6, 0, 4)
    assert (seen.owned, seen.regions) == (tile.owned, tile.regions)


def test_the_whole_region_is_all_of_the_features() -> None:
    box = Box(0, 4, 0, 6)
    assert whole_region(torch.zeros(1, 2, 4, 6)) == Region(box, box, (4, 6))
