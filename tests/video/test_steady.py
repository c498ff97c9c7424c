"""Still where the film is still, and nothing of one shot in the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gramarye.video.frames import Frame, Pixels, as_pixels
from gramarye.video.shot_averages import ShotAverages
from gramarye.video.steady import SteadyPainter, trusted

pytest.importorskip("cv2", reason="OpenCV is not installed (the extra 'video')")

Scene = Callable[..., list[Pixels]]
SIZE = (32, 48)


class Flickering:
    """A painter that makes every other frame lighter, as one that paints frame by frame may."""

    def __init__(self, by: float = 0.2) -> None:
        self.averages, self.by, self.shots = ShotAverages(), by, 0

    def new_shot(self) -> None:
        self.shots += 1
        self.averages.forget()

    def paint(self, frame: Tensor) -> Tensor:
        self.averages.next_frame()
        return frame * 0.5 + (0.25 + self.by * (self.averages.frames % 2))

    def finished(self, image: Tensor, frame: Tensor) -> Tensor:
        return image


def frames(pixels: Sequence[Pixels]) -> list[Frame]:
    return [Frame(x, Fraction(i, 25), Fraction(1, 25)) for i, x in enumerate(pixels)]


def painted(pixels: Sequence[Pixels], steady: float, painter: Any = None) -> list[Tensor]:
    made = SteadyPainter(painter or Flickering(), SIZE, steady)
    return [found.image for found in made.frames(frames(pixels))]


def change(images: Sequence[Tensor]) -> float:
    return float((images[-1] - images[-2]).abs().mean())


def test_a_still_film_flickers_by_as_much_less_as_is_asked_for(scene: Scene) -> None:
    still = scene(1) * 8
    assert change(painted(still, 0.0)) == pytest.approx(0.2, abs=1e-3)
    # A mean with weights 0.25 and 0.75: the flicker left of 1 is 0.25 / (2 - 0.25).
    assert change(painted(still, 0.75)) == pytest.approx(0.2 / 7, rel=0.15)


def test_all_of_a_still_film_is_taken_along_at_the_most(scene: Scene) -> None:
    images = painted(scene(1) * 6, 1.0)
    assert all(torch.equal(image, images[0]) for image in images)


def test_a_still_film_does_not_drift(scene: Scene) -> None:
    images = painted(scene(1) * 40, 0.8, Flickering(by=0.0))
    assert float((images[-1] - images[0]).abs().max()) < 1e-5


def test_what_moves_is_taken_along(scene: Scene) -> None:
    moving = scene(8, moved=2)
    loose, steady = painted(moving, 0.0), painted(moving, 0.75)
    inside = np.s_[..., 6:-6, 6:-10]

    def left(images: list[Tensor]) -> float:
        a, b = images[-2][..., 2:], images[-1][..., :-2]  # the same things
        return float((a - b)[inside].abs().mean())

    assert left(steady) < 0.45 * left(loose)


def test_nothing_is_taken_over_a_cut(scene: Scene) -> None:
    painter = Flickering()
    images = painted([*scene(3, seed=1), *scene(3, seed=5)], 1.0, painter)
    assert painter.shots == 2
    alone = painted(scene(3, seed=5), 1.0)
    assert torch.equal(images[3], alone[0])


def test_a_fade_is_not_held_back(scene: Scene) -> None:
    frame = scene(1)[0]
    shares = np.linspace(1, 0, 9)
    faded = [(frame * share).astype(np.uint8) for share in shares]
    images = painted(faded, 0.8, Flickering(by=0.0))
    for image, pixels in zip(images, faded, strict=True):
        wanted = pixels.astype(np.float32).mean() / 255 * 0.5 + 0.25
        assert abs(float(image.mean()) - wanted) < 0.02


def test_what_differs_from_the_film_before_is_not_trusted() -> None:
    film = np.full((*SIZE, 3), 100, np.uint8)
    none = np.zeros((*SIZE, 2), np.float32)
    assert trusted(film, film, none, none).min() > 0.999
    assert trusted(film + 60, film, none, none).max() < 0.001


def test_what_is_kept_goes_on_as_it_was(scene: Scene) -> None:
    film = frames(scene(6, moved=1))
    made, other = (SteadyPainter(Flickering(), SIZE, 0.8) for _ in range(2))  # type: ignore[arg-type]
    for frame in film[:3]:
        made.paint(frame)
    other.restore({k: v.clone() for k, v in made.state().items()})
    for frame in film[3:]:
        one, two = made.paint(frame), other.paint(frame)
        assert torch.equal(one.image, two.image) and not two.cut


def test_the_film_is_brought_to_the_size_of_the_painting(scene: Scene) -> None:
    big = scene(1, size=(64, 96))
    found = next(iter(SteadyPainter(Flickering(), SIZE, 0.0).frames(frames(big))))  # type: ignore[arg-type]
    assert found.image.shape == found.film.shape == (1, 3, *SIZE)
    assert as_pixels(found.film).shape == (*SIZE, 3) and found.cut
