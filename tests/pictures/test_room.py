"""Pictures continued at their far sides, in their own memory where it has room."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from gramarye.pictures.picture import load_picture, load_with_room
from gramarye.pictures.room import continued, has_room
from tests.pictures.making import noise


def roomy(height: int, width: int, image: Tensor) -> Tensor:
    """The image in memory of those sides, with other numbers behind it."""
    memory = torch.full((1, 3, height, width), 7.0)
    view = memory[..., : image.shape[-2], : image.shape[-1]]
    return view.copy_(image)


@pytest.mark.parametrize("size", [(13, 21), (16, 21), (13, 24), (16, 24)])
def test_a_picture_is_mirrored_in_its_own_memory(size: tuple[int, int]) -> None:
    """Of 13 rows that become 16, the last three are the twelfth, the eleventh and the tenth."""
    image = torch.rand(1, 3, *size)
    expected = F.pad(image, (0, 24 - size[1], 0, 16 - size[0]), mode="reflect")
    view = roomy(16, 24, image)
    found = continued(view, 8, in_place=True)
    assert torch.equal(found, expected)
    assert found.data_ptr() == view.data_ptr() and found.is_contiguous()
    if size[0] == 13:
        assert torch.equal(found[..., 13:, :], found[..., [11, 10, 9], :])


def test_without_room_or_leave_it_is_a_copy() -> None:
    image = torch.rand(1, 3, 13, 21)
    expected = continued(image, 8)
    memory = torch.full((1, 3, 14, 24), 7.0)
    short = memory[..., :13, :21].copy_(image)
    for view, in_place in ((image, True), (short, True), (roomy(16, 24, image), False)):
        found = continued(view, 8, in_place=in_place)
        assert torch.equal(found, expected) and found.data_ptr() != view.data_ptr()
        assert torch.equal(view, image)
    assert float(memory[..., 13:, :].min()) == 7
    assert continued(image[..., :2, :3], 8, in_place=True).shape == (1, 3, 8, 8)


@pytest.mark.parametrize("channels", [3, 4])
def test_a_file_is_read_with_room(tmp_path: Path, channels: int) -> None:
    path = load_picture(noise(50, 70, channels)).save(tmp_path / "a.png").path
    plain, found = load_picture(path), load_with_room(path, 64)
    assert torch.equal(found.pixels, plain.pixels)
    assert not has_room(plain.pixels, 64, 128) and has_room(found.pixels, 64, 128)
    if channels == 4:
        assert found.alpha is not None and plain.alpha is not None
        assert torch.equal(found.alpha, plain.alpha)
    larger = continued(found.pixels, 64, in_place=True)
    assert torch.equal(larger, continued(plain.pixels, 64)) and larger.shape == (1, 3, 64, 128)
    assert larger.data_ptr() == found.pixels.data_ptr()
    if channels == 4:
        assert torch.equal(found.alpha, plain.alpha)
