"""What a painting is to be like: its style's statistics, its content's features, colors in range.

The losses of `gramarye.losses`, for a batch of pairs each with a style of its own. Everything is
relative: a style loss to the way that the photograph, its colors matched, has to go; so that 0.2
is a fifth of that way left, at each layer apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from gramarye.feedforward.code import statistics_of
from gramarye.feedforward.pairs import Pairs
from gramarye.feedforward.settings import CODE_LAYERS, TRANSPORTED, FeedForwardConfig
from gramarye.feedforward.transport import Move, transport
from gramarye.losses.kind import shares
from gramarye.losses.statistics import Moments, add_sums_gradient, moments
from gramarye.losses.style_terms import style_distance
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.passes import make_passes
from gramarye.pictures.color import color_transform

LOG_ABOVE = 2.0  # shares of the way: beyond it a loss grows as its logarithm
CODES = frozenset(CODE_LAYERS)


@final
@dataclass(frozen=True)
class Task:
    """What is given and what is asked for, of pairs: all (B, ...)."""

    contents: Tensor  # (B, 3, S, S), colors matched
    statistics: Tensor  # of the styles
    styles: Mapping[str, Moments]
    ways: Mapping[str, Tensor]  # by style layer (B,), the style loss of the contents, or the floor
    features: Mapping[str, Tensor]  # of the contents, by content layer
    felt: Sequence[Tensor]  # the contents' features in the style's manner
    moves: Sequence[Move]


def mix_with_next(found: Moments, shares: Tensor) -> Moments:
    """Each image's moments with a share (B,) of the next one's, as means over a position."""

    def mixed(mean: Tensor) -> Tensor:
        share = shares.to(mean.dtype).view(-1, *[1] * (mean.ndim - 1))
        return (1 - share) * mean + share * mean.roll(-1, 0)

    return Moments(mixed(found.gram()), mixed(found.mean()), torch.ones_like(found.count))


def match_colors(contents: Tensor, styles: Moments) -> Tensor:
    """Contents (B, 3, H, W) with the means and covariances of the styles' colors, in [0, 1]."""
    own = moments(contents.double())
    means, goals = own.mean(), styles.mean().double()
    matched = []
    for image, mean, covariance, goal, spread in zip(
        contents, means, own.covariance(), goals, styles.covariance().double(), strict=True
    ):
        matrix = color_transform(covariance, spread, "monge-kantorovich")
        shift = (goal - matrix @ mean).to(image.dtype)
        flat = torch.addmm(shift[:, None], matrix.to(image.dtype), image.flatten(1))
        matched.append(flat.view_as(image))
    return torch.stack(matched).clamp(0, 1).contiguous(memory_format=torch.channels_last)


@final
class PairObjective:
    """Measures pictures through a perceptual network."""

    def __init__(self, network: PerceptualNetwork, config: FeedForwardConfig, bfloat16: bool):
        self.network, self.config = network, config
        self.passes = make_passes(network, "bfloat16" if bfloat16 else "float32")
        self.style_layers = shares(config.style_layers)
        self.content_layers = shares(config.content_layers)
        self.distances = {
            layer: style_distance("covariance", network, layer) for layer in self.style_layers
        }

    def moments(self, images: Tensor, layers: frozenset[str]) -> dict[str, Moments]:
        found = self.passes(images, layers, keep=False).features
        return {layer: moments(found[layer]).to(torch.float64) for layer in layers}

    @torch.no_grad()
    def task(self, pairs: Pairs) -> Task:
        """Measure contents and styles of a step."""
        layers = frozenset({*self.style_layers, *TRANSPORTED})
        styles = self.moments(pairs.styles, layers | CODES)
        colors = moments(pairs.styles.double())
        if pairs.shares.any():
            styles = {k: mix_with_next(found, pairs.shares) for k, found in styles.items()}
            colors = mix_with_next(colors, pairs.shares)
        contents = match_colors(pairs.contents, colors)
        asked = layers | frozenset(self.content_layers)
        seen = self.passes(contents, asked, keep=False).features
        moves = [
            transport(moments(seen[layer]).to(torch.float64), styles[layer])
            for layer in TRANSPORTED
        ]
        felt = [move(seen[layer]) for move, layer in zip(moves, TRANSPORTED, strict=True)]
        ways = {}
        floors = torch.full((len(contents),), self.config.floor, dtype=torch.float64)
        if pairs.own:
            floors[0] = 1.0  # no way to go at all: it would count more than all others
        for layer, distance in self.distances.items():
            style = styles[layer]
            way = distance(moments(seen[layer]).to(torch.float64), style)
            ways[layer] = torch.maximum(way, floors * distance(style.empty(), style))
        return Task(
            contents,
            statistics_of(styles, CODE_LAYERS),
            {layer: styles[layer] for layer in self.style_layers},
            ways,
            {layer: seen[layer] for layer in self.content_layers},
            felt,
            moves,
        )

    def __call__(
        self, images: Tensor, task: Task, *, keep: bool = True
    ) -> tuple[dict[str, Tensor], Tensor | None]:
        """Every loss of every painting, (B,), by name, and the gradient of their mean's sum.

        Style losses are shares of the way. The gradient is that of style and content together, as
        they are weighted, and averaged over the batch.
        """
        config, batch = self.config, len(images)
        seen = self.passes(images, {*self.style_layers, *self.content_layers}, keep=keep)
        losses: dict[str, Tensor] = {}
        slopes: dict[str, tuple[Tensor, Tensor]] = {}
        errors: dict[str, Tensor] = {}
        for layer, weight in self.style_layers.items():
            found = moments(seen.features[layer].detach()).to(torch.float64)
            second, first = found.second.requires_grad_(keep), found.first.requires_grad_(keep)
            here = Moments(second, first, found.count)
            share = self.distances[layer](here, task.styles[layer]) / task.ways[layer]
            losses[f"style/{layer}"] = share.detach().float()
            if keep:
                total = config.style * weight * bounded(share).sum() / batch
                slope, slope_first = torch.autograd.grad(total, (second, first))
                slopes[layer] = slope.float(), slope_first.float()
        for layer, weight in self.content_layers.items():
            target = task.features[layer]
            difference = seen.features[layer].detach().float() - target.float()
            size = target.float().square().sum((1, 2, 3)).clamp_min(1e-12)
            losses[f"content/{layer}"] = difference.square().sum((1, 2, 3)) / size
            factor = 2 * config.content * weight / batch / size
            errors[layer] = difference * factor[:, None, None, None]
        if not keep:
            return losses, None

        def adder(layer: str):  # type: ignore[no-untyped-def]
            def add(into: Tensor) -> None:
                if layer in slopes:
                    add_sums_gradient(into, seen.features[layer].detach(), *slopes[layer])
                if layer in errors:
                    into += errors[layer].to(into.dtype)

            return add

        return losses, seen.backward({layer: adder(layer) for layer in {*slopes, *errors}})


def bounded(share: Tensor) -> Tensor:
    """The share itself up to `LOG_ABOVE`; beyond it, with the same slope there, logarithmic."""
    above = LOG_ABOVE * (1 + (share.clamp_min(LOG_ABOVE) / LOG_ABOVE).log())
    return torch.where(share > LOG_ABOVE, above, share)


def mean_of(losses: Mapping[str, Tensor]) -> dict[str, float]:
    return {name: float(loss.mean()) for name, loss in losses.items() if math.isfinite(loss.mean())}
