"""The terms of style losses of whole feature maps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from gramarye.losses.kind import Term, shares
from gramarye.losses.maps_loss import MakeDistance, Map, Maps, MapsLoss
from gramarye.losses.regions_loss import WholeRegionsLoss
from gramarye.losses.style_look import Look, Make, mean_of_parts
from gramarye.losses.style_losses import STYLE_LOSSES


def terms_of_maps(look: Look, name: str, weights: Mapping[str, float]) -> Make:
    """One term for all layers together, or one for each."""
    loss = STYLE_LOSSES[name]
    groups = {"": dict(weights)} if loss.together else {f"/{k}": {k: w} for k, w in weights.items()}
    found = {suffix: maps_of_group(look, name, group) for suffix, group in groups.items()}
    of_groups = {suffix: sum(group.values()) for suffix, group in groups.items()}

    def terms() -> list[Term]:
        made = {suffix: make() for suffix, make in found.items()}
        unit = look.unit(
            of_groups,
            lambda suffix: mean_of_parts(part.content for part in made[suffix]),
            lambda suffix: mean_of_parts(part.black for part in made[suffix]),
        )
        return [
            Term(
                f"style{suffix}",
                of_groups[suffix] / unit,
                wholly_together([(part.share, part.loss) for part in parts]),
                tuple(groups[suffix]),
            )
            for suffix, parts in made.items()
            if parts
        ]

    return terms


@final
@dataclass(frozen=True)
class OfMaps:
    """A region's loss of a group of layers, and the content's maps."""

    share: float
    loss: MapsLoss
    of_content: Maps

    @property
    def content(self) -> tuple[float, Tensor]:
        return self.share, self.loss.distance(self.of_content)

    @property
    def black(self) -> tuple[float, Tensor]:
        maps = {k: Map(torch.zeros_like(m.features), m.weights) for k, m in self.of_content.items()}
        return self.share, self.loss.distance(maps)


def maps_of_group(look: Look, name: str, group: Mapping[str, float]) -> Callable[[], list[OfMaps]]:
    targets, kind = look.targets, STYLE_LOSSES[name]
    make_distance: MakeDistance = kind.function()
    asked = []
    for part in look.parts:
        seeing = {layer: look.seeing(layer) for layer in group if layer in part.layers}
        having = {n: s for n, s in part.styles.items() if s.layers >= seeing.keys()}
        if len(seeing) < kind.least or not having:
            continue
        of_styles = [targets.maps(n, seeing, style.mask) for n, style in having.items()]
        of_content = targets.maps("content", seeing, part.mask) if look.relative else {}
        counts = [style.weight for style in having.values()]
        asked.append((part, seeing, of_styles, counts, of_content))

    def made() -> list[OfMaps]:
        found = []
        for part, seeing, of_styles, counts, of_content in asked:
            styles = [amplified_maps(maps, look.gain) for maps in of_styles]
            distance = make_distance(styles, counts, shares({k: group[k] for k in seeing}))
            found.append(OfMaps(part.share, MapsLoss(seeing, distance, part.mask), of_content))
        return found

    return made


def wholly_together(losses: list[tuple[float, MapsLoss]]) -> MapsLoss | WholeRegionsLoss:
    if len(losses) == 1 and losses[0][0] == 1:
        return losses[0][1]
    return WholeRegionsLoss(tuple(losses))


def amplified_maps(maps: Maps, gain: float) -> Maps:
    if gain == 1:
        return maps
    return {layer: Map(gain * found.features, found.weights) for layer, found in maps.items()}
