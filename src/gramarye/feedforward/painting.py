"""A photograph painted in a style by a trained network, and how near it came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from gramarye.feedforward.cascade import Cascade, match_colors
from gramarye.feedforward.network import Painter
from gramarye.feedforward.objective import StepObjective
from gramarye.feedforward.settings import MULTIPLE
from gramarye.losses.statistics import moments
from gramarye.pictures.room import continued
from gramarye.scales.resizing import resize
from gramarye.scales.sizes import fit


@final
@dataclass(frozen=True)
class Painted:
    image: Tensor  # (1, 3, H, W) in [0, 1]
    losses: dict[str, float]  # by name; style losses are shares of the way left


def at_longest(image: Tensor, size: int) -> Tensor:
    """The image (1, 3, H, W) with so many pixels on its longest side."""
    height, width = image.shape[-2:]
    return resize(image, *fit(height, width, size)).clamp(0, 1)


@torch.no_grad()
def paint(
    painter: Painter,
    cascade: Cascade,
    objective: StepObjective,
    content: Tensor,
    style: Tensor,
    *,
    seed: int = 0,
    bfloat16: bool = False,
) -> Painted:
    """A content (1, 3, H, W) painted in a style's (1, 3, h, w) manner, each as large as it is."""
    height, width = content.shape[-2:]
    contents = match_colors(continued(content, MULTIPLE), moments(style.double()))
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        image = cascade.paint(painter, contents, cascade.look(style), [seed])
    image = image.contiguous(memory_format=torch.channels_last)
    losses = objective.measure(image, contents, style)
    return Painted(image[..., :height, :width], losses)
