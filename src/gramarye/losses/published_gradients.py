"""The gradients that Gatys, Ecker and Bethge print beside their losses, as functions.

Nothing here is needed to make a picture: the objective goes back through the network by itself.
They are what a reader compares with, and what the tests compare our gradients with. Both papers
give the gradient in the features after ReLU, and nothing where a feature does not fire (F = 0): it
is the gradient in what goes into the ReLU.
"""

from __future__ import annotations

import torch
from torch import Tensor


def content_loss(features: Tensor, target: Tensor) -> Tensor:
    """1/2 sum (F - P)^2 (Gatys et al. 2015 and 2016, eq. 1), one value per image, (B,).

    Features F and target P are (B, C, H, W), after ReLU.
    """
    return (features - target).square().sum((1, 2, 3)) / 2


def content_gradient(features: Tensor, target: Tensor) -> Tensor:
    """F - P where F > 0, else 0 (eq. 2), shaped like the features."""
    return torch.where(features > 0, features - target, 0)


def gram_matrix(features: Tensor) -> Tensor:
    """G = F F^T, summed over positions (eq. 3), (B, C, C); those of `statistics` are means."""
    rows = features.flatten(2)
    return rows @ rows.mT


def style_loss(features: Tensor, target: Tensor) -> Tensor:
    """E = 1 / (4 N^2 M^2) sum (G - A)^2 (eq. 4), one value per image, (B,).

    N channels at M positions; A (B or 1, N, N) is the style's Gram matrix, a sum over as many
    positions.
    """
    channels, positions = features.shape[1], features[0, 0].numel()
    difference = gram_matrix(features) - target
    return difference.square().sum((1, 2)) / (4 * channels**2 * positions**2)


def style_gradient(features: Tensor, target: Tensor) -> Tensor:
    """1 / (N^2 M^2) (F^T (G - A))^T where F > 0, else 0 (eq. 6), shaped like the features."""
    channels, positions = features.shape[1], features[0, 0].numel()
    pull = (gram_matrix(features) - target) @ features.flatten(2)
    pull = pull.view(features.shape) / (channels**2 * positions**2)
    return torch.where(features > 0, pull, 0)
