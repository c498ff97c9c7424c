"""VGG-19 and VGG-16 (Simonyan and Zisserman, 2015), and the narrow VGG-19 Gramarye ships."""

from __future__ import annotations

from torch import nn

from gramarye.networks.features import Conv, Padding, PerceptualNetwork, Pool, Pooling, Step
from gramarye.networks.layers import Blocks


def vgg_steps(blocks: Blocks, pooling: Pooling = "max", padding: Padding = "zeros") -> list[Step]:
    """The steps conv1_1, relu1_1, ..., pool1, conv2_1, ... of a VGG with the given blocks."""
    steps: list[Step] = []
    channels = 3
    for b, widths in enumerate(blocks, start=1):
        for d, width in enumerate(widths, start=1):
            conv = Conv(channels, width, 3, padding=1, mode=padding)
            steps.append(Step(f"conv{b}_{d}", conv, width, kernel=3, padding=1))
            steps.append(Step(f"relu{b}_{d}", nn.ReLU(inplace=True), width))
            channels = width
        steps.append(Step(f"pool{b}", Pool(pooling), channels, kernel=2, stride=2))
    return steps


def narrow_vgg(
    name: str, blocks: Blocks, padding: Padding, pooling: Pooling = "max"
) -> PerceptualNetwork:
    """A VGG of other widths, without the last block's pooling; its input is centered and scaled."""
    steps = vgg_steps(blocks, pooling, padding)[:-1]
    return PerceptualNetwork(name, steps, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
