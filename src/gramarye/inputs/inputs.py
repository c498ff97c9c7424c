"""Inputs in memory or read again, and brought to a scale's size with their colors matched."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from gramarye.distributed.bands import Bands
from gramarye.errors import InputError
from gramarye.inputs.kinds import check_names, kind_of, names_of
from gramarye.pictures.color import match_color
from gramarye.pictures.settings import PictureSettings
from gramarye.scales.resizing import resize, style_size
from gramarye.scales.rows import Rows, cut, length, resize_rows, source_rows
from gramarye.surroundings import ordinary

Size = tuple[int, int]  # height, width
Load = Callable[[], Tensor]


@final
@dataclass(frozen=True)
class Input:
    """A picture (1, 3, H, W) in memory, or what reads it each time it is needed."""

    pixels: Tensor | Load
    height: int
    width: int

    @classmethod
    def of(cls, pixels: Tensor | Load) -> Input:
        if isinstance(pixels, Tensor):
            pixels = ordinary(pixels)
        height, width = (pixels if isinstance(pixels, Tensor) else pixels()).shape[-2:]
        return cls(pixels, height, width)

    @property
    def size(self) -> Size:
        return self.height, self.width

    def load(self) -> Tensor:
        return self.pixels if isinstance(self.pixels, Tensor) else ordinary(self.pixels())


@final
class Inputs:
    """The inputs of a run by name, and what they are at each scale."""

    def __init__(self, inputs: Mapping[str, Input]) -> None:
        check_names(inputs)
        self.inputs = dict(inputs)
        self.matched: dict[str, Tensor] | None = None

    def __getitem__(self, name: str) -> Input:
        return self.inputs[name]

    @property
    def sizes(self) -> dict[str, Size]:
        """(height, width) by name."""
        return {name: found.size for name, found in self.inputs.items()}

    @property
    def device(self) -> torch.device:
        """Where those in memory are; the CPU if none is."""
        held = [found.pixels for found in self.inputs.values() if isinstance(found.pixels, Tensor)]
        return held[0].device if held else torch.device("cpu")

    def held(self, device: torch.device) -> int:
        """Bytes they hold on a device throughout the run, their matched copies among them."""
        pictures = [found.pixels for found in self.inputs.values()]
        here = [p for p in pictures if isinstance(p, Tensor) and p.device == device]
        return sum(2 * p.numel() * p.element_size() for p in here)

    def colored(self, settings: PictureSettings) -> dict[str, Tensor]:
        """Content and styles in their own sizes, their colors matched."""
        if self.matched is not None:
            return self.matched
        names = ["content", *names_of("style", self.inputs)]
        content, *styles = (self.inputs[name].load() for name in names)
        content, styles = match_colors(content, styles, settings)
        found = dict(zip(names, (content, *styles), strict=True))
        if isinstance(self.inputs["content"].pixels, Tensor):  # they are in memory anyway
            self.matched = found
        return found

    def at(
        self,
        bands: Bands,
        rows: Rows,
        settings: PictureSettings,
        device: torch.device,
        *,
        first: bool = False,
    ) -> dict[str, Tensor]:
        """Every input at a scale, on the device.

        Of those of the image's size only some rows: those that this process sees. The first image,
        `init`, is there at the first scale only.
        """
        if not length(rows):  # a process that has no share of the scale
            like = self.inputs["content"].pixels
            dtype = like.dtype if isinstance(like, Tensor) else torch.float32
            return {"content": torch.zeros(1, 3, 0, bands.width, dtype=dtype, device=device)}
        colored = self.colored(settings)
        found = {}
        for name, size in at_scale(self.sizes, bands.size, settings.style_scale).items():
            if name == "init" and not first:
                continue
            picture = colored[name] if name in colored else self.inputs[name].load()
            if kind_of(name).gray:
                picture = picture.mean(1, keepdim=True)
            brought = (
                some_rows(picture, size, rows)
                if kind_of(name).size == "image"
                else resize(picture, *size)
            )
            # Resizing may leave [0, 1] a little: a content keeps that, as its own sharp edges.
            if name != "content" and picture.shape[-2:] != size:
                brought = brought.clamp(0, 1)
            found[name] = brought.to(device)
        return found


def at_scale(sizes: Mapping[str, Size], image: Size, style_scale: float) -> dict[str, Size]:
    """The size of every input at a scale whose image has that size."""
    found = {}
    for name, own in sizes.items():
        rule = kind_of(name).size
        if rule == "image":
            found[name] = image
        else:
            whose = own if rule == "own" else sizes[name.replace("style-mask", "style")]
            found[name] = style_size(*whose, max(image), style_scale)
    return found


def some_rows(picture: Tensor, size: Size, rows: Rows) -> Tensor:
    """Some rows of a picture (1, C, h, w) that is resized, from the rows they depend on."""
    old = picture.shape[-2]
    source = source_rows(old, size[0], rows)
    return resize_rows(cut(picture, (0, old), source), source[0], old, *size, rows)


def match_colors(
    content: Tensor, styles: list[Tensor], settings: PictureSettings
) -> tuple[Tensor, list[Tensor]]:
    """Content and styles with their colors moved as the settings ask, before anything else.

    With the style's colors, the content takes the mean and covariance of the styles' pixels: the
    optimizer then need not spend its steps on it. With the content's colors, each style takes the
    content's (Gatys et al. 2017, section 5).
    """
    if settings.color == "style" and not styles:
        raise InputError("there is no style to take colors from: name one, or choose --color free")
    if settings.color == "style":
        palette = torch.cat([style.flatten(2) for style in styles], dim=2)[:, :, None]
        return match_color(content, palette, clamp=True), styles
    if settings.color == "content":
        return content, [match_color(style, content, clamp=True) for style in styles]
    return content, styles
