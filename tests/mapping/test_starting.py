"""The first map is what color matching does, where that is one affine map."""

import pytest
import torch
from torch.testing import assert_close

from gramarye.config import make_config
from gramarye.errors import SettingsError
from gramarye.mapping.color_map import ColorMap, map_shape
from gramarye.mapping.settings import MapSettings
from gramarye.mapping.starting import STEEPEST, starting_map
from gramarye.pictures.color import match_color, mean_and_covariance


def pictures() -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    content, style = (torch.rand(1, 3, 20, 30, generator=generator) for _ in range(2))
    return [content * 0.5 + 0.2, style * 0.4 + 0.3]


@pytest.mark.parametrize("kind", ["grid", "lut"])
def test_it_does_what_monge_kantorovich_does(kind: str) -> None:
    content, style = pictures()
    matched = match_color(content, style)
    settings = MapSettings(kind=kind)  # type: ignore[arg-type]
    first = starting_map(content, matched, settings, map_shape(settings, 20, 30))
    assert_close(ColorMap(kind, first).of(content), matched, atol=1e-5, rtol=0)  # type: ignore[arg-type]
    assert (matched - content).abs().mean() > 0.02


def test_what_was_cut_off_is_not_heeded() -> None:
    content, _ = pictures()
    wanted = (content - 0.5) * 2 + 0.4
    settings = MapSettings(kind="grid")
    first = starting_map(content, wanted.clamp(0, 1), settings, map_shape(settings, 20, 30))
    assert (wanted < 0).any()
    assert_close(ColorMap("grid", first).of(content), wanted, atol=1e-5, rtol=0)


def test_a_gray_day_is_made_no_more_than_three_times_as_colorful() -> None:
    content, style = pictures()
    dull = content.mean(1, keepdim=True) + 0.01 * (content - content.mean(1, keepdim=True))
    settings = MapSettings(kind="grid")
    first = starting_map(dull, match_color(dull, style), settings, map_shape(settings, 20, 30))
    matrix = first[0, :, 0, 0, 0].reshape(3, 4)[:, :3] + torch.eye(3)
    assert torch.linalg.svdvals(matrix).max() < STEEPEST + 1e-4
    mean, _ = mean_and_covariance(ColorMap("grid", first).of(dull))
    assert_close(mean, mean_and_covariance(style)[0], atol=0.02, rtol=0)


def test_nothing_moved_is_zero_and_one_color_moves_by_a_shift() -> None:
    content, _ = pictures()
    settings = MapSettings(kind="grid")
    shape = map_shape(settings, 20, 30)
    assert not starting_map(content, content.clone(), settings, shape).any()
    plain = torch.full_like(content, 0.3)
    moved = ColorMap("grid", starting_map(plain, plain + 0.2, settings, shape)).of(plain)
    assert_close(moved, plain + 0.2)


def test_a_drawing_has_no_map() -> None:
    with pytest.raises(SettingsError, match="leave out --drawing or --map"):
        make_config("photoreal", drawing=True)
