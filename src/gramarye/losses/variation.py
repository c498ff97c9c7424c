"""Total variation of the image itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, final

import torch
from torch import Tensor

from gramarye.losses.kind import VariationKind
from gramarye.tiles.regions import IMAGE, Region, Sums


def total_variation(image: Tensor, kind: VariationKind = "squared", around: bool = False) -> Tensor:
    """Mean squared (or absolute) difference of neighboring pixels (B,).

    Mahendran and Vedaldi (2015) sum; the mean does not grow with the number of pixels. Along a side
    of one pixel there are no neighbors and the term is zero. Where it goes on `around` the border,
    the last pixels are neighbors of the first.
    """
    ends = {dim: image.narrow(dim, 0, 1 if around else 0) for dim in (-1, -2)}
    parts = [image.diff(dim=dim, append=end) for dim, end in ends.items() if image.shape[dim] > 1]
    sizes = [part.square() if kind == "squared" else part.abs() for part in parts]
    return sum((size.mean((1, 2, 3)) for size in sizes), start=image.new_zeros(len(image)))


@final
@dataclass(frozen=True)
class TotalVariation:
    """Total variation of the image itself, which the features hold as "image"."""

    layer: ClassVar[str] = IMAGE
    separable: ClassVar[bool] = True

    kind: VariationKind = "squared"
    around: bool = False  # see `total_variation`; the image is then one tile

    def sums(self, features: Tensor, region: Region) -> Sums:
        """A tile's share: the differences of its pixels to those below and to the right."""
        if self.around:
            return (total_variation(features, self.kind, around=True),)
        height, width = region.size
        rows, columns = region.inside, region.inside
        if region.whole.bottom < height:  # its last row has a neighbor below, in the next tile
            rows = replace(rows, bottom=rows.bottom + 1)
        if region.whole.right < width:
            columns = replace(columns, right=columns.right + 1)
        parts = rows.of(features).diff(dim=-2), columns.of(features).diff(dim=-1)
        counts = (height - 1) * width, height * (width - 1)
        channels = features.shape[1]
        total = features.new_zeros(len(features))
        for part, count in zip(parts, counts, strict=True):
            if count > 0:
                sizes = part.square() if self.kind == "squared" else part.abs()
                total = total + sizes.sum((1, 2, 3)) / (channels * count)
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
        return total_variation(features[IMAGE], self.kind, self.around)
