"""From coarse to fine: at each part of the size the picture is moved to the style's features.

At an eighth of the size large forms are laid down, then smaller ones, then strokes: the pyramid by
which `stylize` sees a style, gone through once. At each part what is wanted is known in closed form
(`feedforward.transport`), and the network takes a step towards it. Nothing is learned of styles, so
that one is as good as another; masks, several styles and tiles follow from additive statistics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from gramarye.feedforward.network import Painter
from gramarye.feedforward.settings import PainterConfig
from gramarye.feedforward.transport import transport
from gramarye.losses.statistics import Moments, moments
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.passes import make_passes
from gramarye.pictures.color import color_transform
from gramarye.scales.resizing import resize
from gramarye.scales.rows import bands_of, cut, resize_rows, source_rows

DEEPER_PARTS = (2, 4)  # with pixels enough for deeper layers, and forms for them to see
StyleLook = Mapping[int, Mapping[str, Moments]]  # by part and layer


@final
@dataclass(frozen=True)
class Aim:
    """Where a step begins and where it is to lead: features (B, C, h, w) by layer.

    In units of the style's own (B,): features of its moments have a mean square of one.
    """

    felt: Mapping[str, Tensor]
    wanted: Mapping[str, Tensor]
    units: Mapping[str, Tensor]

    @property
    def missing(self) -> dict[str, Tensor]:
        return {layer: self.wanted[layer] - felt for layer, felt in self.felt.items()}


@final
class Cascade:
    """The way of pictures through the parts of their size."""

    def __init__(
        self, network: PerceptualNetwork, config: PainterConfig, *, bfloat16: bool = False
    ) -> None:
        self.network, self.config = network, config
        self.passes = make_passes(network, "bfloat16" if bfloat16 else "float32")

    def features(self, images: Tensor, layers: Sequence[str]) -> Mapping[str, Tensor]:
        return self.passes(images, layers, keep=False).features

    @torch.no_grad()
    def look(self, styles: Tensor, deeper: Sequence[str] = ()) -> dict[int, dict[str, Moments]]:
        """What styles (B, 3, H, W) are like at each part; `deeper` layers at a half, a quarter."""
        found: dict[int, dict[str, Moments]] = {}
        for part in set(self.config.parts):
            layers = (*self.config.layers(part), *(deeper if part in DEEPER_PARTS else ()))
            seen = self.features(at_part(styles, part), layers)
            found[part] = {layer: moments(seen[layer]).to(torch.float64) for layer in layers}
        return found

    @torch.no_grad()
    def enter(
        self, before: Tensor | None, contents: Tensor, part: int, seeds: Sequence[int]
    ) -> Tensor:
        """Where a part begins: the last one's picture with some detail, and noise."""
        content = at_part(contents, part)
        again = before is not None and before.shape == content.shape
        image = add_detail(before, content, self.config.detail)
        if part > 1 and not again:
            image = image + self.config.grain * noise(image, seeds)
        return image.contiguous(memory_format=torch.channels_last)

    @torch.no_grad()
    def aim(self, image: Tensor, style: Mapping[str, Moments], strength: float = 1.0) -> Aim:
        """The image's features, and the same in the style's manner."""
        seen = self.features(image, tuple(style))
        felt, wanted, units = {}, {}, {}
        for layer, goal in style.items():
            move = transport(moments(seen[layer]).to(torch.float64), goal)
            units[layer] = 1 / move.size
            unit = units[layer][:, None, None, None]
            felt[layer] = seen[layer] * unit
            carried = move(seen[layer]).clamp_min(0) * unit  # as what a rectifier lets through
            wanted[layer] = felt[layer] + strength * (carried - felt[layer])
        return Aim(felt, wanted, units)

    @torch.no_grad()
    def paint(
        self,
        painter: Painter,
        contents: Tensor,
        style: StyleLook,
        seeds: Sequence[int],
        strength: float = 1.0,
    ) -> Tensor:
        """Paintings of contents (B, 3, H, W) of matched colors; sides are multiples of 64."""
        image = None
        for part in self.config.parts:
            image = self.enter(image, contents, part, [seed + part for seed in seeds])
            aim = self.aim(image, style[part], strength)
            image = painter.step(part)(image, aim.felt, aim.missing)
        assert image is not None
        return image.clamp(0, 1)


def add_detail(before: Tensor | None, content: Tensor, share: float) -> Tensor:
    """A smaller image at the content's size, with a share of the detail that it has no room for."""
    if before is None:
        return content
    if before.shape == content.shape:
        return before
    height, width = content.shape[-2:]
    # Resizing is linear: what both images are enlarged by is enlarged once.
    coarse = resize(content, *before.shape[-2:])
    return resize(before - share * coarse, height, width).add_(content, alpha=share)


def add_detail_by_rows(before: Tensor, content: Tensor, share: float) -> Tensor:
    """The same in the content's own memory, some rows at a time: a large one has no copies.

    The smaller image is written over, too.
    """
    if before.shape == content.shape:
        return before
    size, smaller = content.shape[-2:], before.shape[-2:]
    for rows in bands_of(smaller):
        source = source_rows(size[0], smaller[0], rows)
        part = cut(content, (0, size[0]), source)
        coarse = resize_rows(part, source[0], size[0], smaller[0], smaller[1], rows)
        cut(before, (0, smaller[0]), rows).add_(coarse.mul_(-share))
    missing = before
    for rows in bands_of(size):
        source = source_rows(before.shape[-2], size[0], rows)
        part = cut(missing, (0, before.shape[-2]), source)
        larger = resize_rows(part, source[0], before.shape[-2], size[0], size[1], rows)
        cut(content, (0, size[0]), rows).mul_(share).add_(larger)
    return content


def at_part(images: Tensor, part: int) -> Tensor:
    if part == 1:
        return images
    height, width = images.shape[-2:]
    small = resize(images, -(-height // part), -(-width // part)).clamp(0, 1)
    return small.contiguous(memory_format=torch.channels_last)


def noise(image: Tensor, seeds: Sequence[int]) -> Tensor:
    """White noise for every image, each of its own seed."""
    maps = []
    for seed in seeds:
        generator = torch.Generator().manual_seed(seed)
        maps.append(torch.randn((1, *image.shape[1:]), generator=generator))
    return torch.cat(maps)


def match_colors(contents: Tensor, styles: Moments) -> Tensor:
    """Contents (B, 3, H, W) with the means and covariances of the styles' colors, in [0, 1]."""
    own = moments(contents.double())
    means, goals = own.mean(), styles.mean().double()
    matched = []
    for image, mean, covariance, goal, spread in zip(
        contents, means, own.covariance(), goals, styles.covariance().double(), strict=True
    ):
        matrix = color_transform(covariance, spread, "monge-kantorovich")
        shift = (goal - matrix @ mean).to(image.dtype)
        flat = torch.addmm(shift[:, None], matrix.to(image.dtype), image.flatten(1))
        matched.append(flat.view_as(image))
    return torch.stack(matched).clamp(0, 1).contiguous(memory_format=torch.channels_last)
