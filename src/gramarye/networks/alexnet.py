"""AlexNet with one tower (Krizhevsky, 2014, "One weird trick"), as torchvision trained it."""

from __future__ import annotations

from torch import nn

from gramarye.networks.features import Conv, Padding, Pool, Pooling, Step

# Channels, kernel, stride, padding, whether a pooling follows.
CONVS = (
    (64, 11, 4, 2, True),
    (192, 5, 1, 2, True),
    (384, 3, 1, 1, False),
    (256, 3, 1, 1, False),
    (256, 3, 1, 1, True),
)


def alexnet_steps(pooling: Pooling = "max", padding: Padding = "zeros") -> list[Step]:
    """The steps conv1, relu1, pool1, conv2, ..., relu5, pool5; only 1, 2 and 5 are pooled."""
    steps: list[Step] = []
    channels = 3
    for i, (width, kernel, stride, pad, pooled) in enumerate(CONVS, start=1):
        conv = Conv(channels, width, kernel, stride=stride, padding=pad, mode=padding)
        steps.append(Step(f"conv{i}", conv, width, kernel, stride, pad))
        steps.append(Step(f"relu{i}", nn.ReLU(inplace=True), width))
        if pooled:
            steps.append(Step(f"pool{i}", Pool(pooling, 3, 2), width, kernel=3, stride=2))
        channels = width
    return steps
