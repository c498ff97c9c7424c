"""Working sizes from coarse to fine, resizing, and the first image."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from gramarye.config import StylizeConfig

SMALLEST_SIDE = 32  # pixels of a working size's short side; relu5_1 then has two rows


@dataclass(frozen=True)
class Scale:
    """One working size in the coarse-to-fine sequence."""

    height: int
    width: int
    steps: int

    @property
    def pixels(self) -> int:
        return self.height * self.width


def fit(height: int, width: int, longest: int) -> tuple[int, int]:
    """(height, width) with the given longest side and the aspect ratio kept to the pixel."""
    side = max(height, width)
    # Whole-number arithmetic: half a pixel rounds up whatever floats would say.
    return (
        max(1, (2 * height * longest + side) // (2 * side)),
        max(1, (2 * width * longest + side) // (2 * side)),
    )


def plan_scales(height: int, width: int, config: StylizeConfig) -> list[Scale]:
    """The working sizes for a content of the given size, coarse to fine.

    From `min_size` to `size` in equal ratios, as near to `scale_factor` as a whole number of scales
    allows; an elongated picture starts larger, for the sake of its short side.
    """
    elongation = max(height, width) / min(height, width)
    start = min(max(config.min_size, round(SMALLEST_SIDE * elongation)), config.size)
    ratio = config.size / start
    jumps = max(round(math.log(ratio) / math.log(config.scale_factor)), 1 if ratio > 1.2 else 0)
    scales = []
    for i in range(jumps + 1):
        longest = round(config.size * ratio ** ((i - jumps) / jumps)) if jumps else config.size
        h, w = fit(height, width, longest)
        scales.append(Scale(h, w, scale_steps(config, i)))
    return [s for s in scales if s.steps > 0 or s is scales[-1]]


def scale_steps(config: StylizeConfig, index: int) -> int:
    """How many steps a scale takes, counted from 0, the coarsest.

    The coarser scales have set what is large; a large scale adds detail to it, in fewer steps.
    """
    if index == 0:
        return config.steps
    return math.ceil(config.finer_steps * config.step_decay ** (index - 1))


def resize(image: Tensor, height: int, width: int) -> Tensor:
    """The image (B, C, H, W) at another size: bicubic, antialiased where it shrinks.

    Resizing to the same size is the identity.
    """
    if image.shape[-2:] == (height, width):
        return image
    return F.interpolate(
        image, size=(height, width), mode="bicubic", antialias=True, align_corners=False
    )


def enlarge(image: Tensor, content: Tensor) -> Tensor:
    """The image at the content's size, with the content's detail that it is too small to hold.

    An enlarged image has no fine waves, and the style loss at the new size starts high for it. The
    content's (its colors moved, if they are) are in the right places.
    """
    height, width = content.shape[-2:]
    if image.shape[-2:] == (height, width):
        return image
    detail = resize(resize(content, *image.shape[-2:]), height, width)
    torch.sub(content, detail, out=detail)
    return detail.add_(resize(image, height, width))


def style_at(style: Tensor, longest: int, style_scale: float) -> Tensor:
    """The style brought to a longest side of `longest * style_scale` pixels, never enlarged.

    An enlarged style has no fine strokes to give, only blur.
    """
    height, width = style.shape[-2:]
    target = max(round(longest * style_scale), SMALLEST_SIDE)
    if target >= max(height, width):
        return style
    h, w = fit(height, width, target)
    return resize(style, max(h, SMALLEST_SIDE), max(w, SMALLEST_SIDE)).clamp(0, 1)


def uniform_image(height: int, width: int, seed: int, like: Tensor) -> Tensor:
    """White noise in [0, 1] (1, 3, H, W), on the device of `like`.

    Drawn on the CPU, so that one seed is one picture on every device.
    """
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(1, 3, height, width, generator=generator).to(like.device)


def first_image(
    init: str, content: Tensor, style: Tensor, seed: int, given: Tensor | None = None
) -> Tensor:
    """The image the first scale starts from, of the content's size (1, 3, H, W)."""
    height, width = content.shape[-2:]
    if init == "content":
        return content.clone()
    if init == "noise":
        return uniform_image(height, width, seed, content)
    if init == "gray":
        return torch.full_like(content, 0.5)
    if init == "style":
        return resize(style, height, width).clamp(0, 1)
    assert given is not None, "a first image from a file is read by the caller"
    return resize(given, height, width).clamp(0, 1)
