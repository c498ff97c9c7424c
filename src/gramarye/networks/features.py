"""A fixed network as a list of named steps, read out by layer name."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gramarye.errors import SettingsError
from gramarye.networks.layers import by_shrink, check_known, joined, split_layer
from gramarye.units import show_size
from gramarye.validation import check_kind

Padding = Literal["zeros", "reflect", "replicate"]
Pooling = Literal["max", "avg", "l2"]

# Of the pictures torchvision's networks were trained on, in sRGB.
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Geometry:
    """How one layer looks at the image: all in image pixels, except the channel count."""

    stride: int  # distance between the centers of neighboring positions
    receptive_field: int  # side of the square of pixels one position depends on
    offset: int  # pixels the square of position 0 reaches beyond the image's first pixel
    channels: int


@dataclass(frozen=True)
class Step:
    """One named layer: what it computes and the geometry it adds.

    `kernel`, `stride` and `padding` are those of the step as a whole; for a step with branches (an
    Inception or Fire module) they are those of its widest branch.
    """

    name: str
    module: nn.Module
    channels: int
    kernel: int = 1
    stride: int = 1
    padding: int = 0
    ceil: bool = False  # the last window may hang over the border

    def positions(self, size: int) -> int:
        """How many positions a side of `size` becomes; below 1 if the side is too short."""
        free = size + 2 * self.padding - self.kernel
        count = (-(-free // self.stride) if self.ceil else free // self.stride) + 1
        # A window that would begin beyond the input does not count.
        return count - (self.ceil and (count - 1) * self.stride >= size + self.padding)


class Conv(nn.Conv2d):
    """A convolution that pads as its network says: zeros, reflection or replication."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        *,
        stride: int = 1,
        padding: int = 0,
        mode: Padding = "zeros",
        bias: bool = True,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel, stride, padding, bias=bias, padding_mode=mode
        )


class Pool(nn.Module):
    """Max, average or L2 pooling (Gatys 2015 replaces max by average; L2 is the energy between)."""

    def __init__(
        self,
        kind: Pooling,
        kernel: int = 2,
        stride: int = 2,
        *,
        padding: int = 0,
        ceil: bool = False,
    ) -> None:
        super().__init__()
        self.kind, self.kernel, self.stride = kind, kernel, stride
        self.padding, self.ceil = padding, ceil

    def forward(self, x: Tensor) -> Tensor:
        if self.kind == "max":
            pad, ceil = self.padding, self.ceil
            return F.max_pool2d(x, self.kernel, self.stride, pad, ceil_mode=ceil)
        if self.kind == "avg":
            return self.mean(x)
        return (self.mean(x.square()) + 1e-12).sqrt()  # the root's slope at zero stays finite

    def mean(self, x: Tensor) -> Tensor:
        """The mean over the part of each window that lies in the image."""
        return F.avg_pool2d(
            x, self.kernel, self.stride, self.padding, self.ceil, count_include_pad=False
        )


def shortest_side(module: nn.Module) -> int:
    """The least side of an input the module can pad: reflection needs one pixel more than it adds.

    It does not repeat the pixel at the border itself.
    """
    pads = [
        max(int(p) for p in conv.padding)
        for conv in module.modules()
        if isinstance(conv, nn.Conv2d) and conv.padding_mode == "reflect"
    ]
    return max(pads, default=0) + 1


def shrunk(image: Tensor, shrink: int) -> Tensor:
    """Means over blocks of `shrink` x `shrink` pixels; what fills none at the far sides is out.

    Every pixel counts in one mean only, so that tiles which begin at multiples of `shrink` have
    exactly the whole image's.
    """
    return image if shrink == 1 else F.avg_pool2d(image, shrink)


@final
class PerceptualNetwork(nn.Module):
    """A fixed network whose activations define the losses.

    Called with an image (B, 3, H, W), sRGB in [0, 1], and layer names, it returns a dict
    layer name -> (B, C, h, w). It normalizes its own input and runs no deeper than the deepest
    layer asked for. Its weights take no gradient. `relu4_1/2` is relu4_1 of the image at half its
    size (`networks.layers`): every layer can be had at such a part, in one call with others.

    `heads` maps a style layer to a symmetric (C + 1, C + 1) matrix that carries its second moments,
    with a constant 1 appended, into another network's feature space (see `distillation.folding`);
    `widths` holds that space's channel count.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        name: str,
        steps: Sequence[Step],
        *,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        scale: float = 1.0,
        bgr: bool = False,
    ) -> None:
        super().__init__()
        self.name = name
        self.keep(steps)
        self.bgr, self.scale = bgr, scale
        self.normalizes = scale != 1 or any(mean) or any(s != 1 for s in std)
        for key, values in (("mean", mean), ("std", std)):
            # Real numbers even where the weights are on "meta", still to be loaded.
            numbers = torch.tensor(values, dtype=torch.float32, device="cpu").view(1, 3, 1, 1)
            self.register_buffer(key, numbers, persistent=False)
        self.heads: dict[str, Tensor] = {}
        self.widths: dict[str, int] = {}
        self.weights_sha256: str | None = None  # of the file the weights were read from
        self.requires_grad_(False)
        self.eval()

    def keep(self, steps: Sequence[Step]) -> None:
        self.steps = tuple(steps)
        self.body = nn.ModuleDict({step.name: step.module for step in steps})
        self.shortest = tuple(shortest_side(step.module) for step in steps)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> PerceptualNetwork:
        # What .to(), .double() and the like go through: the heads come along.
        self.heads = {layer: fn(head) for layer, head in self.heads.items()}
        return super()._apply(fn, recurse)  # type: ignore[no-any-return, no-untyped-call]

    def truncate(self, layers: Iterable[str]) -> None:
        """Remove the steps beyond the deepest of the layers, and their weights."""
        wanted = set(layers)
        self.check_layers(wanted)
        self.keep(self.steps[: self.deepest(wanted)])

    @property
    def layers(self) -> tuple[str, ...]:
        """The names of all layers, from the image inwards."""
        return tuple(step.name for step in self.steps)

    def check_layers(self, layers: Iterable[str]) -> None:
        """Raise LayerError for a name this network does not have."""
        check_known(self.name, self.layers, layers)

    def geometry(self, layer: str) -> Geometry:
        """Stride, receptive field, offset and channels of a layer, computed from its steps."""
        self.check_layers([layer])
        name, shrink = split_layer(layer)
        stride, field, offset, channels = 1, 1, 0, 3
        for step in self.steps:
            field += (step.kernel - 1) * stride
            offset += step.padding * stride
            stride *= step.stride
            channels = step.channels
            if step.name == name:
                break
        return Geometry(stride * shrink, field * shrink, offset * shrink, channels)

    def positions(self, layer: str, size: int) -> int:
        """How many positions of a layer a side of `size` pixels becomes."""
        size //= split_layer(layer)[1]
        for step in self.steps[: self.deepest([layer])]:
            size = step.positions(size)
        return size

    def deepest(self, layers: Iterable[str]) -> int:
        """How many steps it takes to reach all of the layers."""
        wanted = {split_layer(layer)[0] for layer in layers}
        return max((i for i, name in enumerate(self.layers, 1) if name in wanted), default=0)

    def head(self, layer: str) -> tuple[Tensor, int] | None:
        """The head of a style layer and its space's channel count; None if there is none."""
        name, _ = split_layer(layer)
        return (self.heads[name], self.widths[name]) if name in self.heads else None

    def fits(self, size: int, layers: Iterable[str]) -> bool:
        """Whether every step up to the deepest of the layers has input enough for one position."""
        return all(
            self.reaches(size // shrink, self.deepest(names))
            for shrink, names in by_shrink(layers).items()
        )

    def reaches(self, size: int, depth: int) -> bool:
        """Whether each of the first `depth` steps has input enough for one position."""
        for step, shortest in zip(self.steps[:depth], self.shortest, strict=False):
            if size < shortest:
                return False
            size = step.positions(size)
        return size > 0

    def minimum_size(self, layers: Iterable[str]) -> int:
        """The shortest side, in pixels, of an image that reaches all of the layers."""
        wanted = set(layers)
        self.check_layers(wanted)
        return next(size for size in itertools.count(1) if self.fits(size, wanted))

    def check_image(self, image: Tensor, layers: Collection[str]) -> None:
        """Raise SettingsError for a tensor that is no image, or one too small for the layers."""
        check_kind("the image", image, Tensor, "a tensor (B, 3, H, W)")
        if image.ndim != 4 or image.shape[1] != 3:
            raise SettingsError(
                f"{self.name} was given a tensor of shape {tuple(image.shape)}: it takes images "
                "(B, 3, H, W) in [0, 1]; add the batch dimension with image[None]"
            )
        height, width = image.shape[-2:]
        if not self.fits(min(height, width), layers):
            name = next(layer for layer in layers if not self.fits(min(height, width), [layer]))
            raise SettingsError(
                f"an image of {show_size(width, height)} pixels is too small for layer {name} of "
                f"{self.name}: both sides need at least {self.minimum_size(layers)} pixels; "
                "take a larger image or layers nearer to it"
            )

    def normalize(self, image: Tensor) -> Tensor:
        """The image in the numbers the network was trained on."""
        x = image.flip(1) if self.bgr else image
        return (x * self.scale - self.mean) / self.std if self.normalizes else x

    def denormalize_gradient(self, gradient: Tensor) -> Tensor:
        """The gradient in the image, of the gradient in the normalized image."""
        gradient = gradient * (self.scale / self.std) if self.normalizes else gradient
        return gradient.flip(1) if self.bgr else gradient

    def forward(self, image: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
        wanted = set(layers)
        self.check_layers(wanted)
        self.check_image(image, wanted)
        return {
            joined(layer, shrink): features
            for shrink, names in by_shrink(wanted).items()
            for layer, features in self.run(shrunk(image, shrink), names).items()
        }

    def run(self, image: Tensor, wanted: Collection[str]) -> dict[str, Tensor]:
        """The features of the image as it is."""
        features: dict[str, Tensor] = {}
        x = self.normalize(image)
        for step in self.steps:
            if len(features) == len(wanted):
                break
            if isinstance(step.module, nn.ReLU) and step.name.replace("relu", "conv") in wanted:
                x = F.relu(x)  # not in place: the convolution's output was asked for too
            else:
                x = step.module(x)
            if step.name in wanted:
                features[step.name] = x
        return features
