"""Narrow features as a wide network would see them: the metric head as an affine map.

A head H is a symmetric (C + 1, C + 1) matrix, the root of A^T A, where A predicts wide features
from narrow ones with a constant 1 appended (distillation/folding.py). So H (f, 1) has the inner
products, lengths and distances of the wide features, in C + 1 channels instead of hundreds. What
depends on inner products only is that of the wide features exactly; what looks at channels one by
one (batch-norm, histogram, cmd) sees another basis of the same space.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from gramarye.losses.statistics import Moments, at_least_float32
from gramarye.networks.features import PerceptualNetwork


@final
@dataclass(frozen=True)
class Seeing:
    """How a style loss looks at a layer: through the network's head if it has one, or plainly.

    `width` is the number of channels of the space looked into, `channels` that of what comes out.
    """

    head: Tensor | None
    channels: int
    width: int

    @classmethod
    def of(cls, network: PerceptualNetwork, layer: str) -> Seeing:
        channels = network.geometry(layer).channels
        found = network.head(layer)
        if found is None:
            return cls(None, channels, channels)
        head, width = found
        return cls(head, channels + 1, width)

    def __call__(self, features: Tensor) -> Tensor:
        """Features (B, C, ...) as they are seen (B, C', ...), in float32 at least."""
        x = at_least_float32(features)
        if self.head is None:
            return x
        head = self.head.to(x.dtype)
        flat = x.flatten(2)
        seen = torch.baddbmm(
            head[:, -1:].expand(len(x), -1, -1), head[:, :-1].expand(len(x), -1, -1), flat
        )
        return seen.view(len(x), len(head), *x.shape[2:])

    def rows(self, features: Tensor) -> Tensor:
        """The same of features (B, C, h, w), the channels of a position side by side."""
        x = at_least_float32(features).permute(0, 2, 3, 1)  # (B, h, w, C)
        if self.head is None:
            return x.permute(0, 3, 1, 2)
        head = self.head.to(x.dtype)
        return F.linear(x, head[:, :-1], head[:, -1]).permute(0, 3, 1, 2)

    def rows_back(self, gradient: Tensor) -> Tensor:
        """The gradient in the features (B, C, h, w), of that in what `rows` sees of them."""
        if self.head is None:
            return gradient
        head = self.head[:, :-1].to(gradient.dtype)
        return (gradient.permute(0, 2, 3, 1) @ head).permute(0, 3, 1, 2)

    def back(self, gradient: Tensor) -> Tensor:
        """The gradient in the features (B, C, N), of that in what is seen of them (B, C', N)."""
        if self.head is None:
            return gradient
        return self.head[:, :-1].mT.to(gradient.dtype) @ gradient

    def moments(self, found: Moments) -> Moments:
        """The moments of what is seen, of the moments of the features."""
        if self.head is None:
            return found
        head = self.head.to(found.first.dtype)
        sums = torch.cat([found.first, found.count[:, None]], dim=1)  # (B, C + 1)
        second = torch.cat(
            [torch.cat([found.second, found.first[:, :, None]], dim=2), sums[:, None, :]], dim=1
        )
        return Moments(head @ second @ head.mT, sums @ head.mT, found.count)
