"""The terms of a style loss, with its targets and its unit, whatever it is a function of."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import final

from torch import Tensor

from gramarye.losses.kind import Term
from gramarye.losses.maps_terms import terms_of_maps
from gramarye.losses.moments_loss import Distance, MomentsLoss, RegionMomentsLoss
from gramarye.losses.regions_loss import RegionsLoss
from gramarye.losses.seeing import Seeing
from gramarye.losses.statistic_loss import PositionSums, StatisticLoss, mix_means
from gramarye.losses.statistics import Moments, interpolate_moments, mix_moments, stacked
from gramarye.losses.style_look import Look, Make, PicturePart, mean_of_parts
from gramarye.losses.style_losses import STYLE_LOSSES, load
from gramarye.networks.features import PerceptualNetwork
from gramarye.tiles.regions import Sums

SEEN = 2  # positions a channel and region, up to which every one of them is seen through a head


def style_terms(look: Look, name: str, weights: Mapping[str, float]) -> Make:
    """Ask for what a loss compares with; what comes back makes its terms.

    `weights` are those of its layers, before the unit.
    """
    makers = {"moments": terms_of_moments, "positions": terms_of_positions, "maps": terms_of_maps}
    return makers[STYLE_LOSSES[name].of](look, name, weights)


# functions of moments


def terms_of_moments(look: Look, name: str, weights: Mapping[str, float]) -> Make:
    of_content = [content_moments(look, part, weights) for part in look.parts]
    of_styles = [style_moments(look, part, weights) for part in look.parts]

    def terms() -> list[Term]:
        network = look.targets.network
        distances = {k: style_distance(name, network, k, look.gain) for k in weights}
        styles = [mixed() for mixed in of_styles]
        found = list(zip(look.parts, of_content, styles, strict=True))
        unit = look.unit(
            weights,
            lambda k: mean_of_parts(
                (part.share, distances[k](content[k], style[k]))
                for part, content, style in found
                if k in style
            ),
            lambda k: mean_of_parts(
                (part.share, distances[k](style[k].empty(), style[k]))
                for part, _, style in found
                if k in style
            ),
        )
        made = {k: [(part, style[k]) for part, _, style in found if k in style] for k in weights}
        return [
            Term(f"style/{k}", weights[k] / unit, loss_of(look, name, k, parts, distances[k]), (k,))
            for k, parts in made.items()
            if parts
        ]

    return terms


def content_moments(look: Look, part: PicturePart, layers: Iterable[str]) -> dict[str, Moments]:
    """Those of the content in a region, where the unit asks for them."""
    here = [layer for layer in layers if layer in part.layers]
    return look.targets.moments("content", here, part.mask) if look.relative else {}


def style_moments(
    look: Look, part: PicturePart, layers: Iterable[str]
) -> Callable[[], dict[str, Moments]]:
    """Those of a region's styles as one, by the layers it has."""
    here = [layer for layer in layers if layer in part.layers]
    found = {
        name: look.targets.moments(name, [k for k in here if k in style.layers], style.mask)
        for name, style in part.styles.items()
    }

    as_one = interpolate_moments if look.between else mix_moments

    def mixed() -> dict[str, Moments]:
        return {
            k: as_one([found[n][k] for n in counts], list(counts.values()))
            for k in here
            if (counts := part.styles_at(k))
        }

    return mixed


def loss_of(
    look: Look,
    name: str,
    layer: str,
    parts: Sequence[tuple[PicturePart, Moments]],
    distance: Distance,
) -> MomentsLoss | RegionMomentsLoss:
    """The loss of a layer in regions, or of one that is the whole picture.

    Through a head, a distance takes two products of matrices for every region. Where there are few
    positions, it is less to be done to see each of them through it.
    """
    if len(parts) == 1 and parts[0][0].share == 1:
        return MomentsLoss(layer, parts[0][1], distance, parts[0][0].choice)
    shares = tuple(part.share for part, _ in parts)
    masks = tuple(part.mask for part, _ in parts if part.mask is not None)
    seeing, targets = look.seeing(layer), [target for _, target in parts]
    positions = math.prod(look.targets.network.positions(layer, side) for side in masks[0].size)
    if seeing.head is None or positions > SEEN * len(parts) * seeing.channels:
        return RegionMomentsLoss(layer, stacked(targets), distance, shares, masks)
    seen = stacked([seeing.moments(target).amplified(look.gain) for target in targets])
    plain = partial(STYLE_LOSSES[name].function(), width=seeing.width)
    return RegionMomentsLoss(layer, seen, plain, shares, masks, seeing)


def style_distance(
    name: str, network: PerceptualNetwork, layer: str, gain: float = 1.0
) -> Distance:
    """The distance of moments at a layer, measured through the network's head if it has one.

    The style's features, as they are seen, are multiplied by `gain`.
    """
    loss = STYLE_LOSSES[name]
    plain: Callable[..., Tensor] = loss.function()
    found = network.head(layer)
    if found is None:
        return plain if gain == 1 else lambda image, style: plain(image, style.amplified(gain))
    head, width = found
    head = head if head.device.type == "mps" else head.double()
    if loss.through_head is not None and gain == 1:
        return partial(load(loss.through_head), metric=head.mT @ head, width=width)
    seeing = Seeing.of(network, layer)

    known: list[tuple[Moments, Moments]] = []  # the style and what is seen of it: always the same

    def seen_distance(image: Moments, style: Moments) -> Tensor:
        if not known or known[0][0] is not style:
            known[:] = [(style, seeing.moments(style).amplified(gain))]
        return plain(seeing.moments(image), known[0][1], width)

    return seen_distance


# functions of other sums over positions


def terms_of_positions(look: Look, name: str, weights: Mapping[str, float]) -> Make:
    """What is summed depends on the styles' moments, so that the styles are looked at twice."""
    parts = [positions_of_part(look, part, name, weights) for part in look.parts]

    def terms() -> list[Term]:
        found = [made() for made in parts]
        unit = look.unit(
            weights,
            lambda k: mean_of_parts(here[k].content for here in found if k in here),
            lambda k: mean_of_parts(here[k].black for here in found if k in here),
        )
        return [
            Term(f"style/{k}", weight / unit, together(losses), (k,))
            for k, weight in weights.items()
            if (losses := [(here[k].share, here[k].loss) for here in found if k in here])
        ]

    return terms


def together(losses: Sequence[tuple[float, StatisticLoss]]) -> StatisticLoss | RegionsLoss:
    """The losses of all regions as one; the loss itself where the picture is one."""
    if len(losses) == 1 and losses[0][0] == 1:
        return losses[0][1]
    return RegionsLoss(tuple(losses))


@final
@dataclass(frozen=True)
class OfPositions:
    """A region's loss at a layer, and what it is of the content and of black."""

    share: float
    loss: StatisticLoss
    of_content: Sums | None
    of_black: Sums

    @property
    def content(self) -> tuple[float, Tensor]:
        assert self.of_content is not None
        return self.share, self.loss.value(self.of_content)

    @property
    def black(self) -> tuple[float, Tensor]:
        return self.share, self.loss.value(self.of_black)


def positions_of_part(
    look: Look, part: PicturePart, name: str, weights: Mapping[str, float]
) -> Callable[[], dict[str, OfPositions]]:
    targets, of_moments = look.targets, style_moments(look, part, weights)
    make_statistic = STYLE_LOSSES[name].function()
    summed: dict[str, PositionSums] = {}
    of_styles: dict[str, dict[str, Sums]] = {}
    of_content: list[dict[str, Sums]] = []

    def ask() -> None:
        for number, (layer, found) in enumerate(of_moments().items()):
            seeing = look.seeing(layer)
            seen = seeing.moments(found).amplified(look.gain)
            statistic = make_statistic(seen, seeing, (targets.seed + number) % 2**63)
            summed[layer] = PositionSums(layer, statistic, seeing)
        for style, there in part.styles.items():
            asked = [replace(s, gain=look.gain) for k, s in summed.items() if k in there.layers]
            of_styles[style] = targets.sums(style, asked, there.mask)
        if look.relative:
            of_content.append(targets.sums("content", summed.values(), part.mask))

    targets.then(ask)

    def made() -> dict[str, OfPositions]:
        found = {}
        for layer, of_layer in summed.items():
            counts = part.styles_at(layer)
            target = mix_means([of_styles[n][layer] for n in counts], list(counts.values()))
            loss = StatisticLoss(layer, target, of_layer, part.choice)
            black = of_layer(look.black(layer), None)
            content = of_content[0][layer] if of_content else None
            found[layer] = OfPositions(part.share, loss, content, black)
        return found

    return made
