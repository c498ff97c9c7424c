"""Frames by the optimizer: what moves is taken along, what is still stays, a cut forgets all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gramarye.config import StylizeConfig
from gramarye.errors import SettingsError
from gramarye.inputs.inputs import Inputs
from gramarye.pictures.picture import load_picture
from gramarye.video import run as running
from gramarye.video.flow import Flow
from gramarye.video.flows import FoundFlows
from gramarye.video.frames import FilmFrame, Frame, Pixels
from gramarye.video.optimizing import OptimizingPainter, held
from gramarye.video.run import VideoJob, open_video
from gramarye.video.settings import make_video_settings
from gramarye.video.ways import make_video_config

from .conftest import folder_of_frames

pytest.importorskip("cv2", reason="OpenCV is not installed (the extra 'video')")

Scene = Callable[..., list[Pixels]]
Make = Callable[..., OptimizingPainter]
SIZE = (32, 48)
FAST = {"size": 48, "min_size": 48, "steps": 4, "precision": "float32"}


def frames(pixels: Sequence[Pixels]) -> list[Frame]:
    return [Frame(x, Fraction(i, 25), Fraction(1, 25)) for i, x in enumerate(pixels)]


def images(painter: OptimizingPainter, pixels: Sequence[Pixels]) -> list[Tensor]:
    return [found.image for found in painter.frames(frames(pixels))]


def to_the_left(by: int) -> Callable[[FilmFrame, FilmFrame], Flow]:
    """The flow of a film that goes to the left by so many pixels a frame."""

    def flow(frame: FilmFrame, other: FilmFrame) -> Flow:
        found = np.zeros((*SIZE, 2), np.float32)
        found[..., 0] = by * (frame.number - other.number)
        return found

    return flow


@pytest.fixture
def make(painting: Path, tiny_weights: Path) -> Make:
    def made(
        flows: Any = None, offsets: Sequence[int] = (1, 2), steps: int = 3, **settings: Any
    ) -> Any:
        video = make_video_settings(way="optimize")
        config = make_video_config(video, SIZE, weights=str(tiny_weights), **{**FAST, **settings})
        styles = [load_picture(painting)]
        flows = flows or FoundFlows()
        return OptimizingPainter(styles, config, SIZE, flows, frame_steps=steps, offsets=offsets)

    return made


class Unmoved:
    """Stands where the optimizer does: the first frame is noise, others what they begin as."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Tensor]] = []

    def __call__(self, inputs: Inputs, config: StylizeConfig) -> Tensor:
        found = {name: x.load().pixels for name, x in inputs.inputs.items()}
        self.seen.append(found)
        noise = torch.rand(1, 3, *SIZE, generator=torch.Generator().manual_seed(0))
        return found.get("init", noise)


def test_what_goes_to_the_left_goes_with_it(make: Make, scene: Scene) -> None:
    painter = make(to_the_left(2), (1,), color="free")
    painter.optimized = Unmoved()  # type: ignore[method-assign]
    first, second, third = images(painter, scene(3, moved=2))
    assert torch.equal(second[..., :-4], first[..., 2:-2])
    assert torch.equal(third[..., :-8], first[..., 4:-4])


def test_an_older_frame_counts_where_newer_ones_do_not_show_it(make: Make, scene: Scene) -> None:
    def flow(frame: FilmFrame, other: FilmFrame) -> Flow:
        found = np.zeros((*SIZE, 2), np.float32)
        if abs(frame.number - other.number) == 1:
            found[:, :24, 0] = 100  # out of the picture: not known of the frame before
        return found

    painter, unmoved = make(flow, (1, 2), color="free"), Unmoved()
    painter.optimized = unmoved  # type: ignore[method-assign]
    pictures = scene(1)[0]
    images(painter, [pictures, pictures + 1, pictures + 2])
    one, two = (unmoved.seen[2][f"warped-weights/{i}"][0, 0] for i in (0, 1))
    assert not one[:, :24].any() and one[:, 30:].min() > 0.99
    assert two[:, :23].min() > 0.99 and two[:, 30:].max() < 0.01
    assert float((one + two).max()) <= 1 + 1e-6


def test_frames_that_are_not_there_yet_are_left_out(make: Make, scene: Scene) -> None:
    painter, unmoved = make(to_the_left(2), (2,), color="free"), Unmoved()
    painter.optimized = unmoved  # type: ignore[method-assign]
    images(painter, scene(3, moved=2))
    named = [{name for name in seen if name.startswith("warped")} for seen in unmoved.seen]
    assert named == [set(), set(), {"warped/0", "warped-weights/0"}]


def test_what_moves_is_held_less_than_what_is_at_rest(make: Make, scene: Scene) -> None:
    weights = []
    for moved in (0, 2):
        painter, unmoved = make(to_the_left(moved), (1,)), Unmoved()
        painter.optimized = unmoved  # type: ignore[method-assign]
        one, two = scene(2, moved=moved)
        images(painter, [one, two + 1])
        weights.append(float(unmoved.seen[1]["warped-weights/0"][..., 8:-8, 8:-8].mean()))
    assert weights[0] > 0.99 and weights[1] == pytest.approx(0.03, rel=0.1)


def test_around_a_speck_where_the_flow_does_not_hold_nothing_is_free() -> None:
    film = np.full((100, 200, 3), 90, np.uint8)
    flow = np.zeros((100, 200, 2), np.float32)
    flow[48:51, 48:51] = -500  # out of the picture: a speck of three pixels
    flow[40:60, 140:160] = -500  # and what has moved away
    free = held(film, film, flow, flow * 0) < 0.5
    assert free[48:51, 48:51].all() and free[:, :100].sum() <= 9 + 4 * 6  # and the flow's border
    assert free[37:63, 137:163].all() and not free[:30].any()


def test_a_frame_that_is_shown_again_is_painted_as_it_was(make: Make, scene: Scene) -> None:
    found = images(make(), scene(1) * 3)
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])


def test_what_a_mask_uncovers_is_free_and_a_frame_with_another_mask_is_not_the_same(
    make: Make, scene: Scene
) -> None:
    painter, unmoved = make(to_the_left(0), (1,)), Unmoved()
    painter.optimized = unmoved  # type: ignore[method-assign]
    picture = scene(1)[0]
    mask = np.zeros((*SIZE, 3), np.uint8)
    mask[:, :24] = 255
    bare, covered = frames([picture] * 2)
    list(painter.frames([replace(covered, protect=mask), bare, bare]))
    assert [("protect" in seen) for seen in unmoved.seen] == [
        True,
        False,
    ]  # the third is the second
    weights = unmoved.seen[1]["warped-weights/0"][0, 0]
    assert weights[:, :24].max() == 0 and weights[:, 24:].min() > 0.99


def test_a_still_scene_with_noise_drifts_less_and_is_not_frozen(make: Make, scene: Scene) -> None:
    rng, still = np.random.default_rng(0), scene(1)[0].astype(int)
    noisy = [(still + rng.integers(-1, 2, still.shape)).clip(0, 255) for _ in range(4)]
    film = [x.astype(np.uint8) for x in noisy]

    def drift(weight: float) -> float:
        found = images(make(to_the_left(0), (1,), 8, temporal_weight=weight), film)
        return float((found[-1] - found[0]).abs().mean())

    held, free = drift(1e5), drift(1e-6)
    assert 0 < held < 0.5 * free


def test_nothing_is_taken_over_a_cut(make: Make, scene: Scene) -> None:
    painter = make()
    found = images(painter, [*scene(2, seed=1), *scene(2, seed=5)])
    assert torch.equal(found[2], images(make(), scene(2, seed=5))[0])


def test_what_is_kept_goes_on_as_it_was(make: Make, scene: Scene) -> None:
    film = frames(scene(6, moved=1))
    made, other = make(), make()
    for frame in film[:4]:
        made.paint(frame)
    other.restore({k: v.clone() for k, v in made.state().items()})
    for frame in film[4:]:
        assert torch.equal(made.paint(frame).image, other.paint(frame).image)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"map": "grid"}, "a color map is found for one picture"),
        ({"preset": "instant"}, "a network paints in --way instant"),
        ({"drawing": True}, "a line drawing is one picture"),
        ({"init": "a.png"}, "the first image of one picture"),
        ({"color_map": "histogram"}, "would flicker in a clip"),
    ],
)
def test_what_is_of_one_picture_is_refused(settings: dict[str, Any], why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        make_video_config(make_video_settings(way="optimize"), SIZE, **settings)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"steady": 0.5, "way": "optimize"}, "steady is of way instant"),
        ({"frame_steps": 4}, "frame_steps is of way optimize"),
        ({"offsets": (2, 1), "way": "optimize"}, "the nearest first"),
        ({"offsets": (), "way": "optimize"}, "offsets"),
        ({"way": "both"}, "way"),
    ],
)
def test_settings_of_the_other_way_are_refused(given: dict[str, Any], why: str) -> None:
    with pytest.raises(SettingsError, match=why):
        make_video_settings(**given)


def test_a_killed_run_goes_on_and_its_recipe_tells_the_way(
    scene: Scene,
    painting: Path,
    tiny_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(running, "PART_FRAMES", 2)
    film = folder_of_frames(tmp_path, scene(5, moved=1))
    video = make_video_settings(way="optimize", frame_steps=2, offsets=(1, 2))
    settings = {**FAST, "weights": str(tiny_weights)}

    def job(name: str) -> VideoJob:
        return VideoJob(film, [painting], tmp_path / name, settings, video)

    for _ in (whole := open_video(job("whole"))).steps():
        pass
    steps = open_video(job("killed")).steps()
    for _ in range(3):
        next(steps)
    steps.close()  # type: ignore[attr-defined]
    again = open_video(job("killed"))
    assert again.resumed == 2 and len(list(again.steps())) == 3
    for number in range(1, 6):
        one, other = (tmp_path / name / f"{number:05}.png" for name in ("whole", "killed"))
        assert one.read_bytes() == other.read_bytes()
    assert whole.recipe["video"]["way"] == "optimize" and "steady" not in whole.recipe["video"]
    assert whole.recipe["settings"]["temporal_weight"] == 1e4
