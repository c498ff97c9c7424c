"""At rest is what stays for some frames, by what has texture; not what merely looks the same."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
import torch

from gramarye.video.flow import Flow, FlowFinder
from gramarye.video.frames import Pixels
from gramarye.video.rest import Rest, around, moved_film

cv2 = pytest.importorskip("cv2", reason="OpenCV is not installed (the extra 'video')")

Scene = Callable[..., list[Pixels]]
SIZE = (32, 48)


def going(by: float) -> Flow:
    """The flow of all that goes to the left by so many pixels a frame."""
    found = np.zeros((*SIZE, 2), np.float32)
    found[..., 0] = by
    return found


def noisy(picture: Pixels, count: int, levels: float = 2) -> list[Pixels]:
    rng = np.random.default_rng(0)
    films = [picture + rng.normal(0, levels, picture.shape) for _ in range(count)]
    return [np.rint(film).clip(0, 255).astype(np.uint8) for film in films]


def test_a_film_that_does_not_change_has_no_flow_whatever_was_found() -> None:
    film = np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    assert not Rest()(film, film, going(0.7)).any()


def test_what_has_no_texture_moves_as_all_around_it(scene: Scene) -> None:
    one, two = scene(2, moved=1, size=(32, 96))
    for film in (one, two):
        film[:, 40:] = 200  # looks the same, moved or not
    flow = np.zeros((32, 96, 2), np.float32)
    flow[..., 0] = 1
    assert np.array_equal(Rest()(two, one, flow), flow)


def test_the_noise_of_a_still_film_moves_nothing() -> None:
    picture = np.random.default_rng(1).integers(0, 256, (64, 96, 3)).astype(np.float32)
    still = np.asarray(cv2.GaussianBlur(picture, (0, 0), 1.5)).astype(np.uint8)
    films, find, rest = noisy(still, 9), FlowFinder(), Rest()
    found, moved = [], []
    for before, film in pairwise(films):
        found.append(find(film, before))
        moved.append(rest(film, before, found[-1]))
    assert np.mean([flow.any(-1).mean() for flow in found]) > 0.99  # DIS has found motions
    assert np.mean([flow.any(-1).mean() for flow in moved[4:]]) < 0.1


def test_a_slow_pan_is_no_rest_and_motions_that_cancel_are(scene: Scene) -> None:
    one, two = noisy(scene(1)[0], 2, 1)
    pan, shake = Rest(), Rest()
    for number in range(8):  # an even number: the shakes cancel
        panned = pan(one, two, going(0.03))
        shaken = shake(one, two, going(0.03 * (-1) ** number))
    assert panned.all(-1).sum() == 0 and np.array_equal(panned, going(0.03))
    assert not shaken.any()


def test_what_begins_to_move_is_at_rest_no_more(scene: Scene) -> None:
    films = noisy(scene(1)[0], 2, 1)
    rest = Rest()
    for _ in range(20):
        rest(films[1], films[0], going(0))
    assert np.array_equal(rest(films[1], films[0], going(0.3)), going(0.3))


def test_a_shake_that_is_seen_is_no_rest_even_where_it_cancels(scene: Scene) -> None:
    one, two = noisy(scene(1)[0], 2, 1)
    rest = Rest()
    for number in range(8):
        shake = going(0.4 * (-1) ** number)
        found = rest(one, two, shake)
    assert np.array_equal(found, shake)


def test_a_small_thing_that_moves_before_what_is_at_rest_keeps_its_flow() -> None:
    before = np.random.default_rng(1).integers(0, 256, (64, 96, 3)).astype(np.uint8)
    film, flow = before.copy(), np.zeros((64, 96, 2), np.float32)
    before[30:34, 40:44] = 255
    film[30:34, 40:45] = moved_film(before, np.full_like(flow, (-0.3, 0)))[30:34, 40:45]
    flow[30:34, 40:45, 0] = -0.3
    found = Rest()(film, before, flow)
    assert (found[30:34, 40:45, 0] == np.float32(-0.3)).sum() >= 10 and not found[:20].any()


def test_the_mean_around_is_that_of_what_has_texture() -> None:
    flow = np.zeros((*SIZE, 2), np.float32)
    flow[:, :24, 0], flow[:, 24:, 0] = 1, 5
    seen = np.zeros(SIZE, np.float32)
    seen[:, :24] = 1
    assert np.allclose(around(flow, seen)[:, :32, 0], 1, atol=0.01)
    assert np.allclose(around(flow, np.ones(SIZE, np.float32))[:, 23:25, 0].mean(), 3, atol=1e-3)


def test_a_shot_knows_nothing_of_the_one_before(scene: Scene) -> None:
    one, two = noisy(scene(1)[0], 2, 1)
    rest = Rest()
    rest(one, two, going(0.09))
    assert rest(one, two, going(0)).shape == (*SIZE, 2) and rest.state()
    rest.forget()
    assert rest.state() == {} and not rest(one, two, going(0.01)).any()


def test_what_is_kept_goes_on_as_it_was(scene: Scene) -> None:
    one, two = noisy(scene(1)[0], 2, 1)
    made, other = Rest(), Rest()
    for by in (0.05, 0.0, 0.01):
        made(one, two, going(by))
    other.restore({k: v.clone() for k, v in made.state().items()})
    for by in (0.04, -0.02):
        assert np.array_equal(made(one, two, going(by)), other(one, two, going(by)))
    assert torch.equal(made.state()["rest/mean"], other.state()["rest/mean"])
