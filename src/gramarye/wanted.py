"""What is wanted of a picture's features at a part of its size: its regions' goals, and the moves.

A region's goals are the moments of its styles; with those of the picture so far they give the maps
that its features are to be moved by (`feedforward.transport`). Regions, masks, several styles and
strength maps are what they are for the optimizer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import final

import torch
from torch import Tensor

from gramarye.config import StylizeConfig
from gramarye.distributed.bands import whole as one_band
from gramarye.feedforward.network import Painter
from gramarye.feedforward.transport import Move, transport
from gramarye.inputs.kinds import names_of
from gramarye.losses.masks import MaskWeights
from gramarye.losses.statistics import Moments, moments
from gramarye.losses.style import Role, StyleSettings, check_counts, has_role
from gramarye.losses.style_look import Look, PicturePart, Share, parts_of
from gramarye.losses.style_terms import style_moments
from gramarye.losses.targets import Targets
from gramarye.networks.features import PerceptualNetwork
from gramarye.tiles.extractor import FeatureExtractor
from gramarye.tiles.plan import choose_tiles
from gramarye.tiles.regions import Box, Tile
from gramarye.tiles.tiling import Layout

SAMPLED = 3 << 19  # pixels by which the moments of a larger picture are known
SAMPLE = 192  # the side of a sample, in pixels

Features = Mapping[str, Tensor]  # (1, C, h, w) by layer
Own = list[dict[str, Moments]]  # of every region, the moments of the picture so far by layer


@final
@dataclass(frozen=True)
class Goal:
    """A region of the picture, and the moments of its styles by layer."""

    region: PicturePart
    styles: Mapping[str, Moments]


@final
@dataclass(frozen=True)
class Target:
    """How the features of a region are to be moved."""

    mask: MaskWeights | None  # how much each position counts; None is all
    moves: Mapping[str, Move]


def goals_at(
    painter: Painter,
    extractor: FeatureExtractor,
    seen: Mapping[str, Tensor],
    config: StylizeConfig,
    part: int,
) -> list[Goal]:
    """The regions of the picture, and what each of their styles is like at this part."""
    settings = style_settings(config)
    layers = frozenset(painter.step(part).layers)
    targets = targets_of(extractor, seen, layers)
    parts = parts_of(
        targets, given(settings, seen, layers, part), layers, settings.mask_mode, settings.strength
    )
    between = settings.mixing == "between" and len(names_of("style", seen)) > 1
    look = Look(targets, parts, 1.0, relative=True, between=between)
    styles = [style_moments(look, region, sorted(layers)) for region in parts]
    targets.look()
    return [Goal(region, style()) for region, style in zip(parts, styles, strict=True)]


def targets_of(
    extractor: FeatureExtractor, seen: Mapping[str, Tensor], layers: frozenset[str]
) -> Targets:
    """What measures inputs, tile by tile where they are large."""
    size = seen["content"].shape[-2], seen["content"].shape[-1]
    tiles = choose_tiles(extractor.network, layers, *size, extractor.memory, extractor.precision)
    return Targets(extractor, seen, one_band(*size), tiles)


def own_moments(
    goals: Sequence[Goal], extractor: FeatureExtractor, image: Tensor, known: Features | None
) -> Own:
    """What each region of the image is like."""
    if known is not None:
        return [moments_in(goal.region, known) for goal in goals]
    layers = frozenset().union(*(goal.region.layers for goal in goals))
    targets = targets_of(extractor, {"content": image}, layers)
    if all(goal.region.mask is None for goal in goals):  # of which samples could miss one
        targets.tiles = samples(extractor.network, layers, *image.shape[-2:]) or targets.tiles
    own = [targets.moments("content", g.region.layers, g.region.mask) for g in goals]
    targets.look()
    return [dict(found) for found in own]


def samples(
    network: PerceptualNetwork, layers: Collection[str], height: int, width: int
) -> tuple[Tile, ...]:
    """Tiles spread evenly over a large image, `SAMPLED` pixels of it.

    Moments are means, and those of many places are nearly those of all. There are none where what
    the tiles see is more than half of the image: then it is worth looking at all of it.
    """
    share = min(1.0, SAMPLED / (height * width)) ** 0.5
    layout = Layout.of(network, layers, height, width)

    def places(size: int) -> list[tuple[int, int]]:
        side, count = min(SAMPLE, size), max(1, round(size * share / SAMPLE))
        room = (size - side) / count  # each has its own part of it, and lies in the middle
        starts = (int((i + 0.5) * room) // layout.stride * layout.stride for i in range(count))
        return [(start, start + side) for start in starts]

    boxes = (Box(*rows, *columns) for rows, columns in product(places(height), places(width)))
    tiles = tuple(map(layout.tile, boxes))
    seen = sum(tile.window.area for tile in tiles)
    return tiles if seen <= height * width / 2 else ()


def aims(goals: Sequence[Goal], own: Own) -> list[Target]:
    """How the features of each region are to be moved."""
    return [
        Target(goal.region.mask, {k: transport(here[k], style) for k, style in goal.styles.items()})
        for goal, here in zip(goals, own, strict=True)
    ]


def style_settings(config: StylizeConfig) -> StyleSettings:
    settings = config.terms["style"]
    assert isinstance(settings, StyleSettings)
    return settings


def moments_in(region: PicturePart, features: Features) -> dict[str, Moments]:
    """The moments of a region of a picture's features (1, C, h, w)."""
    found = {}
    for layer in region.layers:
        here = features[layer]
        place = Box.whole(here.shape[-2], here.shape[-1])
        weights = None if region.mask is None else region.mask.chosen(layer, place)
        found[layer] = moments(here, weights).to(torch.float64)
    return found


def given(
    settings: StyleSettings, seen: Mapping[str, Tensor], layers: frozenset[str], part: int
) -> dict[str, Share]:
    """How much each style counts at a part: below the whole size forms are painted."""
    styles = names_of("style", seen)
    check_counts(settings, styles)
    weights = settings.mix or (1.0,) * len(styles)
    roles: Sequence[Role] = settings.roles or ["all"] * len(styles)
    layer = "relu4_1/2" if part > 1 else "relu3_1"
    found = {
        name: Share(weight, layers)
        for name, weight, role in zip(styles, weights, roles, strict=True)
        if has_role(role, layer) and weight
    }
    # Where no style gives forms, or strokes, those that there are give both.
    return found or {
        name: Share(weight, layers) for name, weight in zip(styles, weights, strict=True)
    }
