"""Losses of the image itself, besides total variation: Laplacians of a pyramid, and the range."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, final

import torch
import torch.nn.functional as F
from torch import Tensor

from gramarye.losses.maps_loss import nothing
from gramarye.tiles.regions import IMAGE, Region, Sums, whole_region

AVERAGED = (4, 16)  # pixels that are averaged before the Laplacian is taken


@final
@dataclass(frozen=True)
class LaplacianLoss:
    """The mean squared difference of the Laplacians of averaged pixels, over the levels.

    Laplacian-steered style transfer (Li, Xu, Nie, Chua 2017): pixels are averaged over 4 x 4 and
    16 x 16 before their Laplacian is taken. The paper sums over the positions; ours is the mean, of
    levels alike. A level that leaves less than 3 positions of a side is left out.
    """

    content: Tensor  # (1, 3, H, W)

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        image = features[IMAGE]
        total, levels = nothing(image), 0
        for level in AVERAGED:
            if min(image.shape[2:]) >= 3 * level:
                ours, theirs = laplacian(image, level), laplacian(self.content, level)
                total = total + (ours - theirs).square().mean((1, 2, 3))
                levels += 1
        return total / max(1, levels)


def laplacian(image: Tensor, level: int) -> Tensor:
    """The four neighbors minus four times itself, of the means of level x level pixels."""
    x = F.avg_pool2d(image, level)
    middle = x[..., 1:-1, 1:-1]
    beside = x[..., 1:-1, :-2] + x[..., 1:-1, 2:]
    return beside + x[..., :-2, 1:-1] + x[..., 2:, 1:-1] - 4 * middle


@final
@dataclass(frozen=True)
class RangeLoss:
    """The mean square of how far values are below 0 or above 1."""

    layer: ClassVar[str] = IMAGE
    separable: ClassVar[bool] = True

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        image = features[IMAGE]
        return self.value(self.sums(image, whole_region(image)))

    def sums(self, features: Tensor, region: Region) -> Sums:
        excess = beyond(region.inside.of(features))
        return (excess.square().sum((1, 2, 3)) / entries(features, region),)

    def value(self, sums: Sums) -> Tensor:
        return sums[0]

    @torch.no_grad()
    def add_gradient(self, into: Tensor, features: Tensor, region: Region, slopes: Sums) -> None:
        slope = (2 * slopes[0] / entries(features, region)).to(into.dtype)[:, None, None, None]
        region.inside.of(into).add_(slope * beyond(region.inside.of(features)))


def beyond(x: Tensor) -> Tensor:
    """How far values are outside [0, 1], below it with a minus."""
    return x - x.clamp(0, 1)


def entries(features: Tensor, region: Region) -> int:
    """The numbers of the whole image."""
    return features.shape[1] * region.size[0] * region.size[1]
