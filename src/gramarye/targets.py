"""What the losses compare with: the style's moments and the content's features, tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from gramarye.losses.content import ContentKind, ContentLoss, content_divisor
from gramarye.losses.statistics import Moments, at_least_float32, mix_moments, moments
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.passes import Passes, Precision, make_passes
from gramarye.tiles.plan import choose_tiles
from gramarye.tiles.tiling import Box, Layout, Tile, moved


@final
class Lens:
    """A network, how precisely it computes, and the memory a look through it may take, in bytes."""

    def __init__(
        self,
        network: PerceptualNetwork,
        precision: Precision = "float32",
        memory: int | None = None,
    ) -> None:
        self.network, self.precision, self.memory = network, precision, memory
        self.passes: Passes = make_passes(network, precision)

    def tiles(
        self, image: Tensor, layers: Collection[str]
    ) -> Iterator[tuple[Tile, Mapping[str, Tensor]]]:
        """The features of an image (1, 3, H, W), a tile's window at a time."""
        height, width = image.shape[-2:]
        plan = choose_tiles(self.network, layers, height, width, self.memory, self.precision)
        for tile in plan.tiles:
            yield tile, self.passes(tile.window.of(image), layers, keep=False).features


def image_moments(lens: Lens, image: Tensor, layers: Collection[str]) -> dict[str, Moments]:
    """The moments of an image's features over all of its tiles, in float64 where there is one."""
    total: dict[str, Moments] = {}
    for tile, features in lens.tiles(image, layers) if layers else ():
        for layer in layers:
            part = exact(moments(tile.regions[layer].inside.of(features[layer])))
            total[layer] = total[layer] + part if layer in total else part
    return total


def style_moments(
    lens: Lens, styles: Sequence[Tensor], layers: Collection[str]
) -> dict[str, Moments]:
    """The moments of all styles as one, per layer."""
    per_style = [image_moments(lens, style, layers) for style in styles]
    return {layer: mix_moments([found[layer] for found in per_style]) for layer in layers}


def exact(found: Moments) -> Moments:
    """In float64, where the device has it: distances are differences of nearly equal numbers."""
    return found if found.first.device.type == "mps" else found.to(torch.float64)


@final
@dataclass(frozen=True)
class ContentTargets:
    """What the objective needs of a content."""

    losses: dict[str, ContentLoss]  # of the content layers
    moments: dict[str, Moments]  # of the style layers


def content_targets(
    lens: Lens,
    content: Tensor,
    content_layers: Collection[str],
    style_layers: Collection[str],
    kind: ContentKind,
    *,
    stored: bool = True,
) -> ContentTargets:
    """One look at the content; its features are stored, or computed anew when they are needed."""
    targets: dict[str, Tensor | Callable[[Box], Tensor]] = {}
    squares = dict.fromkeys(content_layers, 0.0)
    entries = dict.fromkeys(content_layers, 0)
    total: dict[str, Moments] = {}
    for tile, features in lens.tiles(content, {*content_layers, *style_layers}):
        for layer in content_layers:
            region = tile.regions[layer]
            part = region.inside.of(features[layer])
            squares[layer] += float(at_least_float32(part).square().sum())
            entries[layer] += part.numel()
            if not stored:
                targets[layer] = ComputedTarget(lens, content, layer)
                continue
            target = targets.setdefault(layer, whole_like(part, region.size))
            assert isinstance(target, Tensor)
            region.whole.of(target).copy_(part)
        for layer in style_layers:
            found = exact(moments(tile.regions[layer].inside.of(features[layer])))
            total[layer] = total[layer] + found if layer in total else found
    losses = {
        layer: ContentLoss(
            layer, targets[layer], content_divisor(kind, squares[layer], entries[layer])
        )
        for layer in content_layers
    }
    return ContentTargets(losses, total)


def whole_like(part: Tensor, size: tuple[int, int]) -> Tensor:
    """Memory for a whole layer, laid out as this part of it: subtracting is then one sweep."""
    last = part.stride(1) == 1
    layout = torch.channels_last if last else torch.contiguous_format
    shape = (*part.shape[:2], *size)
    return torch.empty(shape, dtype=part.dtype, device=part.device, memory_format=layout)


@final
class ComputedTarget:
    """A content target that is computed when it is asked for, one box at a time.

    `content` may be some rows of it, from `top` on, where its whole `height` is given.
    """

    def __init__(
        self, lens: Lens, content: Tensor, layer: str, top: int = 0, height: int | None = None
    ) -> None:
        self.lens, self.content, self.layer = lens, content, layer
        self.top, self.size = top, (height or content.shape[-2], content.shape[-1])
        self.last: tuple[Box, Tensor] | None = None  # asked for twice: for the loss and its slope

    def __call__(self, box: Box) -> Tensor:
        """The content's features in a box of the layer's positions."""
        if self.last is None or self.last[0] != box:
            height, width = self.size
            stride = self.lens.network.geometry(self.layer).stride
            owned = Box(
                box.top * stride,
                min(box.bottom * stride, height),
                box.left * stride,
                min(box.right * stride, width),
            )
            tile = Layout.of(self.lens.network, [self.layer], height, width).tile(owned)
            window = moved(tile.window, -self.top)
            features = self.lens.passes(window.of(self.content), [self.layer], keep=False).features
            y, x = tile.window.top // stride, tile.window.left // stride
            inside = Box(box.top - y, box.bottom - y, box.left - x, box.right - x)
            self.last = box, inside.of(features[self.layer])
        return self.last[1]
