"""The network on frames: one look at the styles, statistics of the shot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.testing import assert_close

import gramarye
from gramarye import painted
from gramarye.errors import SettingsError
from gramarye.feedforward.files import load_painter, packed
from gramarye.networks.registry import load_network
from gramarye.pictures.picture import Picture, load_picture
from gramarye.special_configs import make_instant_config
from gramarye.video.painter import FramePainter

SIZE = (32, 48)


def painter(style: Path, **settings: Any) -> FramePainter:
    config = make_instant_config((SIZE[1], SIZE[0]), **settings)
    return FramePainter([load_picture(style)], config, SIZE)


@pytest.fixture
def frame(make_picture: Callable[..., Path]) -> torch.Tensor:
    return gramarye.load_image(make_picture("frame.png", 48, 32, seed=1))


@pytest.fixture
def once(tmp_path: Path) -> Path:
    """The packaged painter with one step at each size, as clips have it."""
    shipped = load_painter("instant", load_network("vgg19-lite"))
    parts = tuple(sorted(set(shipped.config.parts), reverse=True))
    assert parts != shipped.config.parts
    shipped.config = shipped.config.model_copy(update={"parts": parts})
    file = tmp_path / "once.safetensors"
    file.write_bytes(packed(shipped, 1))
    return file


@pytest.mark.parametrize(
    "settings",
    [{}, {"color": "content"}, {"color": "luminance"}, {"color": "free"}, {"palette": 0.5}],
)
def test_the_first_frame_is_what_instant_paints(
    frame: torch.Tensor, painting: Path, settings: dict[str, Any], once: Path
) -> None:
    made = painter(painting, **settings)
    made.new_shot()
    found = made.finished(made.paint(frame), frame)
    picture = Picture.from_tensor(frame)
    wanted = gramarye.instant(picture, painting, painter=str(once), **settings).pixels
    assert_close(found, wanted, atol=2e-3, rtol=0)


def test_a_still_shot_is_painted_the_same_again_and_again(
    frame: torch.Tensor, painting: Path
) -> None:
    made = painter(painting)
    made.new_shot()
    images = [made.paint(frame) for _ in range(4)]
    assert_close(images[3], images[0], atol=1e-4, rtol=0)


def test_the_styles_are_looked_at_once(
    frame: torch.Tensor, painting: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    real = painted.goals_at
    monkeypatch.setattr(painted, "goals_at", lambda *given: looks.append(given[-1]) or real(*given))
    made = painter(painting)
    for image in (frame, 1 - frame):
        made.new_shot()
        made.paint(image)
    assert len(looks) == len(set(looks)) > 0
    other = painter(painting, color="content")  # whose colors are the shot's
    count = len(looks)
    for image in (frame, 1 - frame):
        other.new_shot()
        other.paint(image)
    assert len(looks) == 3 * count


def test_a_change_in_one_corner_hardly_changes_the_rest(
    make_picture: Callable[..., Path], painting: Path
) -> None:
    size = (32, 160)
    frame = gramarye.load_image(make_picture("wide.png", 160, 32, seed=1))
    changed = frame.clone()
    changed[..., :32] = 1
    config = make_instant_config((160, 32))
    made = FramePainter([load_picture(painting)], config, size)
    before = made.paint(frame)
    apart = []
    for seen in (1, 6):  # frames of the shot before the change
        made.new_shot()
        for _ in range(seen):
            made.paint(frame)
        apart.append(float((made.paint(changed) - before)[..., 128:].abs().mean()))
    assert apart[1] < 0.7 * apart[0]  # with the frame's own statistics it is 1


def test_histograms_are_refused(painting: Path) -> None:
    with pytest.raises(SettingsError, match="would flicker"):
        painter(painting, color_map="histogram")
