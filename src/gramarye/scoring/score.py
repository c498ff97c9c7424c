"""The score of a picture: how near it is to its style and its content, judged by a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import final

import torch
from torch import Tensor

from gramarye.errors import ImageError, RecipeError, SettingsError
from gramarye.inputs.coloring import match_colors, pixels_of
from gramarye.inputs.shown import Shown
from gramarye.losses.statistics import Moments, mix_moments, moments
from gramarye.pictures.metadata import recipe_in_xmp
from gramarye.pictures.picture import Picture, Source, load_picture
from gramarye.pictures.settings import PictureSettings
from gramarye.recipe import Recipe
from gramarye.scales.resizing import resize, style_at
from gramarye.scales.sizes import fit
from gramarye.scoring import measures
from gramarye.scoring.colors import palette_distance
from gramarye.scoring.judge import Judge, load_judge
from gramarye.scoring.levels import LEVELS
from gramarye.surroundings import plain_torch

SHAPE = 0.02  # by which a side may differ from the content's shape, as other programs round
ROUNDING = 1e-10  # of a style's distance from black, squared: what float32 cannot tell from zero


@final
@dataclass(frozen=True)
class Artifacts:
    """What may have gone wrong in a picture; each is a function of `scoring.measures`."""

    specks: float  # per megapixel; 0 is best
    color_noise: float  # finest color detail over the style's
    checkerboard: float  # about 1 without a lattice of period 2 or 4
    haze: float  # share of the style's contrast of areas that is missing; 0 is none
    border: float  # about 1 where the border is like the rest
    seam: float  # 1 to 3 without a straight line across the picture


@final
@dataclass(frozen=True)
class Score:
    """How near a picture is to its style and content, in the eyes of one judge.

    `levels` maps each of `scoring.levels.LEVELS`, from finest to coarsest, to the squared
    distance of the Gram matrices from the style's, divided by that of the content itself: 0 is the
    style, 1 the untouched content; None where the judge has no such layer.
    """

    judge: str
    judge_sha256: str | None  # of its weights
    judge_made_it: bool  # whether it is the network that the picture was optimized with
    width: int
    height: int
    levels: Mapping[str, float | None]
    content: float  # relative L2 distance of features from the content in the result's colors
    edges: float | None  # kept of the content: see `measures.edges_kept`
    palette: float  # distance from the style's colors: see `colors.palette_distance`
    artifacts: Artifacts
    content_artifacts: Artifacts  # what honest pictures have: the content at the same size
    style_artifacts: Artifacts  # of the first style, in the size it was compared in
    notes: tuple[str, ...] = ()


@plain_torch()
def score(
    content: Source,
    style: Source | Sequence[Source],
    result: Source,
    *,
    judge: str | Path | Judge = "vgg19-lite",
    weights: str | Path | None = None,
    size: int | None = None,
) -> Score:
    """How near a result is to its style and content: `score("a.jpg", "b.jpg", "result.png")`.

    Sources are what `stylize` takes. `judge` is a registered network, its `weights` a file if need
    be, or a weights file by itself (`scoring.judge.load_judge`). The result is judged at its own
    size, or shrunk to a longest side of `size`; content and styles are brought to it as `stylize`
    does, with the style scale of the recipe inside the result if there is one. ImageError says why
    a picture cannot be judged.
    """
    styles: Sequence[Source] = style if isinstance(style, list | tuple) else [style]  # type: ignore[list-item]
    # Pictures first: a mistake in one of them costs no download.
    pictures = load_picture(content), [load_picture(s) for s in styles]
    image = load_picture(result)
    found = judge if isinstance(judge, Judge) else load_judge(judge, weights)
    return Scorer(*pictures, [found], size=size).scores(image)[0]


@final
class Scorer:
    """Judges any number of results of one content and the same styles, looking at those once."""

    def __init__(
        self,
        content: Picture,
        styles: Sequence[Picture],
        judges: Sequence[Judge],
        *,
        size: int | None = None,
    ) -> None:
        if not styles:
            raise SettingsError("there is no style to compare with: name one picture at least")
        self.content = Shown.of(content, "the content").pixels
        self.styles = [Shown.of(style, "a style").pixels for style in styles]
        self.judges, self.size = judges, size
        self.scenes: dict[tuple[int, int, float], Scene] = {}

    @torch.no_grad()
    def scores(self, result: Picture) -> list[Score]:
        """One score for each judge, in their order."""
        name = result.metadata.name or "the result"
        recipe, notes = recipe_of(result, name)
        image = at_size(Shown.of(result, name).pixels, self.size, name)
        scene = self.scene(image, recipe, name)
        for judge in self.judges:  # who need more than the measures do
            check_size(judge, [image, *scene.styles])
        edges = measures.edges_kept(image, scene.content)
        palette = palette_distance(image, pixels_of(scene.styles))
        artifacts = artifacts_of(image, scene.styles)
        scores = []
        for judge in self.judges:
            made_it = recipe is not None and made_by(recipe, judge)
            levels, content = scene.judged(judge, image)
            scores.append(
                Score(
                    judge.name,
                    judge.sha256,
                    made_it,
                    image.shape[-1],
                    image.shape[-2],
                    levels,
                    content,
                    edges,
                    palette,
                    artifacts,
                    scene.content_artifacts,
                    scene.style_artifacts,
                    (*notes, flattering(judge, name)) if made_it else notes,
                )
            )
        return scores

    def scene(self, image: Tensor, recipe: Recipe | None, name: str) -> Scene:
        """Content and styles at the image's size, remembered for the next of that size."""
        height, width = image.shape[-2:]
        check_shape(self.content, image, name)
        scale = recipe.settings.picture.style_scale if recipe else 1.0
        if (height, width, scale) not in self.scenes:
            content = resize(self.content, height, width).clamp(0, 1)
            styles = [style_at(style, max(height, width), scale) for style in self.styles]
            self.scenes[height, width, scale] = Scene(content, styles)
        return self.scenes[height, width, scale]


@final
class Scene:
    """Content (1, 3, H, W) and styles at the size of a result, and what judges see in them."""

    def __init__(self, content: Tensor, styles: list[Tensor]) -> None:
        self.content, self.styles = content, styles
        self.seen: dict[int, tuple[dict[str, Moments], dict[str, float]]] = {}

    @cached_property
    def content_artifacts(self) -> Artifacts:
        return artifacts_of(self.content, self.styles)

    @cached_property
    def style_artifacts(self) -> Artifacts:
        return artifacts_of(self.styles[0], self.styles)

    def judged(self, judge: Judge, image: Tensor) -> tuple[dict[str, float | None], float]:
        """The share of the style's distance by level, and the distance from the content."""
        check_size(judge, [image, *self.styles])
        targets, starts = self.targets(judge)
        features = judge.features(image, judge.layers)
        shares: dict[str, float | None] = dict.fromkeys(LEVELS)
        for level, layer in judge.levels.items():
            here = judge.distances[layer](moments(features[layer]), targets[layer])
            shares[level] = float(here) / starts[layer]
        recolored, _ = match_colors(self.content, [image], PictureSettings())
        kept = judge.features(recolored, [judge.content_layer])[judge.content_layer]
        difference = (features[judge.content_layer] - kept).norm()
        return shares, float(difference / kept.norm().clamp_min(1e-12))

    def targets(self, judge: Judge) -> tuple[dict[str, Moments], dict[str, float]]:
        """By layer: the styles' moments, and the content's distance from them."""
        if id(judge) not in self.seen:
            layers = list(judge.levels.values())
            looked = [judge.features(style, layers) for style in self.styles]
            content = judge.features(self.content, layers)
            targets = {k: mix_moments([moments(seen[k]) for seen in looked]) for k in layers}
            starts = {}
            for layer, target in targets.items():
                start = judge.distances[layer](moments(content[layer]), target)
                black = judge.distances[layer](target.empty(), target)
                starts[layer] = max(float(start), ROUNDING * float(black)) or 1.0
            self.seen[id(judge)] = targets, starts
        return self.seen[id(judge)]


def artifacts_of(image: Tensor, styles: Sequence[Tensor]) -> Artifacts:
    return Artifacts(
        measures.specks(image),
        measures.color_noise(image, styles),
        measures.checkerboard(image),
        measures.haze(image, styles),
        measures.border(image),
        measures.seam(image),
    )


def recipe_of(result: Picture, name: str) -> tuple[Recipe | None, tuple[str, ...]]:
    """The recipe a picture carries, and a note where it has one that cannot be read."""
    text = result.recipe or recipe_in_xmp(result.metadata.xmp)
    if text is None:
        return None, ()
    try:
        return Recipe.from_json(text, f"the recipe of '{name}'"), ()
    except RecipeError as error:
        return None, (f"{error}; a style scale of 1 is assumed",)


def made_by(recipe: Recipe, judge: Judge) -> bool:
    """Whether the judge is the network the picture was optimized with."""
    return judge.sha256 is not None and recipe.weights_sha256 == judge.sha256


def flattering(judge: Judge, name: str) -> str:
    return (
        f"{judge.name} is the network that made '{name}', and praises what it was optimized for: "
        "ask another judge, too"
    )


def at_size(image: Tensor, size: int | None, name: str) -> Tensor:
    """The image with that longest side; larger ones only shrink, as blur would be judged."""
    longest = max(image.shape[-2:])
    if size is None:
        return image
    if not 0 < size <= longest:
        raise SettingsError(
            f"'{name}' has a longest side of {longest} pixels and cannot be judged at {size}: "
            "give a size from 1 to that"
        )
    return resize(image, *fit(image.shape[-2], image.shape[-1], size)).clamp(0, 1)


def check_shape(content: Tensor, image: Tensor, name: str) -> None:
    """ImageError if the image has not the content's aspect ratio."""
    sides = image.shape[-2:]
    wanted = fit(content.shape[-2], content.shape[-1], max(sides))
    if any(abs(a - b) > max(1, SHAPE * b) for a, b in zip(sides, wanted, strict=True)):
        (height, width), (h, w) = sides, content.shape[-2:]
        raise ImageError(
            f"'{name}' is {width} x {height} pixels and the content {w} x {h}: a result has its "
            "content's shape; give the content it was made from, or crop one like the other"
        )


def check_size(judge: Judge, pictures: Sequence[Tensor]) -> None:
    """ImageError if a picture is too small for the judge."""
    for picture in pictures:
        height, width = picture.shape[-2:]
        if min(height, width) < judge.minimum_size:
            raise ImageError(
                f"a picture of {width} x {height} pixels is too small for {judge.name}: both sides "
                f"need at least {judge.minimum_size} pixels; take a larger one or another judge"
            )
