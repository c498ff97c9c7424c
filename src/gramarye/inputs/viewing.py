"""Which part of the styles is looked at, and how they are turned: strokes run as the styles do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, final

import torch
import torch.nn.functional as F
from torch import Tensor

Size = tuple[int, int]  # height, width


@final
@dataclass(frozen=True)
class StyleView:
    """What is seen of a style: a part of it, mirrored, then turned clockwise.

    `crop` is left, top, right and bottom, from 0 to 1. Turned by what is no quarter, a picture has
    no corners any more: what is left is the largest part of its own proportions without them.
    """

    crop: Sequence[float] = ()  # all
    flip: bool = False
    turn: float = 0.0  # degrees

    @property
    def quarters(self) -> int:
        return round(self.turn / 90)

    @property
    def rest(self) -> float:
        """Radians that are left to turn, an eighth of a circle at most."""
        return math.radians(self.turn - 90 * self.quarters)

    def box(self, height: int, width: int) -> tuple[int, int, int, int]:
        """Top, left, bottom and right of the part in pixels, one at least each way."""
        left, top, right, bottom = self.crop or (0.0, 0.0, 1.0, 1.0)
        (t, b), (le, r) = (
            (min(round(low * n), n - 1), max(round(high * n), 1))
            for low, high, n in ((top, bottom, height), (left, right, width))
        )
        return t, le, max(b, t + 1), max(r, le + 1)

    def size(self, size: Size) -> Size:
        """The size of what is seen of a picture of that size."""
        top, left, bottom, right = self.box(*size)
        height, width = bottom - top, right - left
        if self.quarters % 2:
            height, width = width, height
        share = self.share(height, width)
        return max(1, round(share * height)), max(1, round(share * width))

    def share(self, height: int, width: int) -> float:
        """The largest part of a picture, of its proportions, that has no corners when turned."""
        sine, cosine = abs(math.sin(self.rest)), math.cos(self.rest)
        return min(
            width / (width * cosine + height * sine), height / (width * sine + height * cosine)
        )

    def of(self, picture: Tensor, mode: Literal["bicubic", "nearest"] = "bicubic") -> Tensor:
        """What is seen of a picture (1, C, H, W); bicubic values are brought back into [0, 1]."""
        height, width = picture.shape[-2:]
        top, left, bottom, right = self.box(height, width)
        seen = picture[..., top:bottom, left:right]
        if self.flip:
            seen = seen.flip(-1)
        seen = seen.rot90(-self.quarters, (-2, -1))
        if not self.rest:
            return seen
        turned = F.grid_sample(
            seen.float(),
            self.grid(seen.shape[-2:], self.size((height, width))).to(seen.device),
            mode=mode,
            padding_mode="border",
            align_corners=False,
        ).to(seen.dtype)
        return turned.clamp(0, 1) if mode == "bicubic" else turned

    def grid(self, old: Sequence[int], new: Size) -> Tensor:
        """Where each pixel of the turned picture lies in the one before, (1, h, w, 2).

        From -1 to 1 between the far edges of its pixels, x first, as `grid_sample` has it.
        """
        sine, cosine = math.sin(self.rest), math.cos(self.rest)
        y, x = (torch.arange(n) - (n - 1) / 2 for n in new)
        down, across = y[:, None], x[None, :]
        columns = cosine * across + sine * down
        rows = cosine * down - sine * across
        return torch.stack([2 * columns / old[1], 2 * rows / old[0]], dim=2)[None].float()
