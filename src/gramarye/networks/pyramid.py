"""Passes through a network whose layers look at the image at several parts of its size."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, final

import torch
from torch import Tensor

from gramarye.networks.features import PerceptualNetwork, shrunk
from gramarye.networks.layers import by_shrink, joined

if TYPE_CHECKING:
    from gramarye.networks.passes import AddGradient, Pass, Passes


@final
class PyramidPasses:
    """Passes through the network at every part of the image's size that layers look at.

    The image is a pyramid (Burt and Adelson, 1983) of means; each size of it has a pass of its own.
    """

    def __init__(self, network: PerceptualNetwork, passes: Passes) -> None:
        self.network, self.passes = network, passes

    def __call__(self, image: Tensor, layers: Iterable[str], *, keep: bool) -> Pass:
        wanted = set(layers)
        self.network.check_layers(wanted)
        self.network.check_image(image, wanted)
        parts = {
            shrink: self.passes(shrunk(image, shrink), names, keep=keep)
            for shrink, names in by_shrink(wanted).items()
        }
        return parts[1] if parts.keys() == {1} else PyramidPass(image, parts)


@final
class PyramidPass:
    def __init__(self, image: Tensor, parts: Mapping[int, Pass]) -> None:
        self.image, self.parts = image, parts
        self.features = {
            joined(layer, shrink): features
            for shrink, part in parts.items()
            for layer, features in part.features.items()
        }

    def backward(self, gradients: Mapping[str, AddGradient]) -> Tensor:
        total: Tensor | None = None
        for shrink, part in self.parts.items():  # the whole image's first, if there is one
            here = {
                layer: gradients[joined(layer, shrink)]
                for layer in part.features
                if joined(layer, shrink) in gradients
            }
            gradient = part.backward(here)
            if shrink == 1:
                total = gradient
            else:
                total = torch.zeros_like(self.image) if total is None else total
                add_enlarged(total, gradient, shrink)
        assert total is not None
        return total


def add_enlarged(total: Tensor, gradient: Tensor, shrink: int) -> None:
    """Add to a gradient in the image (B, 3, H, W) that of its means (B, 3, h, w), in place."""
    height, width = gradient.shape[-2:]
    squares = total[..., : shrink * height, : shrink * width]
    squares = squares.view(*gradient.shape[:-2], height, shrink, width, shrink)
    squares += gradient[..., :, None, :, None] / shrink**2
