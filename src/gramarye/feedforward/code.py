"""A style as a row of numbers: means and deviations of a network's channels over the picture.

They follow from additive statistics (design law 1), so that masked, mixed and tiled styles have
codes as whole pictures have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from gramarye.losses.statistics import Moments
from gramarye.networks.features import PerceptualNetwork

LEAST = 1e-12  # of a variance: its root's slope stays finite


def count_statistics(network: PerceptualNetwork, layers: Sequence[str]) -> int:
    """How many numbers `statistics_of` makes."""
    return 2 * sum(network.geometry(layer).channels for layer in layers)


def statistics_of(found: Mapping[str, Moments], layers: Sequence[str]) -> Tensor:
    """Means and deviations (B, n) of the layers' channels, in float32.

    Of each the root is taken: most channels are rare, and differ by factors.
    """
    parts = []
    for layer in layers:
        here = found[layer]
        mean = here.mean()
        variance = here.covariance().diagonal(dim1=1, dim2=2).clamp_min(LEAST)
        parts += [mean.clamp_min(0).sqrt(), variance.sqrt().sqrt()]
    return torch.cat(parts, dim=1).float()
