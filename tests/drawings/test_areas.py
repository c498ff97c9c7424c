"""Closed areas of drawings."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from gramarye.drawings.areas import components, find_areas, grown, spread
from tests.drawings.drawn import house


@pytest.mark.parametrize("seed", range(4))
def test_components_are_those_of_scipy(seed: int) -> None:
    mask = torch.rand(37, 53, generator=torch.Generator().manual_seed(seed)) < 0.3 + 0.12 * seed
    found, count = components(mask)
    expected, number = ndimage.label(mask.numpy())
    assert count == number
    pairs = set(zip(found.flatten().tolist(), expected.flatten().tolist(), strict=True))
    assert len(pairs) == count + 1  # one label for one


def test_a_mask_without_anything_has_no_components() -> None:
    found, count = components(torch.zeros(3, 4, dtype=torch.bool))
    assert count == 0 and not found.any()


def test_spread_reaches_so_many_steps() -> None:
    mask = torch.zeros(9, 9, dtype=torch.bool)
    mask[4, 4] = True
    one = torch.from_numpy(ndimage.binary_dilation(mask.numpy()))
    assert torch.equal(spread(mask, 1), one) and torch.equal(spread(mask, 0), mask)
    square = ndimage.binary_dilation(one.numpy(), np.ones((3, 3)))
    assert torch.equal(spread(mask, 2), torch.from_numpy(square))


def test_labels_grow_where_it_is_allowed_only() -> None:
    labels = torch.zeros(1, 7, dtype=torch.int64)
    labels[0, 0], labels[0, 6] = 1, 2
    allowed = torch.tensor([[1, 1, 1, 0, 1, 1, 1]], dtype=torch.bool)
    assert grown(labels, allowed).tolist() == [[1, 1, 1, 0, 2, 2, 2]]


def test_two_rooms_and_what_is_around_them() -> None:
    areas = find_areas(house(96))
    index = areas.index
    assert areas.count == 3 and len({int(index[y, 48]) for y in (10, 34, 60)}) == 3
    assert areas.background() == int(index[10, 48])
    assert int(areas.sizes().sum()) == 96 * 96  # the lines belong to areas, too
    borders = areas.borders()
    assert torch.equal(borders, borders.mT) and not borders.diagonal().any()
    assert int(borders[index[34, 48], index[60, 48]]) >= 44


@pytest.mark.parametrize(("gap", "closed"), [(2, True), (12, False)])
def test_a_small_gap_closes_an_area_and_a_large_one_does_not(gap: int, closed: bool) -> None:
    index = find_areas(house(128, gap=gap), gaps=0.04).index
    assert bool(index[46, 64] != index[5, 64]) == closed


def test_gaps_are_a_share_of_the_size() -> None:
    ink = house(128, gap=4)
    inside = [find_areas(ink, gaps).index for gaps in (0.01, 0.06)]
    assert [bool(x[46, 64] != x[5, 64]) for x in inside] == [False, True]


def test_specks_are_no_areas() -> None:
    ink = torch.zeros(1, 1, 96, 96)
    ink[..., 40:44, 40:44] = 1
    ink[..., 41:42, 41:42] = 0  # paper of one pixel
    assert find_areas(ink).count == 1


def test_hatching_is_one_area() -> None:
    ink = torch.zeros(1, 1, 128, 128)
    ink[..., 32:96, 32:96:3] = 1  # a square of lines with two pixels of paper between them
    index = find_areas(ink).index
    assert len(torch.unique(index[40:88, 40:88])) == 1
    assert index[64, 64] != index[5, 5]


def test_a_passage_between_two_lines_is_no_gap() -> None:
    ink = torch.zeros(1, 1, 128, 128)
    ink[..., 16:18, 16:112] = ink[..., 110:112, 16:112] = 1
    ink[..., 16:112, 16:18] = ink[..., 16:112, 110:112] = 1
    ink[..., 22:106, 60:68] = 1  # a bar that all but divides a room, with four pixels at both ends
    index = find_areas(ink, gaps=0.06).index
    assert index[64, 30] != index[64, 90]  # the bar is most of the border
    ink[..., 30:98, 60:68] = 0
    ink[..., 22:30, 60:68] = ink[..., 98:106, 60:68] = 1  # two pieces of it, and a way between them
    index = find_areas(ink, gaps=0.06).index
    assert index[64, 30] == index[64, 90]
