"""The score of a painted clip: how steady it is, and how near it is to its style and its film.

Both belong together: a blank picture is perfectly steady, and a blurred one nearly. Frames are
gone through once, and no more of them are held than the last eleven and those a judge looks at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
import torch

from gramarye.config import StylizeConfig
from gramarye.errors import ImageError, RecipeError, SettingsError
from gramarye.files import file_sha256
from gramarye.inputs.shown import Shown
from gramarye.networks.catalog import find_network
from gramarye.pictures.picture import Picture
from gramarye.scales.resizing import style_at
from gramarye.scales.sizes import fit
from gramarye.scoring.judge import Judge
from gramarye.scoring.levels import LEVELS
from gramarye.scoring.score import Scene, check_size
from gramarye.units import counted
from gramarye.video.clip import AbstractClip
from gramarye.video.frames import FilmFrame, Pixels, as_image, as_pixels
from gramarye.video.measures import (
    FrameErrors,
    Motions,
    Steadiness,
    Steadying,
    sharpness,
)
from gramarye.video.pairing import Pairing
from gramarye.video.reading import ClipFile, FrameFolder
from gramarye.video.recipe import ClipRecipe, recipe_text
from gramarye.video.shots import Cuts
from gramarye.video.still import Drift, StillPlaces

LOOKS = 5  # frames that a judge looks at


@final
@dataclass(frozen=True)
class JudgedFrame:
    """What a judge says of the frame at a time in seconds; see `scoring.score.Score`."""

    time: float
    levels: Mapping[str, float | None]
    content: float


@final
@dataclass(frozen=True)
class JudgedClip:
    """What a judge says of a clip: means over the frames it looked at, and each of them."""

    judge: str
    judge_sha256: str | None
    levels: Mapping[str, float | None]
    content: float
    looks: tuple[JudgedFrame, ...]


@final
@dataclass(frozen=True)
class ClipScore:
    """How steady a painted clip is, and how near its frames are to the style and to the film.

    `steadiness` is None where no two frames belong together, `drift` where nothing stands still.
    """

    frames: int  # that film and painting share
    cuts: tuple[float, ...]  # seconds at which a shot begins, besides the first
    width: int
    height: int
    steadiness: Steadiness | None
    drift: Drift | None
    sharpness: float  # mean difference of pixels side by side, in levels of 8 bits
    film_sharpness: float
    judged: tuple[JudgedClip, ...]
    times: tuple[float, ...]  # of the film, frame by frame
    errors: tuple[FrameErrors, ...]  # likewise
    notes: tuple[str, ...] = ()


@final
class Spread:
    """At most so many of any number of things, evenly over all, without holding more than twice."""

    def __init__(self, most: int) -> None:
        self.most, self.step, self.count = most, 1, 0
        self.kept: list[tuple[float, Pixels, Pixels]] = []

    def add(self, thing: tuple[float, Pixels, Pixels]) -> None:
        if self.count % self.step == 0:
            self.kept.append(thing)
        self.count += 1
        if len(self.kept) > 2 * self.most:
            self.kept, self.step = self.kept[::2], 2 * self.step

    def chosen(self) -> list[tuple[float, Pixels, Pixels]]:
        places = np.linspace(0, len(self.kept) - 1, min(self.most, len(self.kept)))
        return [self.kept[i] for i in places.round().astype(int)]


def score_clip(
    film: AbstractClip,
    styles: Sequence[Picture],
    painted: AbstractClip,
    judges: Sequence[Judge],
    between: Motions,
    *,
    size: int | None = None,
    looks: int = LOOKS,
) -> ClipScore:
    """The score of a painted clip beside its film.

    Frames are compared at the painted clip's size, or shrunk to a longest side of `size`. `between`
    gives the film's motions, as `measures.estimated` does. ImageError where the two do not belong
    together.
    """
    recipe, notes = recipe_in(painted, film, judges)
    pairing = Pairing(film, painted, None if recipe is None else recipe.of_video.first)
    height, width = measured_size(painted, size)
    for judge in judges:  # before all frames are gone through
        check_size(judge, [torch.empty(1, 3, height, width)])
    meter, still, cuts, spread = Steadying(between), StillPlaces(), Cuts(), Spread(looks)
    begun: list[float] = []
    times: list[float] = []
    sharp: list[tuple[float, float]] = []
    for pair in pairing.pairs():
        frames = [as_pixels(as_image(x, (height, width))) for x in (pair.film, pair.painted)]
        one, other = frames
        cut = cuts(one)
        if cut and times:
            begun.append(float(pair.time))
        times.append(float(pair.time))
        meter.add(FilmFrame(pair.number + 1, one), other, cut=cut)
        still.add(one, other, cut=cut)
        sharp.append((sharpness(other), sharpness(one)))
        spread.add((float(pair.time), one, other))
    if not times:
        raise ImageError(
            f"'{painted.path}' and '{film.path}' have no frame in common: give the film it was "
            "painted from, or a clip painted from the same seconds"
        )
    steady = meter.steadiness()
    if steady is None:
        few = "has one frame" if len(times) == 1 else "has no two frames of one shot"
        notes.append(f"'{painted.path}' {few} in common with the film: nothing moves")
    if begun:
        where = ", ".join(f"{time:.2f}" for time in begun[:5]) + (" ..." if begun[5:] else "")
        notes.append(
            f"{counted(len(begun), 'cut')} in the film ({where} s): nothing is compared over it"
        )
    notes += [*film.notes, *painted.notes, *pairing.notes]
    looked = spread.chosen()
    scale = style_scale(recipe)
    means = np.mean(sharp, axis=0)
    return ClipScore(
        len(times),
        tuple(begun),
        width,
        height,
        steady,
        still.drift,
        float(means[0]),
        float(means[1]),
        tuple(judged(judge, looked, styles, scale) for judge in judges),
        tuple(times),
        tuple(meter.every),
        tuple(dict.fromkeys(notes)),
    )


def measured_size(painted: AbstractClip, size: int | None) -> tuple[int, int]:
    """(height, width) at which frames are compared; only smaller, as a blur would be judged."""
    longest = max(painted.size)
    if size is None:
        return painted.size
    if not 0 < size <= longest:
        raise SettingsError(
            f"'{painted.path}' has a longest side of {longest} pixels and cannot be judged at "
            f"{size}: give a size from 1 to that"
        )
    return fit(*painted.size, size)


@torch.no_grad()
def judged(
    judge: Judge,
    looked: Sequence[tuple[float, Pixels, Pixels]],
    styles: Sequence[Picture],
    scale: float,
) -> JudgedClip:
    """What a judge says of some frames, each beside the film's."""
    found = []
    whole = [Shown.of(style, "a style").pixels for style in styles]
    for time, film, painted in looked:
        images = [as_image(x, (x.shape[0], x.shape[1])) for x in (film, painted)]
        seen = [style_at(style, max(film.shape[:2]), scale) for style in whole]
        levels, content = Scene(images[0], seen).judged(judge, images[1])
        found.append(JudgedFrame(time, levels, content))
    levels = {level: mean([look.levels[level] for look in found]) for level in LEVELS}
    content = float(np.mean([look.content for look in found]))
    return JudgedClip(judge.name, judge.sha256, levels, content, tuple(found))


def mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def recipe_in(
    painted: AbstractClip, film: AbstractClip, judges: Sequence[Judge]
) -> tuple[ClipRecipe | None, list[str]]:
    """The recipe a painted clip carries, if it has one, and what it tells of the comparison."""
    if isinstance(painted, FrameFolder):
        return None, []
    text = recipe_text(painted.path)
    if text is None:
        return None, []
    try:
        recipe = ClipRecipe.from_json(text, f"the recipe of '{painted.path}'")
    except RecipeError as error:
        return None, [f"{error}; it is taken to begin where the film does"]
    notes = []
    if isinstance(film, ClipFile) and recipe.clip.sha256 != file_sha256(film.path):
        notes.append(
            f"by its recipe '{painted.path}' was painted from '{recipe.clip.name}', which is not "
            f"the file '{film.path}'"
        )
    network = find_network(str(recipe.settings.get("network") or StylizeConfig().network.name)).name
    for judge in judges:
        if judge.name == network:
            notes.append(
                f"{judge.name} is the network that '{painted.path}' was painted with, and praises "
                "it: ask another judge, too"
            )
    return recipe, notes


def style_scale(recipe: ClipRecipe | None) -> float:
    value = 1.0 if recipe is None else recipe.settings.get("style_scale", 1.0)
    return float(value) if isinstance(value, int | float) and value > 0 else 1.0
