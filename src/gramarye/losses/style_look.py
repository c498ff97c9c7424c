"""What a style loss looks at: styles and regions of the picture; and how its unit is chosen.

A picture without regions is one region. The style loss is the sum over regions of their shares of
the picture times the distance of each one's statistics from those of its styles (Gatys et al. 2017,
section 3, who count all regions alike; Luan et al. 2017, who measure each in sums over the whole).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import final

import torch
from torch import Tensor

from gramarye.errors import SettingsError
from gramarye.inputs.kinds import laid_over
from gramarye.losses.kind import MaskMode, Term, shares
from gramarye.losses.masks import MaskWeights
from gramarye.losses.seeing import Seeing
from gramarye.losses.statistics import PositionChoice
from gramarye.losses.targets import Targets
from gramarye.tiles.regions import Box

Of = Callable[[str], Tensor | float]  # a distance by its layer or group
Make = Callable[[], list[Term]]


@final
@dataclass(frozen=True)
class Share:
    """How much a style counts, and the layers that look at it."""

    weight: float
    layers: frozenset[str]


@final
@dataclass(frozen=True)
class StylePart:
    """A part of a style: how much the style counts, where the part is, and at which layers."""

    weight: float
    mask: MaskWeights | None  # None is everywhere
    layers: frozenset[str]


@final
@dataclass(frozen=True)
class PicturePart:
    """A region of the picture, with the parts of styles that it is to look like.

    `layers` are those it has positions at, and one of the styles, too.
    """

    share: float  # of the picture
    mask: MaskWeights | None  # None is everywhere
    styles: Mapping[str, StylePart]
    layers: frozenset[str]

    @property
    def choice(self) -> PositionChoice | None:
        """The positions that count, of a box of a layer's."""
        return None if self.mask is None else self.mask.chosen

    def styles_at(self, layer: str) -> dict[str, float]:
        """How much each of the styles counts that have positions at the layer."""
        return {n: part.weight for n, part in self.styles.items() if layer in part.layers}


@final
@dataclass(frozen=True)
class Look:
    """What a style loss is measured of, and how its unit is chosen."""

    targets: Targets
    parts: tuple[PicturePart, ...]
    gain: float
    relative: bool
    between: bool = False  # whether the styles' moments are interpolated, and not pooled

    def seeing(self, layer: str) -> Seeing:
        return Seeing.of(self.targets.network, layer)

    def parts_at(self, layer: str) -> list[PicturePart]:
        """The regions that have positions at the layer."""
        return [part for part in self.parts if layer in part.layers]

    def black(self, layer: str) -> Tensor:
        """One position of a layer (1, C, 1, 1) where no feature fires."""
        network = self.targets.network
        parameter = next(network.parameters())
        return parameter.new_zeros((1, network.geometry(layer).channels, 1, 1))

    def unit(self, weights: Mapping[str, float], content: Of, black: Of) -> float:
        """What a loss is divided by: 1, or its own distance, by weights of layers or groups."""
        if not self.relative:
            return 1.0
        return own_distance(weighted_mean(weights, content), weighted_mean(weights, black))


def own_distance(content: float, black: float) -> float:
    """The unit of a style loss: its value for the content itself, the way a stylization has to go.

    Measured in this unit, one strength means the same for every style, size and network. Where
    content and style nearly agree, a thousandth of the distance from black keeps it above zero.
    """
    return max(content, 1e-3 * black) or 1.0  # without style layers: no distance


def weighted_mean(weights: Mapping[str, float], distance: Of) -> float:
    """The mean of distances, of layers or of groups of them, by their weights."""
    return sum(share * float(distance(layer)) for layer, share in shares(weights).items())


def mean_of_parts(parts: Iterable[tuple[float, Tensor]]) -> float:
    """The mean of distances in regions, as they share the picture; 0 where there is none."""
    found = list(parts)
    total = sum(share for share, _ in found)
    return sum(share / total * float(value) for share, value in found)


def parts_of(
    targets: Targets,
    mix: Mapping[str, Share],
    layers: Iterable[str],
    mode: MaskMode = "simple",
    strength: float = 0.5,
) -> tuple[PicturePart, ...]:
    """The regions of the picture, with the parts of the styles; SettingsError if nothing is left.

    `mix` is what each style gives, and `strength` what white of a strength map stands for. A
    region leaves out the layers that it has no positions at, in the picture or in its styles: deep
    ones, if it is small.
    """
    layers = frozenset(layers)
    masks = Masks(targets, mode, strength)
    if not masks.regions and mode == "simple" and masks.strengths is None:
        styles = {n: StylePart(s.weight, masks.of(n), s.layers) for n, s in mix.items()}
        return (PicturePart(1.0, masks.of("content"), styles, layers),)
    whole = masks.area(targets.seen.get("content-mask"))
    found = []
    for number in range(masks.regions) if masks.regions else (None,):
        mask, styles = masks.of("content", number), {}
        for name, given in mix.items():
            if given.weight and masks.has(name, number):
                of_style = masks.of(name, number)
                there = masks.layers(name, of_style, given.layers)
                styles[name] = StylePart(given.weight, of_style, there)
        here = masks.layers("content", mask, layers)
        here &= frozenset().union(*(part.layers for part in styles.values()))
        share = masks.area(masks.tensor("content", number)) / whole if whole else 0.0
        if here and share:
            found.append(PicturePart(share, mask, styles, here))
    if not found:
        raise SettingsError(
            "masks leave nothing of the picture or of its styles to look at: give masks and "
            "strength maps with more white, label pictures with larger regions, or --mask-mode "
            "simple"
        )
    return tuple(found)


def strength_ratio(gray: Tensor, strength: float) -> Tensor:
    """How much a position counts where a strength map is that gray (1, 1, h, w), in [0, 1].

    A run of the strength s t has a style weight 10^(2 s (t - 1)) times that of the strength s; of
    that, t in [0, 1], this is what leaves 0 at black: (10^(2 s t) - 1) / (10^(2 s) - 1).
    """
    rate = 2 * math.log(10) * strength
    return torch.expm1(rate * gray) / math.expm1(rate) if rate else gray


@final
class Masks:
    """The masks and regions of content and styles at a scale, as one weight of each position."""

    def __init__(self, targets: Targets, mode: MaskMode, strength: float) -> None:
        self.targets, self.mode = targets, mode
        gray = targets.seen.get("strength-map")
        self.strengths = None if gray is None else strength_ratio(gray, strength)
        content = targets.seen.get("content-regions")
        self.regions = 0 if content is None else content.shape[1]

    def has(self, name: str, number: int | None) -> bool:
        """Whether a style has a region, or there are none."""
        if number is None:
            return True
        regions = self.targets.seen.get(laid_over(name, "regions"))
        return regions is not None and bool(regions[:, number].any())

    def tensor(self, name: str, number: int | None = None) -> Tensor | None:
        """How much each pixel of content or style counts (1, 1, h, w); None is all the same."""
        seen = self.targets.seen
        factors = [seen.get(laid_over(name, "mask"))]
        if number is not None:
            factors.append(seen[laid_over(name, "regions")][:, number : number + 1])
        if name == "content":
            factors.append(self.strengths)
        found = [factor for factor in factors if factor is not None]
        return reduce(torch.mul, found) if found else None

    def of(self, name: str, number: int | None = None) -> MaskWeights | None:
        """The same, of positions."""
        mask = self.tensor(name, number)
        if mask is None:
            return None
        named = laid_over(name, "mask" if number is None else "regions")  # for messages
        return self.targets.weighing(named, mask, self.mode)

    def area(self, mask: Tensor | None) -> float:
        """How many pixels of the content count, in all bands."""
        band = self.targets.band
        if mask is None:
            return float(band.bands.height * band.bands.width)
        ((total,),) = band.share({"": (band.own(mask).double().sum()[None],)}).values()
        return float(total)

    def layers(self, name: str, mask: MaskWeights | None, layers: frozenset[str]) -> frozenset[str]:
        """Those of the layers at which positions count, in all tiles and bands."""
        if mask is None:
            return layers
        if name == "content":
            tiles, band = self.targets.tiles, self.targets.band
            here = {
                layer: (sum_of(mask.count(layer, tile.regions[layer].whole) for tile in tiles),)
                for layer in sorted(layers)
            }
            counts = {layer: float(total) for layer, (total,) in band.share(here).items()}
        else:
            height, width = mask.size
            positions = self.targets.network.positions
            boxes = {k: Box.whole(positions(k, height), positions(k, width)) for k in layers}
            counts = {layer: float(mask.count(layer, box)) for layer, box in boxes.items()}
        return frozenset(layer for layer, count in counts.items() if count > 0)


def sum_of(parts: Iterable[Tensor]) -> Tensor:
    return torch.stack(list(parts)).sum(0)
