"""GoogLeNet (Szegedy et al., 2015) with batch normalization, as torchvision publishes it.

Those weights come from TensorFlow, and with them two differences from the paper: the branch for
5x5 convolutions has 3x3 ones, and the input is scaled to [-1, 1].
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gramarye.networks.features import Conv, Padding, Pool, Pooling, Step

# Channels: 1x1; 3x3 reduced and 3x3; "5x5" reduced and "5x5"; projection after the pooling.
INCEPTIONS = {
    "inception3a": (64, 96, 128, 16, 32, 32),
    "inception3b": (128, 128, 192, 32, 96, 64),
    "inception4a": (192, 96, 208, 16, 48, 64),
    "inception4b": (160, 112, 224, 24, 64, 64),
    "inception4c": (128, 128, 256, 24, 64, 64),
    "inception4d": (112, 144, 288, 32, 64, 64),
    "inception4e": (256, 160, 320, 32, 128, 128),
    "inception5a": (256, 160, 320, 32, 128, 128),
    "inception5b": (384, 192, 384, 48, 128, 128),
}


class FixedNorm(nn.Module):
    """Batch normalization by statistics that never change, whatever the module's mode."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        statistics = (self.running_mean, self.running_var)
        return F.batch_norm(x, *statistics, self.weight, self.bias, eps=1e-3)  # TensorFlow's eps


class NormConv(nn.Module):
    """A convolution without bias, then batch normalization; the ReLU follows elsewhere."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int = 1,
        *,
        stride: int = 1,
        mode: Padding = "zeros",
    ) -> None:
        super().__init__()
        self.conv = Conv(
            in_channels,
            out_channels,
            kernel,
            stride=stride,
            padding=kernel // 2,
            mode=mode,
            bias=False,
        )
        self.bn = FixedNorm(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x))  # type: ignore[no-any-return]


class Inception(nn.Module):
    """Four branches side by side; their ReLUs are one, after the concatenation."""

    def __init__(
        self, in_channels: int, widths: tuple[int, ...], pooling: Pooling, padding: Padding
    ) -> None:
        super().__init__()
        one, reduce3, three, reduce5, five, project = widths
        self.branch1 = NormConv(in_channels, one)
        self.branch2 = nn.Sequential(
            NormConv(in_channels, reduce3), NormConv(reduce3, three, 3, mode=padding)
        )
        self.branch3 = nn.Sequential(
            NormConv(in_channels, reduce5), NormConv(reduce5, five, 3, mode=padding)
        )
        self.branch4 = nn.Sequential(Pool(pooling, 3, 1, padding=1), NormConv(in_channels, project))

    def forward(self, x: Tensor) -> Tensor:
        branches = [
            self.branch1(x),
            through(self.branch2, x),
            through(self.branch3, x),
            self.branch4(x),
        ]
        return F.relu_(torch.cat(branches, dim=1))


def through(branch: nn.Sequential, x: Tensor) -> Tensor:
    """A branch of two convolutions on x (B, C, H, W), the ReLU between them, which has no key."""
    reduce, conv = branch
    return conv(F.relu_(reduce(x)))  # type: ignore[no-any-return]


def googlenet_steps(pooling: Pooling = "max", padding: Padding = "zeros") -> list[Step]:
    """The steps conv1, relu1, pool1, conv2, relu2, conv3, relu3, pool2, inception3a, ..., 5b.

    conv layers are taken after their batch normalization; an inception layer is the concatenation
    of its branches, after their ReLUs. pool3 and pool4 come before inception4a and inception5a.
    """
    steps: list[Step] = []
    width = 3

    def add_conv(number: int, channels: int, kernel: int, stride: int = 1) -> None:
        nonlocal width
        conv = NormConv(width, channels, kernel, stride=stride, mode=padding)
        width = channels
        steps.append(Step(f"conv{number}", conv, width, kernel, stride, padding=kernel // 2))
        steps.append(Step(f"relu{number}", nn.ReLU(inplace=True), width))

    def add_pool(number: int, kernel: int = 3) -> None:
        pool = Pool(pooling, kernel, 2, ceil=True)
        steps.append(Step(f"pool{number}", pool, width, kernel, stride=2, ceil=True))

    add_conv(1, 64, kernel=7, stride=2)
    add_pool(1)
    add_conv(2, 64, kernel=1)
    add_conv(3, 192, kernel=3)
    add_pool(2)
    for name, widths in INCEPTIONS.items():
        if name == "inception4a":
            add_pool(3)
        elif name == "inception5a":
            add_pool(4, kernel=2)
        module = Inception(width, widths, pooling, padding)
        width = widths[0] + widths[2] + widths[4] + widths[5]
        steps.append(Step(name, module, width, kernel=3, padding=1))
    return steps
