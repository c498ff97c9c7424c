"""Working sizes from coarse to fine, resizing, and the first image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from gramarye.config import StylizeConfig
from gramarye.scales.grain import add_grain, missing, spot_noise

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

    @property
    def bytes(self) -> int:
        """Of an image of that size."""
        return 3 * 4 * self.pixels


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


def fine_detail(image: Tensor, height: int, width: int) -> Tensor:
    """What the image (B, C, H, W) loses when it is brought to a smaller size and back."""
    if image.shape[-2:] == (height, width):
        return torch.zeros_like(image)
    coarse = resize(resize(image, height, width), *image.shape[-2:])
    return torch.sub(image, coarse, out=coarse)


def enlarge(
    image: Tensor,
    content: Tensor,
    styles: Sequence[Tensor] = (),
    *,
    seed: int = 0,
    amount: float = 1.0,
) -> Tensor:
    """The image at the content's size, with the fine detail that it is too small to hold.

    An enlarged image has no fine waves, and the style loss at the new size starts high for it. The
    content's (its colors moved, if they are) are in the right places. Where they are weaker than
    the styles', grain makes up for it: noise with the spectrum of the styles' own detail, an
    `amount` of which, from 0 to 1, is given. For the gradient of a covariance is proportional to
    the features: without any detail to begin with, all of it would grow from the few places that
    have some, and remain there as specks.
    """
    if image.shape[-2:] == content.shape[-2:]:
        return image
    detail = fine_detail(content, *image.shape[-2:])
    if styles and amount > 0:
        grain = style_grain(styles, max(image.shape[-2:]) / max(content.shape[-2:]), seed) * amount
        variance = float(torch.linalg.vector_norm(detail)) ** 2 / detail.numel()
        add_grain(detail, grain, missing(grain, variance))
    return detail.add_(resize(image, *content.shape[-2:]))


def style_grain(styles: Sequence[Tensor], ratio: float, seed: int) -> Tensor:
    """Noise (1, 3, PERIOD, PERIOD) like what the styles lose at `ratio` times their size."""
    details = []
    for style in styles:
        height, width = (max(1, round(size * ratio)) for size in style.shape[-2:])
        details.append(fine_detail(style, height, width))
    return spot_noise(details, seed)


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
