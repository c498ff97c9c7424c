"""Labels: the colors a label picture is meant to have, whatever programs made of it."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from gramarye.errors import ImageError
from gramarye.pictures.labels import NO_LABEL, Labels, around, read_labels, show_color

RED, GREEN, BLUE, VIOLET = (255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 0, 128)


def painted(height: int = 60, width: int = 80) -> np.ndarray:
    """Red above blue, a violet disk, and a green corner; as of 60 x 80 pixels."""
    pixels = np.empty((height, width, 3), np.uint8)
    y, x = np.mgrid[:height, :width] * (60 / height)
    pixels[:] = RED
    pixels[y > 30 + 5 * np.sin(x / 7)] = BLUE
    pixels[(y - 15) ** 2 + (x - 60) ** 2 < 100] = VIOLET
    pixels[(y < 20) & (x < 20)] = GREEN
    return pixels


def tensor(pixels: np.ndarray | Image.Image) -> Tensor:
    array = np.asarray(pixels, dtype=np.float32) / 255
    return torch.from_numpy(array).permute(2, 0, 1)[None]


def as_colors(labels: Labels) -> Tensor:
    return torch.tensor(labels.colors)[labels.index[0, 0].long()]


def differing(labels: Labels, expected: np.ndarray) -> float:
    """The share of pixels whose color is another, but for what JPEG does to it."""
    difference = (as_colors(labels) - torch.from_numpy(expected).int()).abs().amax(2)
    return float((difference > 20).float().mean())


@pytest.mark.parametrize("size", [(1, 1), (1, 5), (7, 9)])
def test_around_is_the_best_of_nine_pixels(size: tuple[int, int]) -> None:
    levels = torch.randint(0, 256, (3, *size), generator=torch.Generator().manual_seed(1))
    beyond = F.pad(levels[None].float(), (1, 1, 1, 1), mode="replicate")
    largest, least = F.max_pool2d(beyond, 3, 1)[0], -F.max_pool2d(-beyond, 3, 1)[0]
    levels = levels.to(torch.uint8)
    assert torch.equal(around(levels, torch.maximum), largest.to(torch.uint8))
    assert torch.equal(around(levels, torch.minimum), least.to(torch.uint8))


def test_flat_colors_are_taken_as_they_are() -> None:
    labels = read_labels(tensor(painted()))
    assert set(labels.colors) == {RED, GREEN, BLUE, VIOLET}
    assert labels.colors[0] == RED or labels.colors[0] == BLUE  # the most frequent first
    assert differing(labels, painted()) == 0


@pytest.mark.parametrize("quality", [95, 75, 40])
def test_noise_of_jpeg_makes_no_colors(quality: int) -> None:
    large = Image.fromarray(painted(180, 240))
    file = io.BytesIO()
    large.save(file, "JPEG", quality=quality)
    labels = read_labels(tensor(Image.open(file)))
    assert len(labels.colors) == 4
    assert differing(labels, painted(180, 240)) < 0.02


@pytest.mark.parametrize("factor", [0.5, 1.7])
def test_smooth_edges_have_the_colors_of_their_sides(factor: float) -> None:
    """Red over blue is violet on the way, which there is elsewhere: none of the edge is."""
    size = round(240 * factor), round(320 * factor)
    smooth = F.interpolate(tensor(painted(240, 320)), size=size, mode="bicubic", antialias=True)
    labels = read_labels(smooth)
    assert len(labels.colors) == 4
    violet = min(range(4), key=lambda i: abs(labels.colors[i][0] - 128))
    there = (labels.index[0, 0] == violet).nonzero().float() / factor / 4
    assert (there - torch.tensor([15.0, 60.0])).norm(dim=1).max() <= 10.5  # its radius is 10
    assert differing(labels, painted(*size)) < 0.01


def test_numbers_of_classes_are_colors_however_near() -> None:
    index = np.zeros((40, 40), np.uint8)
    index[:, 20:], index[20:] = 1, 2
    labels = read_labels(tensor(np.repeat(index[..., None], 3, 2)))
    assert labels.colors == ((2, 2, 2), (0, 0, 0), (1, 1, 1))
    assert labels.apart < 1


def test_what_is_transparent_has_no_label() -> None:
    alpha = torch.ones(1, 1, 60, 80)
    alpha[..., 40:] = 0.2
    labels = read_labels(tensor(painted()), alpha)
    assert (labels.index[..., 40:] == NO_LABEL).all() and (labels.index[..., :40] < 4).all()


def test_a_spot_becomes_what_is_around_it_and_is_named() -> None:
    pixels = np.full((200, 200, 3), 255, np.uint8)
    pixels[:, 100:] = BLUE
    pixels[50:55, 50:55] = RED  # 25 of 40,000
    labels = read_labels(tensor(pixels))
    assert labels.small == (RED,) and set(labels.colors) == {(255, 255, 255), BLUE}
    assert (labels.index[..., :100] == labels.index[0, 0, 0, 0]).all()


def test_a_photograph_is_refused_and_named() -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (12, 16, 3), np.uint8)
    photo = F.interpolate(tensor(noise), size=(120, 160), mode="bicubic").clamp(0, 1)
    for picture in (photo, photo.mean(1, keepdim=True).expand(-1, 3, -1, -1)):
        with pytest.raises(ImageError, match=r"^content-regions is no label picture.* 64 at most"):
            read_labels(picture, name="content-regions")


def test_a_hundred_flat_colors_are_refused() -> None:
    blocks = np.arange(100).reshape(10, 10).repeat(12, 0).repeat(12, 1)
    colors = np.stack([blocks % 5 * 60, blocks // 5 % 5 * 60, blocks // 25 * 60], 2)
    with pytest.raises(ImageError, match="no label picture"):
        read_labels(tensor(colors.astype(np.uint8)))


def test_one_color_is_one_region() -> None:
    labels = read_labels(torch.zeros(1, 3, 5, 7))
    assert labels.colors == ((0, 0, 0),) and not labels.index.any()


def test_colors_are_shown_as_programs_write_them() -> None:
    assert show_color((255, 128, 0)) == "#ff8000"
