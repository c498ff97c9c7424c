"""A photograph painted in a style by a trained network, and how near it came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from gramarye.feedforward.code import count_statistics
from gramarye.feedforward.network import AnyStyle
from gramarye.feedforward.objective import PairObjective, Task, mean_of
from gramarye.feedforward.pairs import Pairs
from gramarye.feedforward.settings import CODE_LAYERS, TRANSPORTED, AnyStyleConfig
from gramarye.networks.features import PerceptualNetwork
from gramarye.scales.resizing import resize
from gramarye.scales.sizes import fit

MULTIPLE = 8  # of pixels that the network's sides are


@final
@dataclass(frozen=True)
class Painted:
    image: Tensor  # (1, 3, H, W) in [0, 1]
    losses: dict[str, float]  # by name; style losses are shares of the way left


def make_painter(config: AnyStyleConfig, network: PerceptualNetwork) -> AnyStyle:
    """A network of this shape that paints by what a perceptual network sees."""
    half, quarter, eighth = (network.geometry(layer).channels for layer in TRANSPORTED)
    return AnyStyle(config, count_statistics(network, CODE_LAYERS), (half, quarter, eighth))


def paint_task(painter: AnyStyle, task: Task, seeds: Sequence[int]) -> Tensor:
    """Paintings (B, 3, H, W) of a task, each with noise of its own seed."""
    size = task.contents.shape[-2], task.contents.shape[-1]
    noise = together([painter.noise(*size, seed) for seed in seeds])
    sown = together([painter.seeds(*size, seed) for seed in seeds])
    sown = [move.colored(maps) for move, maps in zip(task.moves[1:], sown, strict=True)]
    painted: Tensor = painter(task.contents, task.felt, sown, painter.style(task.statistics), noise)
    return painted


def together(maps: Sequence[Sequence[Tensor]]) -> list[Tensor]:
    """Maps of several pictures, each (1, C, h, w), as maps of a batch."""
    return [torch.cat(found) for found in zip(*maps, strict=True)]


def whole(image: Tensor, multiple: int = MULTIPLE) -> Tensor:
    """The image (B, 3, H, W), mirrored at its far sides up to the next multiple of pixels."""
    height, width = image.shape[-2:]
    return F.pad(image, (0, -width % multiple, 0, -height % multiple), mode="reflect")


def at_longest(image: Tensor, size: int) -> Tensor:
    """The image (1, 3, H, W) with so many pixels on its longest side."""
    height, width = image.shape[-2:]
    return resize(image, *fit(height, width, size)).clamp(0, 1)


@torch.no_grad()
def paint(
    painter: AnyStyle,
    objective: PairObjective,
    content: Tensor,
    style: Tensor,
    *,
    seed: int = 0,
    bfloat16: bool = False,
) -> Painted:
    """A content (1, 3, H, W) painted in a style's (1, 3, h, w) manner, each as large as it is."""
    height, width = content.shape[-2:]
    pairs = Pairs(whole(content), style, torch.zeros(1), own=False)
    task = objective.task(pairs)
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        image = paint_task(painter, task, [seed])
    losses, _ = objective(image.contiguous(memory_format=torch.channels_last), task, keep=False)
    return Painted(image[..., :height, :width].clamp(0, 1), mean_of(losses))
