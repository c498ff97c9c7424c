"""Steadiness learned from single pictures: the painting of a moved picture is the moved painting.

Wang, Xu, Zhang, Wang, Liu 2020 ("Consistent Video Style Transfer via Compound Regularization"):
no film and no optical flow are needed, since the motion is made up and thus known. ReCoNet (Gao et
al. 2018) compares frames of films instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

WAVES = 64  # pixels between places whose motions are drawn, smooth between them
BEND = 2.0  # pixels, the deviation of their motions
SHIFT = 10.0  # pixels that all may move together, each way
NOISE = 0.01  # the deviation of what a camera adds, of values from 0 to 1


@final
@dataclass(frozen=True)
class Warp:
    """Where each pixel of moved pictures comes from, (B, H, W, 2) from -1 to 1 as (x, y)."""

    places: Tensor

    @classmethod
    def drawn(cls, like: Tensor, generator: torch.Generator) -> Warp:
        """A shift and a smooth bend for each of the pictures (B, 3, H, W)."""
        batch, _, height, width = like.shape
        coarse = [max(2, side // WAVES + 1) for side in (height, width)]
        bends = BEND * torch.randn(batch, 2, *coarse, generator=generator)
        bends = F.interpolate(bends, (height, width), mode="bicubic", align_corners=True)
        shift = SHIFT * (2 * torch.rand(batch, 2, 1, 1, generator=generator) - 1)
        pixels = (bends + shift).permute(0, 2, 3, 1) * 2 / torch.tensor([width, height])
        still = F.affine_grid(torch.eye(2, 3).expand(batch, 2, 3), [batch, 3, height, width], False)
        return cls((still + pixels).to(like.device))

    def __call__(self, pictures: Tensor) -> Tensor:
        """The pictures moved; what comes in from beyond the border is the border's."""
        return F.grid_sample(pictures, self.places, padding_mode="border", align_corners=False)

    @property
    def inside(self) -> Tensor:
        """Where (B, 1, H, W) what is seen was in the picture before."""
        return (self.places.abs() <= 1).all(-1)[:, None]


def as_filmed(pictures: Tensor, motion: Warp, generator: torch.Generator) -> Tensor:
    """The pictures as the next frame of a film may show them: moved, with other noise."""
    noise = torch.randn(pictures.shape, generator=generator).to(pictures.device)
    return (motion(pictures) + NOISE * noise).clamp(0, 1)


def unsteadiness(painted: Tensor, painted_next: Tensor, motion: Warp) -> Tensor:
    """The mean squared difference (B,) of a moved painting from the painting of what was moved.

    Of values in [0, 1]. What comes in from beyond the border was not seen before, and is left out.
    """
    inside = motion.inside.to(painted.dtype)
    apart = (motion(painted) - painted_next).square().mean(1, keepdim=True) * inside
    return apart.sum((1, 2, 3)) / inside.sum((1, 2, 3)).clamp_min(1)
