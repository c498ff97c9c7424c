"""What stays as the content has it: where, and what is shown there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from gramarye.distributed.bands import Band
from gramarye.errors import ImageError
from gramarye.inputs.kinds import OWN_CONTENT, PROTECT

NOISE = 0.02  # of a mask: what JPEG leaves of white and black


def protection(light: Tensor) -> Tensor:
    """How far each pixel is protected, of how light the mask is: white is wholly, but for noise."""
    return ((light - NOISE) / (1 - 2 * NOISE)).clamp(0, 1)


def check_protection(light: Tensor) -> None:
    """Raise ImageError for a mask that leaves nothing to paint."""
    if float(light.amin()) >= 1 - NOISE:
        raise ImageError(
            f"{PROTECT} is white everywhere, so that nothing is left to paint: give a mask that is "
            "black where the style is to show"
        )


@final
@dataclass(frozen=True)
class Protected:
    """The content's own pixels (1, 3, h, W), and how far they are shown (1, 1, h, W), 0 to 1.

    What is shown is x = (1 - p) y + p content, of an image y that the optimizer moves: where p is 1
    the picture is the content exactly, and all that sees an edge sees what will be beside it.
    """

    pixels: Tensor
    share: Tensor

    @classmethod
    def of(cls, seen: Mapping[str, Tensor], band: Band) -> Protected | None:
        """Of this process's rows of a scale; None where nothing is protected."""
        if PROTECT not in seen:
            return None
        return cls(band.own(seen[OWN_CONTENT]), band.own(seen[PROTECT]))

    def on(self, image: Tensor) -> Protected:
        """The same on the image's device, and of its kind of number."""
        return Protected(self.pixels.to(image), self.share.to(image))

    def shown(self, image: Tensor) -> Tensor:
        return torch.lerp(image, self.pixels.to(image.dtype), self.share.to(image.dtype))

    def gradient(self, gradient: Tensor) -> Tensor:
        """The gradient in the image, of that in what is shown."""
        return gradient * (1 - self.share.to(gradient.dtype))


def lines_protected(kept: Tensor, lines: Tensor, share: Tensor | None) -> Protected:
    """What stays of a drawing: its lines, as far as `lines` says, and what is protected besides.

    `kept` (1, 3, h, W) are the lines' colors times that share. What is protected is white paper.
    """
    if share is not None:
        kept, lines = kept + (1 - lines) * share, 1 - (1 - lines) * (1 - share)
    return Protected((kept / lines.clamp_min(1e-6)).clamp(0, 1), lines)
