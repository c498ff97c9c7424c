"""Inputs at a scale: how much transparent pictures count, from memory and read again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from gramarye.distributed.bands import whole
from gramarye.errors import ImageError, InputError
from gramarye.inputs.coloring import match_colors
from gramarye.inputs.inputs import Input, Inputs
from gramarye.inputs.kinds import check_names
from gramarye.pictures.color import mean_and_covariance
from gramarye.pictures.picture import Picture
from gramarye.pictures.settings import PictureSettings

CPU = torch.device("cpu")


def half_hidden(seed: int, height: int = 24, width: int = 36) -> Picture:
    """Random colors, of which the right half is transparent and green."""
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.rand(1, 3, height, width, generator=generator)
    alpha = torch.zeros(1, 1, height, width)
    alpha[..., : width // 2] = 1.0
    green = torch.tensor([0.0, 1.0, 0.0]).view(1, 3, 1, 1)
    return Picture(torch.where(alpha > 0, pixels, green), alpha)


def seen_at(inputs: Mapping[str, Input], height: int = 12, width: int = 18) -> dict[str, Tensor]:
    settings = PictureSettings(color="free")
    return Inputs(inputs).at(whole(height, width).bands, (0, height), settings, CPU)


def test_styles_are_numbered_without_a_gap() -> None:
    for names in (["content", "style/7"], ["content", "style/0", "style/2"]):
        with pytest.raises(InputError, match="number the styles from 0"):
            check_names(names)
    check_names(["content", "style/1", "style/0"])


def test_alpha_comes_along_as_weights_at_the_scales_size() -> None:
    pictures = {"content": half_hidden(0, 64, 96), "style/0": half_hidden(1, 96, 144)}
    seen = seen_at({name: Input.of(found) for name, found in pictures.items()}, 32, 48)
    expected = {"content", "content-alpha", "content-mask", "style/0", "style-mask/0"}
    assert set(seen) == expected
    assert {tuple(picture.shape[-2:]) for picture in seen.values()} == {(32, 48)}
    for name in expected - {"content", "style/0"}:
        weights = seen[name]
        assert weights.shape[1] == 1 and weights.min() >= 0 and weights.max() <= 1
        assert (weights[..., :20] > 0.9).all() and (weights[..., -20:] < 0.1).all()
    assert (seen["content"][:, 1] - seen["content"][:, 0]).abs().mean() < 0.5  # no green anywhere


def test_alpha_and_mask_are_multiplied() -> None:
    mask = torch.rand(1, 3, 24, 36)
    inputs = {"content": Input.of(half_hidden(0)), "style/0": Input.of(half_hidden(1))}
    masks = {"content-mask": Input.of(mask), "style-mask/0": Input.of(mask)}
    bands = whole(24, 36).bands
    seen = Inputs(inputs | masks).at(bands, (0, 24), PictureSettings(color="free"), CPU)
    alpha = half_hidden(0).alpha
    assert_close(seen["content-alpha"], alpha)
    assert_close(seen["content-mask"], mask.mean(1, keepdim=True) * alpha)
    assert_close(seen["style-mask/0"], mask.mean(1, keepdim=True) * alpha)


def test_what_is_transparent_in_a_mask_is_black() -> None:
    mask = Picture(torch.ones(1, 3, 12, 18), half_hidden(0, 12, 18).alpha)
    seen = seen_at({"content": Input.of(torch.rand(1, 3, 12, 18)), "content-mask": Input.of(mask)})
    assert_close(seen["content-mask"], mask.alpha)


def test_a_picture_without_transparency_has_no_weights() -> None:
    plain = torch.rand(1, 3, 12, 18)
    opaque = Picture(plain, torch.ones(1, 1, 12, 18))
    seen = seen_at({"content": Input.of(opaque), "style/0": Input.of(plain)})
    assert set(seen) == {"content", "style/0"}
    assert torch.equal(seen["content"], plain)
    held = Input.of(opaque).pixels
    assert isinstance(held, Tensor) and held.data_ptr() == plain.data_ptr()  # no copy


def test_a_picture_that_is_read_again_brings_its_alpha_again() -> None:
    reads = []

    def read() -> Picture:
        reads.append(1)
        return half_hidden(0)

    held, again = (
        seen_at({"content": Input.of(source), "style/0": Input.of(source)})
        for source in (half_hidden(0), read)
    )
    assert held.keys() == again.keys() and len(reads) >= 2
    assert all(torch.equal(held[name], again[name]) for name in held)


def test_rows_of_alpha_are_those_of_the_whole() -> None:
    inputs = Inputs({"content": Input.of(half_hidden(0)), "style/0": Input.of(half_hidden(1))})
    settings, bands = PictureSettings(color="free"), whole(12, 18).bands
    all_rows = inputs.at(bands, (0, 12), settings, CPU)
    some = inputs.at(bands, (4, 9), settings, CPU)
    for name in ("content-alpha", "content-mask"):
        assert_close(some[name], all_rows[name][..., 4:9, :], rtol=0, atol=1e-6)
    assert torch.equal(some["style-mask/0"], all_rows["style-mask/0"])


@pytest.mark.parametrize("color", ["style", "content"])
def test_colors_are_matched_where_they_show(color: Any) -> None:
    content, style = half_hidden(0), half_hidden(1)
    inputs = Inputs({"content": Input.of(content), "style/0": Input.of(style)})
    found = inputs.colored(PictureSettings(color=color))
    cut = [picture.pixels[..., :18] for picture in (content, style)]
    matched, (styled,) = match_colors(cut[0], [cut[1]], PictureSettings(color=color))
    assert_close(found["content"].pixels[..., :18], matched, rtol=0, atol=1e-5)
    assert_close(found["style/0"].pixels[..., :18], styled, rtol=0, atol=1e-5)


def test_opaque_and_transparent_styles_share_the_palette() -> None:
    plain = torch.rand(1, 3, 10, 10)
    styles = [half_hidden(1), Picture(plain)]
    inputs = {f"style/{i}": Input.of(style) for i, style in enumerate(styles)}
    content = torch.rand(1, 3, 20, 20) / 2 + 0.25
    found = Inputs({"content": Input.of(content)} | inputs).colored(PictureSettings(color="style"))
    palette = torch.cat([styles[0].pixels[..., :18].flatten(2), plain.flatten(2)], 2)[:, :, None]
    mean, _ = mean_and_covariance(found["content"].pixels)
    assert_close(mean, mean_and_covariance(palette)[0], rtol=0, atol=0.02)  # it is clamped


def test_what_shows_nothing_is_named() -> None:
    hidden = Picture(torch.rand(1, 3, 4, 4), torch.zeros(1, 1, 4, 4))
    with pytest.raises(ImageError, match=r"^style/0 is entirely transparent"):
        Input.of(hidden, "style/0")


def test_alpha_is_no_input_of_its_own() -> None:
    plain = Input.of(torch.rand(1, 3, 4, 4))
    with pytest.raises(InputError, match="content-alpha comes with the content"):
        Inputs({"content": plain, "content-alpha": plain})


def test_alpha_in_memory_is_counted() -> None:
    inputs = Inputs({"content": Input.of(half_hidden(0, 10, 10))})
    assert inputs.held(CPU) == 2 * 4 * 4 * 100


def test_only_a_picture_that_is_read_anew_is_written_over() -> None:
    """A function may give the same tensor every time: nobody else's colors may be moved."""
    content, style = torch.rand(1, 3, 16, 24), torch.rand(1, 3, 8, 8).square()
    before, found = content.clone(), []
    for fresh in (False, True):
        inputs = {
            "content": Input(lambda: content, 16, 24, fresh=fresh),
            "style/0": Input.of(style),
        }
        found.append(Inputs(inputs).colored(PictureSettings())["content"].pixels)
        assert (found[-1].data_ptr() == content.data_ptr()) is fresh
        assert torch.equal(content, before) is not fresh
    assert torch.equal(found[0], found[1])
