"""A photograph's features carried over to a style's: statistics match before anything is learned.

At each layer the features of the photograph go through the linear map that gives them the style's
mean and covariance and moves them as little as can be (the Monge-Kantorovich map, as for colors;
for features Lu et al. 2019, "A Closed-form Solution to Universal Style Transfer"). What a network
has to learn is then not what each style is like, but how a picture with such features looks. Li et
al. (2017) whiten and color instead, which turns features about, and train a decoder on photographs
alone; here it is trained on the losses. All follows from additive statistics (design law 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from gramarye.feedforward.settings import LARGEST, RIDGE, ROUNDING
from gramarye.losses.statistics import Moments
from gramarye.matrices import symmetric_power


@final
@dataclass(frozen=True)
class Move:
    """A map of features f (B, C, h, w): `matrix` f + `offset`."""

    matrix: Tensor  # (B, C, C)
    offset: Tensor  # (B, C)
    size: Tensor  # (B,), the root of the mean square of the style's features

    def __call__(self, features: Tensor) -> Tensor:
        # In rows of positions, as channels-last memory has them.
        batch, channels, height, width = features.shape
        rows = features.permute(0, 2, 3, 1).reshape(batch, -1, channels).to(self.matrix.dtype)
        moved = torch.baddbmm(self.offset[:, None, :], rows, self.matrix.mT)
        return moved.view(batch, height, width, channels).permute(0, 3, 1, 2)


def transport(content: Moments, style: Moments) -> Move:
    """The map from the content's features to the style's that moves them least."""
    sigma, goal = content.covariance().double(), style.covariance().double()
    variance = torch.diagonal(sigma, dim1=1, dim2=2).mean(1).clamp_min(0)
    size = torch.diagonal(content.gram().double(), dim1=1, dim2=2).mean(1)
    ridge = (RIDGE * variance + ROUNDING * size + 1e-12)[:, None]
    # Rounding leaves a flat photograph's covariance a little below zero, by its features' size.
    values, vectors = torch.linalg.eigh(sigma)
    deviations = (values.clamp_min(0) + ridge).sqrt()[:, None, :]
    root, inverse = (vectors * deviations) @ vectors.mT, (vectors / deviations) @ vectors.mT
    matrix = inverse @ symmetric_power(root @ goal @ root, 0.5) @ inverse
    values, vectors = torch.linalg.eigh((matrix + matrix.mT) / 2)
    matrix = (vectors * values.clamp(0, LARGEST)[:, None, :]) @ vectors.mT
    offset = style.mean().double() - (matrix @ content.mean().double()[:, :, None])[:, :, 0]
    square = torch.diagonal(style.gram().double(), dim1=1, dim2=2).mean(1)
    return Move(matrix.float(), offset.float(), square.clamp_min(1e-12).sqrt().float())
