"""The style loss of a training as a wide network sees it, which is not there when people paint.

A narrow network's style loss can be met in ways that its teacher does not take for the style: with
the shipped painter of 2026 a fifth of the way was left at relu3_1 as `vgg19-lite` sees it, and half
of it as VGG-19 does. What a painter learns from costs nothing later, so it may be as wide as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import final

import torch
from torch import Tensor

from gramarye.feedforward.objective import bounded
from gramarye.feedforward.settings import FeedForwardConfig
from gramarye.losses.distances import covariance_distance
from gramarye.losses.statistics import Moments, moments

Features = Callable[[Tensor, Sequence[str]], dict[str, Tensor]]  # of images, by layer

LAYERS = {"relu1_1": 0.2, "relu2_1": 0.3, "relu3_1": 1.0}  # with their weights


@final
class Teaching:
    """What a teacher says of one painting of each step, by turns: a step has room for no more."""

    def __init__(self, teacher: Features, config: FeedForwardConfig) -> None:
        self.teacher, self.config = teacher, config

    def __call__(
        self, images: Tensor, contents: Tensor, styles: Tensor, step: int
    ) -> tuple[dict[str, Tensor], Tensor]:
        """Shares of the way left by layer, and their gradient in images (B, 3, H, W).

        That of one image, at its weight in the mean over all: in the mean over steps it is theirs.
        """
        number = step % len(images)
        image = images[number : number + 1].detach().contiguous().requires_grad_()
        with torch.no_grad():
            goal, own = (self.look(x[number : number + 1]) for x in (styles, contents))
        total = torch.zeros(())
        losses: dict[str, Tensor] = {}
        with torch.enable_grad():
            for layer, found in self.look(image).items():
                least = self.config.floor * covariance_distance(goal[layer].empty(), goal[layer])
                way = torch.maximum(covariance_distance(own[layer], goal[layer]), least)
                share = covariance_distance(found, goal[layer]) / way
                losses[f"taught/{layer}"] = share.detach().float()
                total = total + LAYERS[layer] * bounded(share).sum()
        total = self.config.taught * total / sum(LAYERS.values())
        gradient = torch.zeros_like(images)
        gradient[number] = torch.autograd.grad(total, image)[0][0]
        return losses, gradient

    def look(self, images: Tensor) -> dict[str, Moments]:
        return {k: moments(x) for k, x in self.teacher(images, tuple(LAYERS)).items()}
