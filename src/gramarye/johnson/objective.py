"""The perceptual losses of Johnson et al. (2016), each in the size of what it is compared with.

Theirs are |phi(y) - phi(x)|^2 / CHW of features and |G(y) - G(a)|_F^2 of Gram matrices, with
weights for one network's features. Here the first is divided by the variance of the content's own
features over their positions, so that 1 is a picture without any content, and the second by
|G(a)|_F^2 (where CHW falls out): weights mean the same for any network.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor

from gramarye.losses.statistics import gram_matrix
from gramarye.losses.variation import total_variation
from gramarye.networks.features import PerceptualNetwork

LEAST = 1e-8  # of features, so that nothing is divided by zero
FLAT = 0.05  # of their mean square: the least variance that a photograph counts as having


@final
class PerceptualLosses:
    """Measures paintings of contents in one of the styles each."""

    def __init__(
        self,
        network: PerceptualNetwork,
        content_layer: str,
        style_layers: Sequence[str],
        styles: Sequence[Tensor],
    ) -> None:
        self.network, self.content_layer = network, content_layer
        self.style_layers = tuple(style_layers)
        with torch.no_grad():
            seen = [network(style, self.style_layers) for style in styles]
        self.targets = {
            layer: torch.cat([gram_matrix(found[layer].float()) for found in seen])  # (S, C, C)
            for layer in self.style_layers
        }

    def __call__(self, painted: Tensor, contents: Tensor, which: Tensor) -> dict[str, Tensor]:
        """The losses (B,) by name, of paintings (B, 3, H, W) in the styles of these numbers."""
        found = self.network(painted, {self.content_layer, *self.style_layers})
        with torch.no_grad():
            given = self.network(contents, [self.content_layer])[self.content_layer]
        difference = found[self.content_layer] - given
        size = variance(given).clamp_min(LEAST)
        losses = {"content": difference.square().mean((1, 2, 3)) / size}
        for layer in self.style_layers:
            target = self.targets[layer][which]
            away = gram_matrix(found[layer]) - target
            size = target.square().sum((1, 2)).clamp_min(LEAST)
            losses[f"style/{layer}"] = away.square().sum((1, 2)) / size
        return losses | {"tv": total_variation(painted)}


def variance(features: Tensor) -> Tensor:
    """The mean variance (B,) of channels over positions; of flat ones, a share of the square."""
    over_positions = features.var((2, 3), correction=0).mean(1)
    return torch.maximum(over_positions, FLAT * features.square().mean((1, 2, 3)))
