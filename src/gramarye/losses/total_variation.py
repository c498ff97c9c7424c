"""Total variation: the pull towards smoothness."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, final

from torch import Tensor

VariationKind = Literal["squared", "absolute"]


def total_variation(image: Tensor, kind: VariationKind = "squared") -> Tensor:
    """Mean squared (or absolute) difference of neighboring pixels (Mahendran and Vedaldi, 2015).

    The paper sums; the mean does not grow with the number of pixels. Along a side of one pixel
    there are no neighbors and the term is zero.
    """
    parts = [image.diff(dim=dim) for dim in (-1, -2) if image.shape[dim] > 1]
    if kind == "squared":
        means = [part.square().mean() for part in parts]
    else:
        means = [part.abs().mean() for part in parts]
    return sum(means, start=image.new_zeros(()))


@final
@dataclass(frozen=True)
class TotalVariationLoss:
    """Total variation of the image itself, which the features hold as "image"."""

    kind: VariationKind = "squared"

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        return total_variation(features["image"], self.kind)
