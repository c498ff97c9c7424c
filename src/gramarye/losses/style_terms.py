"""The terms of a style loss, with its targets and its unit, whatever it is a function of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import final

import torch
from torch import Tensor

from gramarye.losses.kind import Term, shares
from gramarye.losses.maps_loss import MakeDistance, Map, Maps, MapsLoss
from gramarye.losses.measurements import MaskWeights
from gramarye.losses.moments_loss import Distance, MomentsLoss
from gramarye.losses.seeing import Seeing
from gramarye.losses.statistic_loss import PositionSums, StatisticLoss, mix_means
from gramarye.losses.statistics import Moments, mix_moments
from gramarye.losses.style_losses import STYLE_LOSSES, load
from gramarye.losses.targets import Targets
from gramarye.networks.features import PerceptualNetwork
from gramarye.tiles.regions import Sums

Make = Callable[[], list[Term]]
Of = Callable[[str], Tensor]  # a distance by its layer or group


@final
@dataclass(frozen=True)
class Look:
    """What a style loss is measured of, and how its unit is chosen."""

    targets: Targets
    styles: tuple[str, ...]  # the inputs
    mix: tuple[float, ...]  # how much each of them counts; none is all the same
    gain: float
    relative: bool

    @property
    def mask(self) -> MaskWeights | None:
        return self.targets.weights("content-mask")

    def style_mask(self, name: str) -> MaskWeights | None:
        return self.targets.weights(name.replace("style", "style-mask"))

    def seeing(self, layer: str) -> Seeing:
        return Seeing.of(self.targets.network, layer)

    def black(self, layer: str) -> Tensor:
        """One position of a layer (1, C, 1, 1) where no feature fires."""
        network = self.targets.network
        parameter = next(network.parameters())
        return parameter.new_zeros((1, network.geometry(layer).channels, 1, 1))

    def content_moments(self, layers: Mapping[str, float]) -> dict[str, Moments]:
        """Those of the content, where the unit asks for them."""
        return self.targets.moments("content", layers, self.mask) if self.relative else {}

    def style_moments(self, layers: Mapping[str, float]) -> Callable[[], dict[str, Moments]]:
        """Those of the styles as one."""
        found = [self.targets.moments(n, layers, self.style_mask(n)) for n in self.styles]

        def mixed() -> dict[str, Moments]:
            return {k: mix_moments([of[k] for of in found], self.mix or None) for k in layers}

        return mixed

    def unit(self, weights: Mapping[str, float], content: Of, black: Of) -> float:
        """What a loss is divided by: 1, or its own distance, by weights of layers or groups."""
        if not self.relative:
            return 1.0
        return own_distance(weighted_mean(weights, content), weighted_mean(weights, black))


def style_terms(look: Look, name: str, weights: Mapping[str, float]) -> Make:
    """Ask for what a loss compares with; what comes back makes its terms.

    `weights` are those of its layers, before the unit.
    """
    makers = {"moments": terms_of_moments, "positions": terms_of_positions, "maps": terms_of_maps}
    return makers[STYLE_LOSSES[name].of](look, name, weights)


def own_distance(content: float, black: float) -> float:
    """The unit of a style loss: its value for the content itself, the way a stylization has to go.

    Measured in this unit, one strength means the same for every style, size and network. Where
    content and style nearly agree, a thousandth of the distance from black keeps it above zero.
    """
    return max(content, 1e-3 * black) or 1.0  # without style layers: no distance


def weighted_mean(weights: Mapping[str, float], distance: Of) -> float:
    """The mean of distances, of layers or of groups of them, by their weights."""
    return sum(share * float(distance(layer)) for layer, share in shares(weights).items())


# functions of moments


def terms_of_moments(look: Look, name: str, weights: Mapping[str, float]) -> Make:
    of_content, of_styles = look.content_moments(weights), look.style_moments(weights)

    def terms() -> list[Term]:
        style, network = of_styles(), look.targets.network
        distances = {k: style_distance(name, network, k, look.gain) for k in weights}
        unit = look.unit(
            weights,
            lambda k: distances[k](of_content[k], style[k]),
            lambda k: distances[k](style[k].empty(), style[k]),
        )
        return [
            Term(
                f"style/{layer}",
                weight / unit,
                MomentsLoss(layer, style[layer], distances[layer], look.mask),
                (layer,),
            )
            for layer, weight in weights.items()
        ]

    return terms


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
    targets, of_moments = look.targets, look.style_moments(weights)
    make_statistic = STYLE_LOSSES[name].function()
    summed: dict[str, PositionSums] = {}
    of_styles: list[dict[str, Sums]] = []
    of_content: list[dict[str, Sums]] = []

    def ask() -> None:
        for number, (layer, found) in enumerate(of_moments().items()):
            seeing = look.seeing(layer)
            seen = seeing.moments(found).amplified(look.gain)
            statistic = make_statistic(seen, seeing, (targets.seed + number) % 2**63)
            summed[layer] = PositionSums(layer, statistic, seeing)
        amplified = [replace(part, gain=look.gain) for part in summed.values()]
        of_styles.extend(targets.sums(n, amplified, look.style_mask(n)) for n in look.styles)
        if look.relative:
            of_content.append(targets.sums("content", summed.values(), look.mask))

    targets.then(ask)

    def terms() -> list[Term]:
        losses = {
            layer: StatisticLoss(
                layer,
                mix_means([of[layer] for of in of_styles], look.mix or None),
                summed[layer],
                look.mask,
            )
            for layer in weights
        }
        unit = look.unit(
            weights,
            lambda k: losses[k].value(of_content[0][k]),
            lambda k: losses[k].value(summed[k](look.black(k), None)),
        )
        return [
            Term(f"style/{layer}", weight / unit, losses[layer], (layer,))
            for layer, weight in weights.items()
        ]

    return terms


# functions of whole maps


def terms_of_maps(look: Look, name: str, weights: Mapping[str, float]) -> Make:
    """One term for all layers together, or one for each."""
    targets, loss = look.targets, STYLE_LOSSES[name]
    make_distance: MakeDistance = loss.function()
    seeing = {layer: look.seeing(layer) for layer in weights}
    of_styles = [targets.maps(name, seeing, look.style_mask(name)) for name in look.styles]
    of_content = targets.maps("content", seeing, look.mask) if look.relative else {}

    def terms() -> list[Term]:
        styles = [amplified_maps(maps, look.gain) for maps in of_styles]
        mix = look.mix or [1.0] * len(styles)
        groups = (
            {"": dict(weights)} if loss.together else {f"/{k}": {k: w} for k, w in weights.items()}
        )
        distances = {
            suffix: make_distance(styles, mix, shares(group)) for suffix, group in groups.items()
        }
        of_groups = {suffix: sum(group.values()) for suffix, group in groups.items()}
        black = {k: Map(torch.zeros_like(m.features), m.weights) for k, m in of_content.items()}
        unit = look.unit(
            of_groups,
            lambda suffix: distances[suffix](of_content),
            lambda suffix: distances[suffix](black),
        )
        return [
            Term(
                f"style{suffix}",
                of_groups[suffix] / unit,
                MapsLoss({k: seeing[k] for k in group}, distances[suffix], look.mask),
                tuple(group),
            )
            for suffix, group in groups.items()
        ]

    return terms


def amplified_maps(maps: Maps, gain: float) -> Maps:
    if gain == 1:
        return maps
    return {layer: Map(gain * found.features, found.weights) for layer, found in maps.items()}
