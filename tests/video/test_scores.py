"""Scores of clips: what is steady, what is near, what is still, and what cannot be told."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gramarye.errors import ImageError, SettingsError
from gramarye.files import file_sha256
from gramarye.pictures.picture import load_picture
from gramarye.scoring.judge import Judge, load_judge
from gramarye.video.frames import Pixels
from gramarye.video.measures import estimated, sharpness
from gramarye.video.reading import open_clip
from gramarye.video.scores import ClipScore, Spread, recipe_in, score_clip, style_scale
from gramarye.video.still import LEAST, StillPlaces

pytest.importorskip("cv2", reason="OpenCV is not installed (the extra 'video')")

Scene = Callable[..., list[Pixels]]
MakeClip = Callable[..., Path]


@pytest.fixture
def judge(tiny_weights: Path) -> Judge:
    return load_judge(tiny_weights)


@pytest.fixture
def score(judge: Judge, painting: Path) -> Callable[..., ClipScore]:
    def make(film: Path, painted: Path, **options: int) -> ClipScore:
        clips = open_clip(film), [load_picture(painting)], open_clip(painted)
        return score_clip(*clips, [judge], estimated(), **options)

    return make


def test_a_film_beside_itself_is_as_steady_and_has_the_film_s_distances(
    score: Callable[..., ClipScore], make_clip: MakeClip, scene: Scene
) -> None:
    film = make_clip("film.mp4", scene(13, moved=2))
    found = score(film, film)
    assert found.frames == 13 and found.cuts == () and found.notes == ()
    assert found.steadiness is not None and found.steadiness.ratio == 1
    assert found.steadiness.long == found.steadiness.film_long is not None
    assert found.sharpness == found.film_sharpness > 0
    (judged,) = found.judged
    assert [value for value in judged.levels.values() if value is not None] == pytest.approx(
        [1] * sum(value is not None for value in judged.levels.values())
    )
    assert judged.content < 1e-4 and len(judged.looks) == 5
    assert len(found.errors) == len(found.times) == 13
    assert found.errors[0].short is None and found.errors[9].long is None
    assert found.errors[10].long is not None


def test_a_blank_picture_is_steady_and_far_from_the_style(
    score: Callable[..., ClipScore], make_clip: MakeClip, scene: Scene
) -> None:
    film = make_clip("film.mp4", scene(12))
    blank = make_clip("blank.mp4", [np.full((32, 48, 3), 90, np.uint8)] * 12)
    found = score(film, blank)
    assert found.steadiness is not None and found.steadiness.short < 1e-3
    assert found.sharpness < 0.1 < found.film_sharpness
    assert max(value or 0 for value in found.judged[0].levels.values()) > 1
    assert found.drift is not None and found.drift.levels < 1 and found.drift.frames == 12


def test_nothing_is_compared_over_a_cut(
    score: Callable[..., ClipScore], make_clip: MakeClip, scene: Scene
) -> None:
    frames = [*scene(6), *[255 - x for x in scene(6, seed=5)]]
    film = make_clip("film.mp4", frames)
    found = score(film, film)
    assert found.cuts == (0.4,) and any("1 cut in the film (0.40 s)" in n for n in found.notes)
    assert found.errors[6].short is None and found.errors[11].long is None
    assert found.steadiness is not None and found.steadiness.film_short < 0.02


def test_one_frame_moves_nowhere_and_is_told(
    score: Callable[..., ClipScore], make_clip: MakeClip, scene: Scene
) -> None:
    film = make_clip("film.mp4", scene(3))
    found = score(film, make_clip("one.mp4", scene(1)))
    assert (found.frames, found.steadiness, found.drift) == (1, None, None)
    assert any("one frame in common" in note for note in found.notes)
    assert len(found.judged[0].looks) == 1


def test_the_recipe_says_where_a_clip_begins_and_of_what_it_is(
    score: Callable[..., ClipScore], make_clip: MakeClip, scene: Scene, av: object
) -> None:
    film = make_clip("film.mp4", scene(8, moved=2))
    recipe = {
        "gramarye": "0.1.0",
        "clip": {"name": "other.mp4", "sha256": "0" * 64},
        "styles": [{"name": "a.jpg", "sha256": "0" * 64}],
        "settings": {},
        "video": {"start": 0.2},
    }
    path = make_clip("late.mp4", scene(8, moved=2)[3:])
    told = path.with_name("told.mp4")
    copy_with_comment(av, path, told, json.dumps(recipe))
    found = score(film, told)
    assert found.frames == 5 and found.times[0] == 0.2
    assert found.steadiness is not None and found.steadiness.ratio == pytest.approx(1, abs=0.3)
    assert any("painted from 'other.mp4'" in note for note in found.notes)
    copy_with_comment(av, path, told, json.dumps({**recipe, "video": {"start": 100}}))
    with pytest.raises(ImageError, match="no frame in common"):
        score(film, told)
    copy_with_comment(av, path, told, '{"clip": 1}')
    assert any("cannot be read" in note for note in score(film, told).notes)


def test_the_recipe_says_how_large_styles_were_and_which_network_painted(
    judge: Judge, make_clip: MakeClip, scene: Scene, av: object
) -> None:
    film = open_clip(make_clip("film.mp4", scene(2)))
    recipe = {
        "gramarye": "0.1.0",
        "clip": {"name": "film.mp4", "sha256": file_sha256(film.path)},
        "styles": [{"name": "a.jpg", "sha256": "0" * 64}],
        "settings": {"style_scale": 0.5},
        "video": {},
    }
    path = film.path.with_name("told.mp4")
    copy_with_comment(av, film.path, path, json.dumps(recipe))
    itself = replace(judge, name="vgg19-lite")  # which instant pictures are painted by
    found, notes = recipe_in(open_clip(path), film, [judge, itself])
    assert style_scale(found) == 0.5 and style_scale(None) == 1
    assert len(notes) == 1 and notes[0].startswith("vgg19-lite is the network that")


def copy_with_comment(av: object, path: Path, out: Path, comment: str) -> None:
    with av.open(str(path)) as given, av.open(str(out), "w") as output:  # type: ignore[attr-defined]
        stream = output.add_stream_from_template(given.streams.video[0])
        output.metadata["comment"] = comment
        for packet in given.demux(video=0):
            if packet.size:
                packet.stream = stream
                output.mux(packet)


def test_the_size_is_the_painting_s_or_smaller(
    score: Callable[..., ClipScore], make_clip: MakeClip, scene: Scene
) -> None:
    film, small = make_clip("film.mp4", scene(3, size=(64, 96))), make_clip("a.mp4", scene(3))
    found = score(film, small)
    assert (found.width, found.height) == (48, 32)
    assert score(film, film, size=72).width == 72
    assert len(score(film, film, looks=2).judged[0].looks) == 2
    with pytest.raises(SettingsError, match="cannot be judged at 97"):
        score(film, film, size=97)
    with pytest.raises(ImageError, match="too small for"):
        score(film, film, size=20)


def test_frames_are_chosen_evenly_and_few_are_held() -> None:
    spread, picture = Spread(5), np.zeros((1, 1, 3), np.uint8)
    for number in range(1000):
        spread.add((float(number), picture, picture))
        assert len(spread.kept) <= 10
    places = [time for time, _, _ in spread.chosen()]
    assert len(places) == 5 and places[0] == 0 and places[-1] > 700
    assert max(np.diff(places)) <= 2 * min(np.diff(places))


def test_sharpness_is_the_step_between_pixels_side_by_side() -> None:
    stripes = np.zeros((4, 6, 3), np.uint8)
    stripes[:, ::2] = 30
    assert sharpness(stripes) == 30 and sharpness(stripes.transpose(1, 0, 2)) == 0


def test_drift_is_of_the_places_that_stand_still() -> None:
    still, film = StillPlaces(), np.full((40, 40, 3), 100, np.uint8)
    for number in range(LEAST + 2):
        moving = film.copy()
        moving[:20] = 10 * number
        painted = np.full((40, 40, 3), 50 + number, np.uint8)
        painted[:20] = 255
        still.add(moving, painted)
    assert still.drift is not None
    assert still.drift.levels == LEAST + 1 and still.drift.film_levels == 0
    assert 0.2 < still.drift.share < 0.5 and still.drift.frames == LEAST + 2


def test_where_nothing_stands_still_there_is_no_drift() -> None:
    still = StillPlaces()
    for number in range(20):
        pixels = np.full((40, 40, 3), 5 * number, np.uint8)
        still.add(pixels, pixels)
    assert still.drift is None


def test_two_levels_of_the_film_are_seen() -> None:
    still = StillPlaces()
    for number in range(20):
        pixels = np.full((40, 40, 3), 100 + 2 * (number % 2), np.uint8)
        still.add(pixels, pixels)
    assert still.drift is None


def test_the_longest_stay_counts_and_not_the_last() -> None:
    still = StillPlaces()
    for number in range(LEAST + 4):
        film = np.full((40, 40, 3), 100 if number <= LEAST else 200, np.uint8)
        still.add(film, film, cut=number == LEAST + 1)
    assert still.drift is not None and still.drift.frames == LEAST + 1
