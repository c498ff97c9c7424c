"""Content losses (Gatys et al. 2015, eq. 1) and the class that holds their target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, final

from torch import Tensor

ContentKind = Literal["relative", "mean", "sum"]


def squared_error(features: Tensor, target: Tensor) -> Tensor:
    """1/2 sum (F - P)^2 (Gatys et al. 2015, eq. 1)."""
    return (features - target).square().sum() / 2


def content_divisor(target: Tensor, kind: ContentKind) -> float:
    """What a sum of squared errors is divided by: 2 as in the paper, the number of entries, or P^2.

    `relative` divides by the sum of the target's squares, so that one weight means the same for
    every picture, size and network; a target of zeros counts as one of ones.
    """
    if kind == "sum":
        return 2.0
    if kind == "mean":
        return float(target.numel())
    return float(target.square().sum()) or float(target.numel())


@final
@dataclass(frozen=True)
class ContentLoss:
    """Squared error of one layer's features against the content's, divided by a constant."""

    layer: str
    target: Tensor  # (1, C, H, W)
    divisor: float

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        return (features[self.layer] - self.target).square().sum() / self.divisor


def make_content_loss(layer: str, target: Tensor, kind: ContentKind = "mean") -> ContentLoss:
    """The content loss of a layer for the content's features there."""
    return ContentLoss(layer, target, content_divisor(target, kind))
