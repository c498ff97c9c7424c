"""The pairs of a step: from the seed and the step alone, and past files that cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from gramarye.errors import ImageError
from gramarye.feedforward.pairs import PairSampler, Pictures, square, turned
from gramarye.pictures.folders import picture_files


def test_a_step_has_the_same_pairs_whenever_it_is_made(sampler: PairSampler) -> None:
    one, other, again = sampler(3), sampler(4), sampler(3)
    assert torch.equal(one.contents, again.contents) and torch.equal(one.styles, again.styles)
    assert not torch.equal(one.styles, other.styles)


def test_smaller_crops_are_more_pairs(photographs: Path, paintings: Path) -> None:
    files = picture_files([photographs]), picture_files([paintings])
    sampler = PairSampler(*map(Pictures, files), (128, 256), 128, 5 * 128**2, seed=0)
    shapes = {(tuple(p.contents.shape), tuple(p.styles.shape)) for p in map(sampler, range(9))}
    assert shapes == {((5, 3, 128, 128), (5, 3, 128, 128)), ((1, 3, 256, 256), (1, 3, 128, 128))}


def test_crops_are_pictures(sampler: PairSampler) -> None:
    for pairs in map(sampler, range(6)):
        for crops in (pairs.contents, pairs.styles):
            assert crops.min() >= 0 and crops.max() <= 1 and crops.std() > 0.05
        assert not torch.equal(pairs.contents, pairs.styles)


def test_a_file_that_cannot_be_read_is_passed_over(photographs: Path) -> None:
    (photographs / "a_1.png").write_bytes(b"no picture")
    pictures = Pictures(picture_files([photographs]))
    generator = torch.Generator().manual_seed(0)
    assert len(pictures.draw(4, generator)) == 4
    assert list(pictures.failed) == [photographs / "a_1.png"]


def test_only_broken_files_are_an_error(photographs: Path) -> None:
    for file in photographs.iterdir():
        file.write_bytes(b"no picture")
    with pytest.raises(ImageError, match="none of the 4 pictures can be read; the first"):
        Pictures(picture_files([photographs])).read(2)


def test_pictures_are_kept_while_there_is_room(photographs: Path) -> None:
    files = picture_files([photographs])
    pictures = Pictures(files, room=3 * 150 * 140)
    for number in range(4):
        pictures.read(number)
    assert list(pictures.kept) == files[:1]
    assert torch.equal(pictures.read(0), Pictures(files, room=0).read(0))


def test_a_square_is_cut_at_the_side_asked_for() -> None:
    picture = torch.randint(256, (3, 40, 30), dtype=torch.uint8)
    generator = torch.Generator().manual_seed(0)
    whole = square(picture, 100, 30, generator)  # no more than there is
    assert whole.shape == (1, 3, 30, 30)
    rows = F.unfold(picture[None].float() / 255, (30, 30))[0].T
    assert any(torch.equal(row, whole.flatten()) for row in rows)
    assert square(picture, 20, 64, generator).shape == (1, 3, 64, 64)


def test_turning_four_times_and_flipping_twice_is_nothing() -> None:
    crop = torch.rand(1, 3, 4, 4)
    assert_close(turned(turned(crop, 3, flip=False), 1, flip=False), crop)
    assert_close(turned(turned(crop, 0, flip=True), 0, flip=True), crop)
