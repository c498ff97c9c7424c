"""A small network that moves a picture until it has the features it is told.

What a picture in a style's manner looks like in a perceptual network's features is known without
learning anything of styles: its own features, carried over to the style's mean and covariance
(`feedforward.transport`). What has to be learned is how to get there: here a step from a picture,
its features and how far they are from those that are wanted, to the next picture. Li et al. (2017,
"Universal Style Transfer via Feature Transforms") decode features alone, and have to make up all
that deep features do not tell; this moves the picture that is there.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gramarye.feedforward.settings import PainterConfig, StepConfig
from gramarye.networks.borders import channels_last, fold_border, interior, padded


class _Mirrored(torch.autograd.Function):
    """Reflection padding that copies once each way; PyTorch's turns channels-last memory around."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return padded(x, "reflect", x.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        bordered = channels_last(gradients[0])
        if bordered is gradients[0]:
            bordered = bordered.clone()  # which may be read elsewhere
        fold_border(bordered, "reflect")
        return interior(bordered)


def mirrored(x: Tensor) -> Tensor:
    """x (B, C, H, W) with a border of one pixel, the mirror image of what lies inside it."""
    if torch.onnx.is_in_onnx_export():
        return F.pad(x, (1, 1, 1, 1), mode="reflect")
    found: Tensor = _Mirrored.apply(x)  # type: ignore[no-untyped-call]
    return found


def reflected(x: Tensor, conv: nn.Conv2d) -> Tensor:
    """A convolution over the mirrored border."""
    found: Tensor = conv(mirrored(x))
    return found


def init(conv: nn.Conv2d, scale: float = 1.0) -> nn.Conv2d:
    """Random weights for what is to be trained; none where weights are still to be loaded."""
    if conv.weight.is_meta:  # for which PyTorch would load its compiler: two seconds of a process
        return conv
    fan = conv.weight[0].numel()
    nn.init.normal_(conv.weight, std=scale * math.sqrt(2 / fan))
    assert conv.bias is not None
    nn.init.zeros_(conv.bias)
    return conv


@final
class Residual(nn.Module):
    """Two convolutions whose result is added."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = init(nn.Conv2d(channels, channels, 3))
        self.last = init(nn.Conv2d(channels, channels, 3), 0.3)

    def forward(self, x: Tensor) -> Tensor:
        return x + reflected(F.relu(reflected(x, self.first)), self.last)


@final
class Step(nn.Module):
    """From a picture with some features towards one with others.

    `channels` of the features by layer, from deep to shallow, each of twice the size of the last;
    the last is the picture's own.
    """

    def __init__(self, config: StepConfig, channels: Mapping[str, int]) -> None:
        super().__init__()
        self.config, self.layers = config, tuple(channels)
        names = [layer.replace("/", "_") for layer in channels]
        widths = config.widths
        self.here, self.wanted, self.rise = (nn.ModuleDict() for _ in range(3))
        self.blocks = nn.ModuleDict()
        before = 0
        for name, given, width, blocks in zip(
            names, channels.values(), widths, config.blocks, strict=True
        ):
            self.here[name] = init(nn.Conv2d(given, width, 1), 0.5)
            self.wanted[name] = init(nn.Conv2d(given, width, 1), 0.7)
            if before:
                self.rise[name] = init(nn.Conv2d(before, width, 1), 0.7)
            self.blocks[name] = nn.Sequential(*(Residual(width) for _ in range(blocks)))
            before = width
        self.finish = init(nn.Conv2d(before, 3, 3), 0.05)  # hardly moves, at first

    def forward(
        self, image: Tensor, felt: Mapping[str, Tensor], missing: Mapping[str, Tensor]
    ) -> Tensor:
        """The next image (B, 3, H, W); features (B, C, h, w) and what is missing of the wanted."""
        x: Tensor | None = None
        for layer in self.layers:
            name = layer.replace("/", "_")
            here = self.here[name](felt[layer]) + self.wanted[name](missing[layer])
            if x is not None:
                here = here + enlarged(self.rise[name](x), here)
            x = self.blocks[name](F.relu(here))
        assert x is not None
        return image + reflected(x, self.finish).float()


def enlarged(x: Tensor, like: Tensor) -> Tensor:
    """Twice the size of `like`'s, whose last row and column there may be only half of."""
    height, width = like.shape[-2:]
    return F.interpolate(x, size=(height, width), mode="bilinear", align_corners=False)


@final
class Painter(nn.Module):
    """The steps of a cascade: `coarse` ones at a part of the size, `fine` ones at all of it."""

    def __init__(self, config: PainterConfig, channels: Mapping[str, int]) -> None:
        super().__init__()
        self.config = config
        self.coarse = Step(config.coarse, {k: channels[k] for k in config.coarse.layers})
        self.fine = Step(config.fine, {k: channels[k] for k in config.fine.layers})

    def step(self, part: int) -> Step:
        return self.fine if part == 1 else self.coarse
