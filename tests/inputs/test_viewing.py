"""What is seen of a style: parts by hand, turns against arithmetic, masks and labels with it."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from gramarye.inputs.inputs import Input, Inputs
from gramarye.inputs.viewing import StyleView
from gramarye.pictures.settings import PictureSettings


def numbered(height: int, width: int) -> Tensor:
    """A picture whose pixels are all different, in [0, 1]."""
    pixels = torch.arange(3.0 * height * width) / (3 * height * width)
    return pixels.view(1, 3, height, width)


def test_seen_whole_a_picture_is_the_same() -> None:
    picture = numbered(5, 7)
    assert torch.equal(StyleView().of(picture), picture)
    assert StyleView().size((5, 7)) == (5, 7)


def test_a_part_is_cut_out_by_hand() -> None:
    view = StyleView(crop=(0.25, 0.0, 1.0, 0.5))
    picture = numbered(6, 8)
    assert torch.equal(view.of(picture), picture[..., :3, 2:])
    assert view.size((6, 8)) == (3, 6)


def test_a_part_has_a_pixel_at_least() -> None:
    for crop in ((0.0, 0.0, 1e-4, 1e-4), (0.9999, 0.9999, 1.0, 1.0), (0.5, 0.5, 0.5001, 0.5001)):
        view = StyleView(crop=crop)
        assert view.of(numbered(3, 4)).shape == (1, 3, 1, 1)
        assert view.size((3, 4)) == (1, 1)


@pytest.mark.parametrize("turn", [90.0, -270.0])
def test_a_quarter_turn_is_clockwise_and_exact(turn: float) -> None:
    picture = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]).view(1, 1, 2, 3) / 6
    turned = torch.tensor([[4.0, 1.0], [5.0, 2.0], [6.0, 3.0]]).view(1, 1, 3, 2) / 6
    view = StyleView(turn=turn)
    assert torch.equal(view.of(picture), turned)
    assert view.size((2, 3)) == (3, 2)


def test_it_is_mirrored_before_it_is_turned() -> None:
    picture = numbered(4, 6)
    seen = StyleView(flip=True, turn=180).of(picture)
    assert torch.equal(seen, picture.flip(-1).flip(-1, -2))


@pytest.mark.parametrize("turn", [30.0, 45.0, 100.0, -20.0])
def test_a_turned_slope_slopes_the_other_way(turn: float) -> None:
    """Of a picture that is linear in x the turned one is linear, its slope turned clockwise."""
    height, width = 40, 60
    slope = 0.01
    picture = (0.5 + slope * (torch.arange(width) - (width - 1) / 2)).expand(1, 1, height, width)
    view = StyleView(turn=turn)
    seen = view.of(picture)[0, 0]
    assert seen.shape == view.size((height, width))
    angle = math.radians(turn)
    inside = seen[2:-2, 2:-2]
    down, across = inside.diff(dim=0).mean(), inside.diff(dim=1).mean()
    # PyTorch's bicubic weights (a = -0.75) keep a slope to a part in a hundred only.
    assert_close(across, torch.tensor(slope * math.cos(angle)), atol=2e-5, rtol=0)
    assert_close(down, torch.tensor(slope * math.sin(angle)), atol=2e-5, rtol=0)
    assert_close(seen.mean(), torch.tensor(0.5), atol=1e-3, rtol=0)


@pytest.mark.parametrize("turn", [10.0, 45.0, 80.0])
@pytest.mark.parametrize("size", [(40, 60), (90, 30)])
def test_a_turned_picture_has_no_corners(size: tuple[int, int], turn: float) -> None:
    view = StyleView(turn=turn)
    (height, width), old = view.size(size), size if turn < 45.5 else size[::-1]
    grid = view.grid(old, (height, width))
    assert float(grid.abs().max()) <= 1 + 1 / min(old)  # of pixels that are rounded away
    assert float(grid.abs().max()) > 1 - 3 / min(old)  # and it is as large as can be


def test_labels_and_masks_are_seen_as_their_style_is() -> None:
    style = torch.zeros(1, 3, 8, 8)
    style[..., :4] = 1
    labels = torch.zeros(1, 3, 8, 8)
    labels[:, 0, :, :4] = 1  # red at the left
    content = torch.zeros(1, 3, 8, 8)
    content[:, 0, :4] = 1
    pictures = {
        "content": torch.rand(1, 3, 8, 8),
        "style/0": style,
        "style-mask/0": style,
        "style-regions/0": labels,
        "content-regions": content,
    }
    named = {name: Input.of(picture, name) for name, picture in pictures.items()}
    inputs = Inputs(named, PictureSettings(style_turn=90, style_crop=(0, 0, 1, 0.5)))
    assert inputs.sizes["style/0"] == inputs.sizes["style-mask/0"] == (8, 4)
    assert inputs.sizes["content"] == inputs.sizes["content-regions"] == (8, 8)
    assert inputs.regions is not None
    seen = inputs.load("style/0").pixels
    assert torch.equal(seen[0, 0, :4], torch.ones(4, 4))
    assert torch.equal(inputs.load("style-mask/0").gray()[0, 0], seen[0, 0])
    red = inputs.regions.colors.index((255, 0, 0))
    masks = inputs.own_masks("style/0", inputs.load("style/0"))
    assert masks is not None
    assert torch.equal(masks[0, red], seen[0, 0])


def test_what_is_transparent_turns_with_its_picture() -> None:
    alpha = torch.zeros(1, 1, 6, 4)
    alpha[..., :3, :] = 1
    found = Input(numbered(6, 4), 6, 4, alpha)
    shown = Inputs({"style/0": found}, PictureSettings(style_turn=180)).load("style/0")
    assert shown.alpha is not None
    assert torch.equal(shown.alpha, alpha.flip(-2))


def test_of_several_styles_the_content_itself_is_seen_as_it_is() -> None:
    """The way from a photograph begins with it, however the paintings are turned."""
    content, style = numbered(6, 4), numbered(6, 4).flip(-1)
    settings = PictureSettings(style_turn=90)
    pictures = {"content": content, "style/0": content.clone(), "style/1": style}
    inputs = Inputs({name: Input.of(picture) for name, picture in pictures.items()}, settings)
    assert torch.equal(inputs.load("style/0").pixels, content)
    assert inputs.sizes["style/0"] == (6, 4) and inputs.sizes["style/1"] == (4, 6)
    del pictures["style/1"]  # on its own it is a style like others
    inputs = Inputs({name: Input.of(picture) for name, picture in pictures.items()}, settings)
    assert inputs.sizes["style/0"] == (4, 6)
