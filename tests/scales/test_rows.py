"""Rows: resized as the whole image would be, and what they depend on."""

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from gramarye.scales import rows as rows_module
from gramarye.scales.resizing import resize
from gramarye.scales.rows import (
    NO_ROWS,
    bands_of,
    cut,
    length,
    overlap,
    resize_by_rows,
    resize_rows,
    shrunk_by_rows,
    source_rows,
)


@pytest.mark.parametrize("sizes", [(20, 30, 41, 60), (41, 60, 20, 30), (33, 20, 33, 41)])
def test_rows_are_resized_as_in_the_whole_image(sizes: tuple[int, int, int, int]) -> None:
    old, old_width, height, width = sizes
    image = torch.rand(1, 3, old, old_width, dtype=torch.float64)
    whole = resize(image, height, width)
    for rows in [(0, 7), (5, 16), (height - 3, height), (4, 4)]:
        seen = source_rows(old, height, rows)
        part = resize_rows(cut(image, (0, old), seen), seen[0], old, height, width, rows)
        assert_close(part, whole[..., rows[0] : rows[1], :], rtol=0, atol=1e-12)


@pytest.mark.parametrize("sizes", [(20, 30, 41, 60), (41, 60, 20, 30), (20, 30, 20, 30)])
def test_an_image_resized_by_rows_is_the_image_resized(
    sizes: tuple[int, int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows_module, "BAND", 7 * sizes[3])
    assert list(bands_of((20, sizes[3]))) == [(0, 7), (7, 14), (14, 20)]
    image = torch.rand(1, 3, *sizes[:2], dtype=torch.float64)
    assert_close(resize_by_rows(image, *sizes[2:]), resize(image, *sizes[2:]), rtol=0, atol=1e-12)


def test_moments_are_resized_as_in_the_whole_image() -> None:
    moments = torch.rand(1, 3, 20, 30, dtype=torch.float64)
    whole = F.interpolate(moments, size=(41, 60), mode="bilinear")
    seen = source_rows(20, 41, (11, 30), "bilinear")
    part = cut(moments, (0, 20), seen)
    rows = resize_rows(part, seen[0], 20, 41, 60, (11, 30), "bilinear")
    assert_close(rows, whole[..., 11:30, :], rtol=0, atol=1e-12)


def test_overlap() -> None:
    assert overlap((0, 5), (3, 9)) == (3, 5)
    assert overlap((0, 3), (3, 9)) == (0, 0)
    assert overlap(NO_ROWS, (0, 9)) == NO_ROWS


def test_rows_are_cut_from_what_is_held() -> None:
    image = torch.arange(40.0).view(1, 1, 8, 5)
    held = image[..., 3:7, :]
    assert torch.equal(cut(held, (3, 7), (4, 6)), image[..., 4:6, :])
    assert cut(held, (3, 7), NO_ROWS).shape == (1, 1, 0, 5)
    assert length((4, 6)) == 2
    assert length(NO_ROWS) == 0


@pytest.mark.parametrize("kernel", ["bicubic", "bilinear"])
@pytest.mark.parametrize(("old", "new"), [(20, 41), (41, 20), (100, 7), (7, 100)])
def test_rows_depend_on_the_rows_told_and_on_no_others(kernel: str, old: int, new: int) -> None:
    image = torch.rand(1, 1, old, 3, dtype=torch.float64)
    options = {"mode": kernel, "antialias": True, "align_corners": False}
    for rows in ((0, 1), (new // 2, new // 2 + 2), (new - 1, new)):
        top, bottom = source_rows(old, new, rows, kernel)  # type: ignore[arg-type]
        other = torch.rand_like(image)
        other[..., top:bottom, :] = image[..., top:bottom, :]
        one, two = (F.interpolate(x, size=(new, 3), **options) for x in (image, other))
        assert_close(cut(one, (0, new), rows), cut(two, (0, new), rows), rtol=0, atol=1e-12)
        for row in (top, bottom - 1):
            other = image.clone()
            other[..., row, :] += 1
            moved = cut(F.interpolate(other, size=(new, 3), **options), (0, new), rows)
            assert (moved - cut(one, (0, new), rows)).abs().max() > 1e-9


@pytest.mark.parametrize("part", [2, 4, 8])
def test_an_image_shrunk_by_rows_is_the_image_shrunk_to_the_bit(
    part: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = torch.rand(1, 3, 320, 192)
    whole = resize(image, 320 // part, 192 // part)
    for rows in (1, 7, 1000):
        monkeypatch.setattr(rows_module, "BAND", rows * 192 // part)
        assert torch.equal(shrunk_by_rows(image, part), whole)
