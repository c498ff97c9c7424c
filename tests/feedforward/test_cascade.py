"""The way through the parts of the size: where each begins, and where it is to lead."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from gramarye.feedforward.cascade import (
    Cascade,
    add_detail,
    add_detail_by_rows,
    at_part,
    match_colors,
    noise,
)
from gramarye.feedforward.files import make_painter
from gramarye.feedforward.objective import spread
from gramarye.losses.statistics import moments
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.registry import load_network
from gramarye.pictures.color import match_color
from gramarye.scales import rows
from gramarye.scales.resizing import resize
from tests.feedforward.conftest import SHAPE


def test_a_look_has_the_layers_of_the_step_at_each_part(
    cascade: Cascade, tiny_network: PerceptualNetwork
) -> None:
    styles = torch.rand(2, 3, 64, 96)
    found = cascade.look(styles)
    assert {part: tuple(layers) for part, layers in found.items()} == {
        1: SHAPE.fine.layers, 2: SHAPE.coarse.layers, 4: SHAPE.coarse.layers
    }  # fmt: skip
    seen = tiny_network(at_part(styles, 2), ["relu3_1"])["relu3_1"]
    assert seen.shape[-2:] == (8, 12)
    assert_close(found[2]["relu3_1"].gram(), moments(seen).gram().double(), rtol=1e-4, atol=1e-6)
    assert_close(found[2]["relu3_1"].count, torch.full((2,), 96.0).double())


def test_without_strength_nothing_is_missing(cascade: Cascade) -> None:
    image, styles = torch.rand(2, 3, 64, 64), torch.rand(2, 3, 64, 64).square()
    look = cascade.look(styles)
    for part in (4, 1):
        aim = cascade.aim(image, look[part], strength=0.0)
        assert all(torch.equal(aim.wanted[k], aim.felt[k]) for k in aim.felt)
        whole, half = (cascade.aim(image, look[part], s).missing for s in (1.0, 0.5))
        for layer in whole:
            assert whole[layer].abs().max() > 0
            assert_close(half[layer], whole[layer] / 2, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("size", [(41, 60), (20, 30)])
def test_detail_is_added_by_rows_in_the_contents_place(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "BAND", 7 * size[1])
    before, content = torch.rand(1, 3, 20, 30).double(), torch.rand(1, 3, *size).double()
    expected = add_detail(before, content.clone(), 0.4)
    found = add_detail_by_rows(before, content, 0.4)
    assert_close(found, expected, rtol=0, atol=1e-12)
    assert found is (before if content.shape == before.shape else content)


def test_the_units_are_the_styles() -> None:
    cascade = Cascade(load_network("vgg19-lite"), SHAPE)
    styles = torch.rand(2, 3, 64, 64).square()
    seen = cascade.features(styles, SHAPE.fine.layers)
    aim = cascade.aim(torch.rand(2, 3, 64, 64), cascade.look(styles)[1])
    for layer in SHAPE.fine.layers:
        assert_close(
            aim.units[layer], seen[layer].square().mean((1, 2, 3)).rsqrt(), rtol=1e-4, atol=0
        )
        assert aim.wanted[layer].min() >= 0  # as what a rectifier lets through


def test_a_style_painted_as_itself_misses_hardly_anything() -> None:
    """No more than the ridge takes from directions that hardly vary: 0.0014 of the variance."""
    cascade = Cascade(load_network("vgg19-lite"), SHAPE)
    styles = F.avg_pool2d(torch.rand(2, 3, 256, 192), 3, 2, 1).square()
    look = cascade.look(styles)
    for part in SHAPE.parts:
        aim = cascade.aim(at_part(styles, part), look[part])
        for layer, missing in aim.missing.items():
            variance = spread(look[part][layer]).float() * aim.units[layer] ** 2
            assert (missing.square().mean((1, 2, 3)) < 0.0015 * variance).all()


def test_what_is_wanted_has_nearly_the_styles_means() -> None:
    cascade = Cascade(load_network("vgg19-lite"), SHAPE)
    styles = F.avg_pool2d(torch.rand(1, 3, 256, 256), 3, 2, 1).square()
    image = torch.rand(1, 3, 128, 128)
    look, seen = cascade.look(styles), cascade.features(styles, ("relu1_1",))["relu1_1"]
    aim = cascade.aim(image, look[1])
    wanted = aim.wanted["relu1_1"].mean((2, 3)) / aim.units["relu1_1"]
    assert (wanted - seen.mean((2, 3))).norm() < 0.1 * seen.mean((2, 3)).norm()


def test_detail_is_what_the_smaller_size_has_no_room_for() -> None:
    content = torch.rand(1, 3, 32, 48)
    assert add_detail(None, content, 0.3) is content
    assert add_detail(other := 1 - content, content, 0.3) is other  # which has room for all of it
    assert_close(add_detail(resize(content, 16, 24), content, 1.0), content)
    checks = ((torch.arange(8)[:, None] + torch.arange(12)) % 2).float().expand(1, 3, 8, 12)
    flat = torch.full((1, 3, 4, 6), 0.2)  # of a checkerboard, a half of the size sees the mean
    for share in (0.0, 0.5, 1.0):
        found = add_detail(flat, checks, share)[..., 2:-2, 2:-2]
        assert_close(found, (0.2 + share * (checks - 0.5))[..., 2:-2, 2:-2], atol=1e-3, rtol=0)


def test_a_part_of_the_size_is_rounded_up() -> None:
    image = torch.rand(1, 3, 30, 41)
    assert at_part(image, 1) is image
    assert at_part(image, 2).shape == (1, 3, 15, 21)
    assert at_part(image, 4).shape == (1, 3, 8, 11)


def test_one_seed_is_one_noise() -> None:
    image = torch.empty(2, 3, 64, 64)
    found = noise(image, [3, 4])
    assert torch.equal(noise(image, [4, 3]), found.flip(0))
    assert torch.equal(noise(image[:1], [4]), found[1:])
    assert not torch.equal(found[0], found[1])
    assert float(found.mean()) == pytest.approx(0, abs=0.02)
    assert float(found.std()) == pytest.approx(1, abs=0.02)


def test_coarse_parts_begin_with_grain_and_the_last_without(cascade: Cascade) -> None:
    contents = torch.rand(1, 3, 64, 64)
    assert torch.equal(cascade.enter(None, contents, 1, [5]), contents)
    grain = cascade.enter(None, contents, 2, [5]) - at_part(contents, 2)
    assert_close(grain, SHAPE.grain * noise(grain, [5]), atol=1e-6, rtol=0)
    painted = torch.rand(1, 3, 32, 32)
    assert torch.equal(cascade.enter(painted, contents, 2, [5]), painted)  # a second step at a part


def test_pictures_are_painted_together_as_each_alone() -> None:
    cascade = Cascade(load_network("vgg19-lite"), SHAPE)
    painter = make_painter(SHAPE, cascade.network).requires_grad_(False)
    contents, styles = torch.rand(2, 3, 64, 96), torch.rand(2, 3, 64, 64).square()
    found = cascade.paint(painter, contents, cascade.look(styles), [1, 2])
    assert found.shape == contents.shape
    assert found.min() >= 0 and found.max() <= 1
    for i in range(2):
        style = cascade.look(styles[i : i + 1])
        alone = cascade.paint(painter, contents[i : i + 1], style, [i + 1])
        assert_close(alone, found[i : i + 1], atol=1e-4, rtol=0)
    other = cascade.paint(painter, contents, cascade.look(styles), [1, 3])
    assert torch.equal(other[0], found[0]) and not torch.equal(other[1], found[1])


def test_contents_have_the_colors_of_their_styles() -> None:
    contents, styles = torch.rand(2, 3, 9, 8) ** 2, 0.3 + 0.3 * torch.rand(2, 3, 7, 6)
    found = match_colors(contents, moments(styles.double()))
    for one, content, style in zip(found, contents, styles, strict=True):
        assert_close(one[None], match_color(content[None], style[None], clamp=True))
