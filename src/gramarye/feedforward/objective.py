"""What a step of the cascade is to reach, and how near a painting came to its style.

A step is measured by the features that are wanted, position by position, and by its style's
statistics: the first alone would be answered by the mean of all that may be meant, which is blur.
Style losses are relative: shares of the way that the photograph, its colors matched, has to go, so
that 0.2 is a fifth of that way left, at each layer apart.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from gramarye.feedforward.cascade import Aim
from gramarye.feedforward.settings import CONTENT_LAYERS, STYLE_LAYERS, FeedForwardConfig
from gramarye.losses.statistics import Moments, add_sums_gradient, moments
from gramarye.losses.style_terms import style_distance
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.passes import Passes

LOG_ABOVE = 2.0  # shares of the way: beyond it a loss grows as its logarithm


class StepObjective:
    """Measures where steps led, through the perceptual network."""

    def __init__(self, network: PerceptualNetwork, passes: Passes, config: FeedForwardConfig):
        self.network, self.passes, self.config = network, passes, config

    def distance(self, layer: str, found: Moments, style: Moments) -> Tensor:
        return style_distance("covariance", self.network, layer)(found, style)

    def way(self, layer: str, contents: Moments, style: Moments) -> Tensor:
        """The way to go (B,), or the least that is counted."""
        least = self.config.floor * self.distance(layer, style.empty(), style)
        return torch.maximum(self.distance(layer, contents, style), least)

    def __call__(
        self, images: Tensor, aim: Aim, style: Mapping[str, Moments], ways: Mapping[str, Tensor]
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Every loss of every image (B,) by name, and the gradient of their weighted mean."""
        config, batch, layers = self.config, len(images), tuple(style)
        emphasis = {layer: config.emphasis.get(layer, 1.0) for layer in layers}
        seen = self.passes(images, layers, keep=True)
        losses: dict[str, Tensor] = {}
        errors: dict[str, Tensor] = {}
        slopes: dict[str, tuple[Tensor, Tensor]] = {}
        for layer in layers:
            features = seen.features[layer].detach()
            if layer in aim.wanted:
                unit = aim.units[layer][:, None, None, None]
                difference = features.float() * unit - aim.wanted[layer]
                variance = spread(style[layer]).float() * aim.units[layer] ** 2
                size = difference[0].numel() * variance.clamp_min(1e-6)
                losses[f"match/{layer}"] = difference.square().sum((1, 2, 3)) / size
                factor = 2 * config.match / len(aim.wanted) / batch / size
                errors[layer] = difference * (factor[:, None, None, None] * unit)
            found = moments(features).to(torch.float64)
            second, first = found.second.requires_grad_(), found.first.requires_grad_()
            here = Moments(second, first, found.count)
            share = self.distance(layer, here, style[layer]) / ways[layer]
            losses[f"style/{layer}"] = share.detach().float()
            weight = config.style * emphasis[layer] / max(sum(emphasis.values()), 1e-12)
            total = weight * bounded(share).sum() / batch
            slope, slope_first = torch.autograd.grad(total, (second, first))
            slopes[layer] = slope.float(), slope_first.float()

        def adder(layer: str):  # type: ignore[no-untyped-def]
            def add(into: Tensor) -> None:
                if layer in errors:
                    into += errors[layer].to(into.dtype)
                add_sums_gradient(into, seen.features[layer].detach(), *slopes[layer])

            return add

        return losses, seen.backward({layer: adder(layer) for layer in layers})

    @torch.no_grad()
    def measure(self, images: Tensor, contents: Tensor, styles: Tensor) -> dict[str, float]:
        """How near paintings are: shares of the way at the default's layers, content errors."""
        layers = frozenset({*STYLE_LAYERS, *CONTENT_LAYERS})
        painted, given, goal = (
            self.passes(x, layers, keep=False).features for x in (images, contents, styles)
        )
        losses = {}
        for layer in STYLE_LAYERS:
            found, own, style = (
                moments(x[layer]).to(torch.float64) for x in (painted, given, goal)
            )
            share = self.distance(layer, found, style) / self.way(layer, own, style)
            losses[f"style/{layer}"] = float(share.mean())
        for layer in CONTENT_LAYERS:
            difference = painted[layer].float() - given[layer].float()
            squares = given[layer].float().square().sum((1, 2, 3)).clamp_min(1e-12)
            losses[f"content/{layer}"] = float(
                (difference.square().sum((1, 2, 3)) / squares).mean()
            )
        return losses


def spread(style: Moments) -> Tensor:
    """The mean variance of the channels (B,)."""
    return torch.diagonal(style.covariance(), dim1=1, dim2=2).mean(1)


def bounded(share: Tensor) -> Tensor:
    """The share itself up to `LOG_ABOVE`; beyond it, with the same slope there, logarithmic."""
    above = LOG_ABOVE * (1 + (share.clamp_min(LOG_ABOVE) / LOG_ABOVE).log())
    return torch.where(share > LOG_ABOVE, above, share)
