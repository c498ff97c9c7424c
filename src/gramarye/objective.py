"""The objective: named, weighted loss terms, their sum and its exact gradient."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from gramarye.networks.features import PerceptualNetwork

Loss = Callable[[Mapping[str, Tensor]], Tensor]


@final
@dataclass(frozen=True)
class Term:
    """A loss with its name and weight. A loss is never negative and zero when its target is met."""

    name: str
    weight: float
    loss: Loss
    layers: tuple[str, ...] = ()  # what the loss reads besides "image"


@final
@dataclass(frozen=True)
class Evaluation:
    """What the optimizer sees: the weighted losses by name, their sum, and the sum's gradient."""

    losses: dict[str, Tensor]  # scalars
    total: Tensor  # scalar
    gradient: Tensor  # like the image


@final
class Objective:
    """A weighted sum of terms over one forward pass of one network."""

    def __init__(self, network: PerceptualNetwork, terms: Sequence[Term]) -> None:
        self.network = network
        self.terms = tuple(terms)
        self.layers = frozenset(layer for term in terms for layer in term.layers)
        network.check_layers(self.layers)

    def losses(self, image: Tensor) -> dict[str, Tensor]:
        """The weighted losses by name, differentiable in the image."""
        features = self.network(image, self.layers) if self.layers else {}
        features["image"] = image
        return {term.name: term.weight * term.loss(features) for term in self.terms}

    def evaluate(self, image: Tensor) -> Evaluation:
        """The weighted losses by name, their sum and its gradient in the image (B, 3, H, W)."""
        image = image.detach().requires_grad_(True)
        with torch.enable_grad():
            losses = self.losses(image)
            total = torch.stack(list(losses.values())).sum()
            (gradient,) = torch.autograd.grad(total, image)
        values = {name: value.detach() for name, value in losses.items()}
        return Evaluation(values, total.detach(), gradient)
