"""One pass through a network and back: what the objective needs, at the least time and memory.

A network that is a plain chain of convolutions, rectifiers and pools (the VGGs) goes through
`ChainPasses`: it saves every activation once, already padded for the next convolution, and its
backward pass works in place. Ordinary autograd saves most activations twice and copies each one to
pad it. Every other network goes through `AutogradPasses`. Both give the same features and
gradients; `tests/networks/test_passes.py` says so.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gramarye.errors import SettingsError
from gramarye.networks.borders import (
    Border,
    bordered_empty,
    channels_last,
    fill_border,
    fold_border,
    interior,
    padded,
)
from gramarye.networks.features import Conv, PerceptualNetwork, Pool, Step
from gramarye.networks.pools import pooled, unpooled
from gramarye.networks.pyramid import PyramidPasses

Precision = Literal["auto", "float32", "bfloat16"]

# Adds its gradient to `into`, which has the shape of the layer's features in this pass.
AddGradient = Callable[[Tensor], None]


class Pass(Protocol):
    """The features of one pass, and the way back."""

    @property
    def features(self) -> Mapping[str, Tensor]:
        """By layer (B, C, h, w); not to be written to."""

    def backward(self, gradients: Mapping[str, AddGradient]) -> Tensor:
        """The gradient in the image (B, 3, H, W), of the gradients in the features; once only."""


class Passes(Protocol):
    """Makes passes through one network; `keep` says that the way back will be needed."""

    def __call__(self, image: Tensor, layers: Iterable[str], *, keep: bool) -> Pass: ...


def make_passes(network: PerceptualNetwork, precision: Precision = "float32") -> Passes:
    """The fastest kind of pass for this network. Its weights must not change afterwards."""
    bfloat16 = precision == "bfloat16"
    passes: Passes = AutogradPasses(network, bfloat16=bfloat16)
    if is_chain(network):
        passes = ChainPasses(network, torch.bfloat16 if bfloat16 else None)
    return PyramidPasses(network, passes)


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 numbers faster than float32 ones.

    A processor is taken for one without the instructions where GRAMARYE_NO_BFLOAT16 is set.
    """
    if device.type == "cpu":
        if os.environ.get("GRAMARYE_NO_BFLOAT16"):
            return False
        return bool(torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported())
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return False  # MPS and XPU could not be measured


def choose_precision(precision: Precision, device: torch.device) -> Precision:
    """What "auto" means on this device: bfloat16 where it has instructions for it.

    SettingsError for bfloat16 on a processor without them: PyTorch emulates it in several times
    float32's time, and in an amount of memory that no plan foresees.
    """
    if precision == "auto":
        return "bfloat16" if has_bfloat16(device) else "float32"
    if precision == "bfloat16" and device.type == "cpu" and not has_bfloat16(device):
        raise SettingsError(
            "precision bfloat16: this processor has no instructions for it (AVX512-BF16 or AMX), "
            "and without them it is several times slower than float32: choose auto or float32"
        )
    return precision


@final
@dataclass(frozen=True)
class AutogradPass:
    image: Tensor
    features: Mapping[str, Tensor]  # attached to the image's graph if it is kept

    def backward(self, gradients: Mapping[str, AddGradient]) -> Tensor:
        outputs, grads = [], []
        for layer, add_gradient in gradients.items():
            grad = torch.zeros_like(self.features[layer])
            add_gradient(grad)
            outputs.append(self.features[layer])
            grads.append(grad)
        (gradient,) = torch.autograd.grad(outputs, self.image, grads)
        return gradient


@final
class AutogradPasses:
    """Passes through any network."""

    def __init__(self, network: PerceptualNetwork, *, bfloat16: bool = False) -> None:
        self.network, self.bfloat16 = network, bfloat16

    def __call__(self, image: Tensor, layers: Iterable[str], *, keep: bool) -> AutogradPass:
        with (
            torch.set_grad_enabled(keep),
            torch.autocast(image.device.type, torch.bfloat16, enabled=self.bfloat16),
        ):
            image = image.detach().requires_grad_(keep)
            return AutogradPass(image, self.network(image, layers))


def is_chain(network: PerceptualNetwork) -> bool:
    """Whether `ChainPasses` can go through the network."""
    return all(is_link(step.module) for step in network.steps) and isinstance(
        network.steps[0].module, Conv
    )


def is_link(module: nn.Module) -> bool:
    if isinstance(module, Conv):
        shape = (module.kernel_size, module.stride, module.padding)
        return shape == ((3, 3), (1, 1), (1, 1))
    return isinstance(module, nn.ReLU | Pool)


@final
@dataclass(frozen=True)
class Weights:
    """A convolution's weights, and the same for the way back."""

    forward: Tensor  # (C_out, C_in, 3, 3), of the first in bfloat16 (C_out, 10, 3, 3)
    bias: Tensor | None
    backward: Tensor  # (C_in, C_out, 3, 3), turned by half a turn


@final
class ChainPasses:
    """Passes through a chain of 3 x 3 convolutions, ReLUs and pools.

    In bfloat16 the first convolution still reads 16 bits of the image: the 8 that bfloat16 has are
    about one level of an 8-bit picture. See `split_image`.
    """

    def __init__(self, network: PerceptualNetwork, dtype: torch.dtype | None = None) -> None:
        self.network, self.dtype = network, dtype
        modes = [
            step.module.padding_mode for step in network.steps if isinstance(step.module, Conv)
        ]
        self.mode: Border = modes[0]
        assert set(modes) == {self.mode}
        self.weights: dict[str, Weights] = {}
        for step in network.steps:
            if isinstance(step.module, Conv):
                weight, bias = step.module.weight, step.module.bias
                inner = dtype or weight.dtype
                splits = inner != weight.dtype and not self.weights
                there = split_weight(weight, bias, inner) if splits else weight.to(inner)
                self.weights[step.name] = Weights(
                    channels_last(there),
                    None if bias is None else bias.to(inner),
                    channels_last(weight.flip(2, 3).transpose(0, 1).to(inner)),
                )

    @torch.no_grad()
    def __call__(self, image: Tensor, layers: Iterable[str], *, keep: bool) -> ChainPass:
        wanted = set(layers)
        self.network.check_layers(wanted)
        self.network.check_image(image, wanted)
        steps = self.network.steps[: self.network.deepest(wanted)]
        dtype = self.dtype or image.dtype
        features: dict[str, Tensor] = {}
        saved: list[Tensor] = []  # a ReLU's output, a pool's input
        x = self.network.normalize(image)
        x = padded(x if x.dtype == dtype else split_image(x, dtype), self.mode, dtype)
        for step, after in zip(steps, (*steps[1:], None), strict=True):
            pads = after is not None and isinstance(after.module, Conv)
            if isinstance(step.module, Conv):
                weights = self.weights[step.name]
                x = inner = F.conv2d(x, weights.forward, weights.bias)
            elif isinstance(step.module, nn.ReLU):
                free = not any(x is feature for feature in features.values())
                x, inner = rectified(x, self.mode if pads else None, in_place=free)
                saved.append(inner)
            else:
                saved.append(inner)
                x = inner = pooled(step.module, inner)
                if pads:
                    x = padded(x, self.mode, dtype)
                    inner = interior(x)
            if step.name in wanted:
                features[step.name] = inner
        return ChainPass(self, steps, features, saved if keep else [])


@final
@dataclass(frozen=True)
class ChainPass:
    passes: ChainPasses
    steps: Sequence[Step]
    features: Mapping[str, Tensor]
    saved: list[Tensor]

    @torch.no_grad()
    def backward(self, gradients: Mapping[str, AddGradient]) -> Tensor:
        passes, saved = self.passes, self.saved
        last = self.features[self.steps[-1].name]
        # The gradient lies inside a border of zeros, as the convolution's way back needs it.
        bordered = bordered_empty(last, passes.dtype or last.dtype).zero_()
        for step in reversed(self.steps):
            gradient = interior(bordered)
            if step.name in gradients:
                gradients[step.name](gradient)
            if isinstance(step.module, Conv):
                bordered = F.conv2d(bordered, passes.weights[step.name].backward, padding=1)
                fold_border(bordered, passes.mode)
            elif isinstance(step.module, nn.ReLU):
                mask_gradient(gradient, saved.pop())
            else:
                bordered = unpooled(step.module, saved.pop(), gradient)
        image = interior(bordered).float() if passes.dtype else interior(bordered)
        return passes.network.denormalize_gradient(image)


def split_image(x: Tensor, dtype: torch.dtype) -> Tensor:
    """An image (B, 3, H, W) for the weights of `split_weight` (B, 10, H, W).

    It is x rounded, what the rounding left, x rounded once more, and ones.
    """
    high = x.to(dtype)
    return torch.cat([high, (x - high).to(dtype), high, torch.ones_like(high[:, :1])], dim=1)


def split_weight(weight: Tensor, bias: Tensor | None, dtype: torch.dtype) -> Tensor:
    """Weights (C, 3, 3, 3) that read about 16 bits of the image, as (C, 10, 3, 3).

    For x = xh + xl and w = wh + wl, each rounded to `dtype` and what that left, the convolution
    sums xh wh + xl wh + xh wl, which is x w but for xl wl. The ones take what is left of the bias.
    """
    high = weight.to(dtype)
    rest = torch.zeros_like(high[:, :1])
    if bias is not None:
        rest[:, 0, 1, 1] = bias - bias.to(dtype)
    return torch.cat([high, high, (weight - high).to(dtype), rest], dim=1)


def rectified(x: Tensor, mode: Border | None, *, in_place: bool) -> tuple[Tensor, Tensor]:
    """max(x, 0), padded if there is a mode, and the same without its padding."""
    if mode is None:
        x = x.relu_() if in_place else x.relu()
        return x, x
    bordered = bordered_empty(x, x.dtype)
    inner = interior(bordered)
    torch.clamp_min(x, 0, out=inner)
    fill_border(bordered, mode)
    return bordered, inner


def mask_gradient(gradient: Tensor, output: Tensor) -> None:
    """The gradient of a ReLU, in place: zero where its output is."""
    torch.ops.aten.threshold_backward.grad_input(gradient, output, 0, grad_input=gradient)
