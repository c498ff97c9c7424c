"""Boxes of positions, and what a tile owns of each layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import final

import torch
from torch import Tensor

IMAGE = "image"  # the image itself, as a layer among the others

Sums = tuple[Tensor, ...]  # over the positions of one tile, or of all: they add up


def added(sums: Sums | None, part: Sums) -> Sums:
    """The sums with one tile's added, in float64 where the device has it."""
    part = tuple(p.to(torch.float32 if p.device.type == "mps" else torch.float64) for p in part)
    return part if sums is None else tuple(a + b for a, b in zip(sums, part, strict=True))


@final
@dataclass(frozen=True)
class Box:
    """Rows top to bottom and columns left to right, the ends not included."""

    top: int
    bottom: int
    left: int
    right: int

    @classmethod
    def whole(cls, height: int, width: int) -> Box:
        return cls(0, height, 0, width)

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def sides(self) -> tuple[int, int, int, int]:
        """Top, bottom, left and right."""
        return self.top, self.bottom, self.left, self.right

    @property
    def area(self) -> int:
        return self.height * self.width

    def of(self, tensor: Tensor) -> Tensor:
        """This part of a tensor (B, C, H, W), as a view."""
        return tensor[..., self.top : self.bottom, self.left : self.right]

    def down(self, rows: int) -> Box:
        """The box so many rows further down: where it lies in an image that begins elsewhere."""
        return replace(self, top=self.top + rows, bottom=self.bottom + rows)

    def seen_from(self, window: Box) -> Box:
        """The box counted from where a window begins that it lies in."""
        y, x = window.top, window.left
        return Box(self.top - y, self.bottom - y, self.left - x, self.right - x)

    def times(self, stride: int, height: int, width: int) -> Box:
        """The pixels that positions of a layer of this stride stand for, in such an image."""
        return Box(
            self.top * stride,
            min(self.bottom * stride, height),
            self.left * stride,
            min(self.right * stride, width),
        )


@final
@dataclass(frozen=True)
class Region:
    """A tile's share of one layer."""

    inside: Box  # in the features of the tile's window
    whole: Box  # in the features of the whole image
    size: tuple[int, int]  # height and width of the features of the whole image


@final
@dataclass(frozen=True)
class Tile:
    """A part of an image: what it owns, what it must see for that, and its share of every layer."""

    owned: Box  # in pixels
    window: Box  # in pixels
    regions: Mapping[str, Region]  # by layer, the image among them

    def seen_from(self, top: int) -> Tile:
        """The tile for a tensor that begins at row `top` of the whole image.

        What it owns and its places in the layers remain those in the whole image.
        """
        return replace(self, window=self.window.down(-top))


def whole_region(features: Tensor) -> Region:
    """The region of a tile that is the whole image, whose features are (B, C, H, W)."""
    height, width = features.shape[-2:]
    box = Box.whole(height, width)
    return Region(box, box, (height, width))
