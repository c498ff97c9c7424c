"""The way from one style to another, or from a photograph to a painting, as settings of frames."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import Any, TypeVar, final

from gramarye.errors import SettingsError
from gramarye.inputs.kinds import kind_of, laid_over, number_of
from gramarye.losses.style_losses import STYLE_LOSSES, parse_mix

MOST_FRAMES = 1000
FRAME_STEPS = 40  # of every frame after the first, which begins with the one before

Picture = TypeVar("Picture")


@final
@dataclass(frozen=True)
class Frame:
    """One picture of the way: its number from 0, how much each style counts, and its settings.

    One that `follows` begins with the frame before, and takes a few steps at the result's size.
    """

    number: int
    weights: tuple[float, ...]
    settings: Mapping[str, Any]

    @property
    def follows(self) -> bool:
        return self.number > 0


def plan_frames(count: int, styles: int, steps: int = FRAME_STEPS) -> list[Frame]:
    """The frames of the way through two styles or more, evenly spaced; SettingsError for too few.

    A frame's style lies between two neighbors of them, and the first and the last are styles
    themselves. A photograph as one of the styles is the way from it, or to it.
    """
    given: object = count
    if not isinstance(given, Integral) or not 2 <= count <= MOST_FRAMES:
        text = f"frames is {count!r}: give a whole number from 2 to {MOST_FRAMES}"
        raise SettingsError(text, setting="frames")
    weights = [weights_at(number / (count - 1), styles) for number in range(count)]
    follow = {"coarse_to_fine": False, "steps": steps}
    return [
        Frame(number, found, {"style_weights": found, **(follow if number else {})})
        for number, found in enumerate(weights)
    ]


def weights_at(share: float, styles: int) -> tuple[float, ...]:
    """How much each style counts at a place of the way from 0 to 1: two neighbors at most."""
    place = share * (styles - 1)
    return tuple(round(max(0.0, 1 - abs(place - number)), 6) for number in range(styles))


def frame_name(number: int, count: int) -> str:
    """The file name of a frame, by its number from 0, of so many."""
    return f"frame-{number + 1:0{max(3, len(str(count)))}}.png"


def after_photograph(others: Mapping[str, Picture]) -> dict[str, Picture]:
    """Masks and label pictures by name, where the content has become the first of the styles.

    Those of a style go with it, to the next number. The content as a style has no mask, and its
    regions are its own.
    """
    moved = {}
    for name, picture in others.items():
        kind = kind_of(name)
        following = f"{kind.name}/{number_of(name) + 1}" if kind.size == "style" else name
        moved[following] = picture
    if "content-regions" in others:
        moved[laid_over("style/0", "regions")] = others["content-regions"]
    return moved


def mixing_of(style_loss: str) -> str:
    """How styles are mixed on the way: one style between them, where the loss knows of such."""
    of_moments = all(STYLE_LOSSES[part.name].of == "moments" for part in parse_mix(style_loss))
    return "between" if of_moments else "pooled"
