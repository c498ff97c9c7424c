"""Total variation: the pull towards smoothness."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, final

import torch
from torch import Tensor

from gramarye.losses.additive import Sums
from gramarye.tiles.tiling import IMAGE, Region

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

    @property
    def layer(self) -> str:
        return IMAGE

    @property
    def linear(self) -> bool:
        return True

    def sums(self, features: Tensor, region: Region) -> Sums:
        """A tile's share: the differences of its pixels to those below and to the right."""
        height, width = region.size
        rows, columns = region.inside, region.inside
        if region.whole.bottom < height:  # its last row has a neighbor below, in the next tile
            rows = replace(rows, bottom=rows.bottom + 1)
        if region.whole.right < width:
            columns = replace(columns, right=columns.right + 1)
        parts = rows.of(features).diff(dim=-2), columns.of(features).diff(dim=-1)
        counts = (height - 1) * width, height * (width - 1)
        planes = features.shape[0] * features.shape[1]
        total = features.new_zeros(())
        for part, count in zip(parts, counts, strict=True):
            if count > 0:
                sizes = part.square() if self.kind == "squared" else part.abs()
                total = total + sizes.sum() / (planes * count)
        return (total,)

    def value(self, sums: Sums) -> Tensor:
        return sums[0]

    def add_gradient(self, into: Tensor, features: Tensor, region: Region, slopes: Sums) -> None:
        with torch.enable_grad():
            leaf = features.detach().requires_grad_(True)
            (total,) = self.sums(leaf, region)
        (gradient,) = torch.autograd.grad(total, leaf, slopes[0].to(total.dtype))
        into.add_(gradient)

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        return total_variation(features["image"], self.kind)
