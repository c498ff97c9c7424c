"""The style loss of a picture in regions: the mean of each one's, as they share the picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, final

import torch
from torch import Tensor

from gramarye.losses.additive import AdditiveLoss
from gramarye.tiles.regions import Region, Sums, whole_region


@final
@dataclass(frozen=True)
class RegionsLoss:
    """The sum of one layer's losses in regions, each times its share."""

    separable: ClassVar[bool] = False

    parts: tuple[tuple[float, AdditiveLoss], ...]

    @property
    def layer(self) -> str:
        return self.parts[0][1].layer

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        here = features[self.layer]
        return self.value(self.sums(here, whole_region(here)))

    def sums(self, features: Tensor, region: Region) -> Sums:
        return tuple(part for _, loss in self.parts for part in loss.sums(features, region))

    def value(self, sums: Sums) -> Tensor:
        values = [share * loss.value(part) for share, loss, part in self.split(sums)]
        return torch.stack(values).sum(0)

    def add_gradient(self, into: Tensor, features: Tensor, region: Region, slopes: Sums) -> None:
        for _, loss, part in self.split(slopes):
            loss.add_gradient(into, features, region, part)

    def split(self, sums: Sums) -> Iterator[tuple[float, AdditiveLoss, Sums]]:
        """Every region's share, loss and sums: all have as many."""
        each = len(sums) // len(self.parts)
        for number, (share, loss) in enumerate(self.parts):
            yield share, loss, sums[number * each : (number + 1) * each]


@final
@dataclass(frozen=True)
class WholeRegionsLoss:
    """The same of losses that are no functions of sums."""

    parts: tuple[tuple[float, Callable[[Mapping[str, Tensor]], Tensor]], ...]

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        return torch.stack([share * loss(features) for share, loss in self.parts]).sum(0)
