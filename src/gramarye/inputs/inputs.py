"""Inputs in memory or read again, and brought to a scale's size with their colors matched."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import final

import torch
from torch import Tensor

from gramarye.distributed.bands import Bands
from gramarye.drawings.coloring import Drawn, beside_lines, color_drawing, lifted
from gramarye.inputs.bringing import Size, area_brought, brought, split, weighed
from gramarye.inputs.coloring import match_colors, match_regions, takes_gray
from gramarye.inputs.kinds import (
    OWN_CONTENT,
    PROTECT,
    check_names,
    form_of,
    kind_of,
    laid_over,
    names_of,
    number_of,
    origin,
    under,
)
from gramarye.inputs.protection import Protected, check_protection, lines_protected, protection
from gramarye.inputs.regions import Regions, pair_regions
from gramarye.inputs.shown import Shown
from gramarye.inputs.sizes import at_scale
from gramarye.inputs.viewing import StyleView
from gramarye.pictures.finishing import denoised
from gramarye.pictures.labels import read_labels
from gramarye.pictures.picture import Picture
from gramarye.pictures.settings import PictureSettings
from gramarye.scales.rows import Rows, length

Load = Callable[[], Tensor | Picture]  # a picture where there may be transparency


@final
@dataclass(frozen=True)
class Input:
    """A picture (1, 3, H, W) in memory, or what reads it each time it is needed."""

    pixels: Tensor | Load
    height: int
    width: int
    alpha: Tensor | None = None  # (1, 1, H, W), of what is in memory and not all opaque
    fresh: bool = False  # whether every reading is a copy of its own, which may be written over

    @classmethod
    def of(cls, picture: Tensor | Picture | Load, name: str = "a picture") -> Input:
        """ImageError, with the name, for a picture that shows nothing."""
        shown = Shown.of(picture() if callable(picture) else picture, name)
        height, width = shown.pixels.shape[-2:]
        if callable(picture):
            return cls(picture, height, width)
        return cls(shown.pixels, height, width, shown.alpha)

    @property
    def size(self) -> Size:
        return self.height, self.width

    def same_as(self, other: Input) -> bool:
        """Whether both are one picture."""
        if isinstance(self.pixels, Tensor) and isinstance(other.pixels, Tensor):
            return torch.equal(self.pixels, other.pixels)
        return self.pixels is other.pixels or (
            not isinstance(self.pixels, Tensor) and self.pixels == other.pixels
        )

    def load(self) -> Shown:
        if isinstance(self.pixels, Tensor):
            return Shown(self.pixels, self.alpha)
        return Shown.of(self.pixels())


@final
class Inputs:
    """The inputs of a run by name, and what they are at each scale."""

    def __init__(
        self, inputs: Mapping[str, Input], settings: PictureSettings | None = None
    ) -> None:
        check_names(inputs)
        self.inputs = dict(inputs)
        self.view = view_of(settings or PictureSettings())
        styles = names_of("style", self.inputs)
        # The way from a photograph begins with it.
        self.as_it_is = {k for k in styles if self.is_content(k)} if len(styles) > 1 else set()
        self.regions = self.paired()
        if PROTECT in self.inputs:
            check_protection(self.inputs[PROTECT].load().gray())
        self.matched: dict[str, Shown] | None = None
        self.no_color: bool | None = None  # not known yet
        self.drawn: Drawn | None = None  # of a content that is a drawing

    def __getitem__(self, name: str) -> Input:
        return self.inputs[name]

    @property
    def has_content(self) -> bool:
        """Whether there is one: a texture is made of styles alone, on a plain canvas."""
        return "content" in self.inputs

    @property
    def like(self) -> Tensor | Load:
        """The content's pixels, or the first style's, where there is none."""
        return self.inputs["content" if self.has_content else "style/0"].pixels

    @property
    def sizes(self) -> dict[str, Size]:
        """(height, width) by name."""
        return {
            name: found.size if (view := self.view_of(name)) is None else view.size(found.size)
            for name, found in self.inputs.items()
        }

    def view_of(self, name: str) -> StyleView | None:
        """What is seen of an input: of styles and what is laid over them, a part, maybe turned.

        Of several styles, one that is the content itself is seen as it is.
        """
        whole = kind_of(name).size == "image" or f"style/{number_of(name)}" in self.as_it_is
        return None if whole else self.view

    def is_content(self, name: str) -> bool:
        """Whether a style is the picture that is painted."""
        return self.has_content and self.inputs[name].same_as(self.inputs["content"])

    @property
    def device(self) -> torch.device:
        """Where those in memory are; the CPU if none is."""
        held = [found.pixels for found in self.inputs.values() if isinstance(found.pixels, Tensor)]
        return held[0].device if held else torch.device("cpu")

    def held(self, device: torch.device) -> int:
        """Bytes they hold on a device throughout the run, their matched copies among them."""
        pictures = [part for found in self.inputs.values() for part in (found.pixels, found.alpha)]
        here = [p for p in pictures if isinstance(p, Tensor) and p.device == device]
        return sum(2 * p.numel() * p.element_size() for p in here)

    def load(self, name: str) -> Shown:
        """A picture in its own size; in place of a content that there is not, one gray pixel."""
        if name == "content" and not self.has_content:
            dtype = self.like.dtype if isinstance(self.like, Tensor) else torch.float32
            return Shown(torch.full((1, 3, 1, 1), 0.5, dtype=dtype, device=self.device))
        shown, view = self.inputs[name].load(), self.view_of(name)
        return shown if view is None else shown.seen(view, labels=kind_of(name).labels)

    def paired(self) -> Regions | None:
        """The regions of the label pictures, if there are any, which are then held no longer."""
        labels = {}
        for name, found in self.inputs.items():
            if not kind_of(name).labels:
                continue
            shown = self.load(name)
            labels[name] = read_labels(shown.pixels, shown.alpha, name)
            if isinstance(found.pixels, Tensor):
                self.inputs[name] = replace(found, pixels=labels[name].index, alpha=None)
        if not labels:
            return None
        content = labels.pop("content-regions")
        return pair_regions(content, {under(name): found for name, found in labels.items()})

    @property
    def region_count(self) -> int:
        """How many regions of the content have a counterpart; 0 where there are no regions."""
        return 0 if self.regions is None else len(self.regions.colors)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a user may not expect of the inputs."""
        return () if self.regions is None else self.regions.notes

    def colored(self, settings: PictureSettings, mix: Sequence[float] = ()) -> dict[str, Shown]:
        """Content and styles in their own sizes, their colors matched.

        `mix` is how much each style counts; empty is alike.
        """
        if self.matched is not None:
            return self.matched
        names = ["content", *names_of("style", self.inputs)]
        shown = [self.load(name) for name in names]
        content, *styles = (picture.pixels for picture in shown)
        alphas = [picture.alpha for picture in shown]
        content = denoised(content, settings.denoise)
        if settings.drawing:
            styles = [lifted(style) for style in styles]
            weights = [beside_lines(s, a) for s, a in zip(styles, alphas[1:], strict=True)]
            if self.drawn is None:
                self.drawn = color_drawing(content, alphas[0], styles, weights, settings, mix)
            content, alphas = self.drawn.colored, [None, *weights]
        elif self.regions is None:
            fresh = self.has_content and self.inputs["content"].fresh
            content, styles = match_colors(content, styles, settings, alphas, mix, in_place=fresh)
        else:
            masks = [
                self.own_masks(name, picture) for name, picture in zip(names, shown, strict=True)
            ]
            content, styles = match_regions(content, styles, settings, masks, mix)
        self.no_color = takes_gray(styles, settings, mix)
        pictures = zip((content, *styles), alphas, strict=True)
        found = {name: Shown(*picture) for name, picture in zip(names, pictures, strict=True)}
        if isinstance(self.like, Tensor):  # they are in memory anyway
            self.matched = found
        return found

    def own_masks(self, name: str, picture: Shown) -> Tensor | None:
        """Where a picture has each region and is opaque (1, R, H, W), at its own size."""
        assert self.regions is not None
        if name not in self.regions.places:
            return None
        size = picture.pixels.shape[-2], picture.pixels.shape[-1]
        masks = self.regions.masks(name, partial(area_brought, size=size, rows=(0, size[0])))
        masks = masks.to(picture.pixels.device)
        return masks if picture.alpha is None else masks * picture.alpha

    def gray(self, settings: PictureSettings, mix: Sequence[float] = ()) -> bool:
        """Whether the picture is to be gray, since all it takes its colors from is."""
        if self.no_color is None and settings.color == "style" and names_of("style", self.inputs):
            self.colored(settings, mix)
        return bool(self.no_color)

    def at(
        self,
        bands: Bands,
        rows: Rows,
        settings: PictureSettings,
        device: torch.device,
        *,
        first: bool = False,
        mix: Sequence[float] = (),
        own: bool = False,
    ) -> dict[str, Tensor]:
        """Every input at a scale, on the device.

        Of those of the image's size only some rows: those that this process sees. The first image,
        `init`, is there at the first scale only. Where content or styles are not opaque, they count
        less: their masks say so, and of the content "content-alpha" does. The content in its `own`
        colors is there where it is asked for, or something is protected.
        """
        if not length(rows):  # a process that has no share of the scale
            dtype = self.like.dtype if isinstance(self.like, Tensor) else torch.float32
            return {"content": torch.zeros(1, 3, 0, bands.width, dtype=dtype, device=device)}
        colored = self.colored(settings, mix)
        found, alphas = {}, {}
        sizes = {"content": bands.size} | self.sizes
        at = at_scale(sizes, bands.size, settings)
        for name, size in at.items():
            if name == PROTECT or (name == "init" and not first):
                continue
            kind = kind_of(name)
            some = rows if kind.size == "image" else (0, size[0])
            if kind.labels:
                if self.regions is not None and under(name) in self.regions.places:
                    bring = partial(area_brought, size=size, rows=some)
                    found[name] = self.regions.masks(under(name), bring).to(device)
                continue
            source = origin(name)
            shown = colored[source] if source in colored else self.load(source)
            picture = shown.gray() if kind.gray else shown.pixels
            # Resizing may leave [0, 1] a little: a content keeps that, as its own sharp edges.
            found[name] = brought(picture, size, some, clamp=name != "content").to(device)
            if shown.alpha is not None and source in colored:
                alphas[name] = brought(shown.alpha, size, some).to(device)
        if (stays := self.stays(bands.size, rows, settings, mix)) is not None:
            found[PROTECT], found[OWN_CONTENT] = stays.share.to(device), stays.pixels.to(device)
        elif own:
            pixels = self.load("content").pixels
            found[OWN_CONTENT] = brought(pixels, bands.size, rows).to(device)
        if self.drawn is not None:
            found |= {k: mask.to(device) for k, mask in self.masses(bands.size, rows, at).items()}
        return weighed(found, alphas)

    def masses(self, size: Size, rows: Rows, styles: Mapping[str, Size]) -> dict[str, Tensor]:
        """Where drawing and styles have each of the styles' color masses, as regions."""
        assert self.drawn is not None
        count = self.drawn.count
        found = {"content-regions": split(self.drawn.masses, count, size, rows)}
        for number, place in enumerate(self.drawn.places):
            for style in (f"style/{number}", form_of(f"style/{number}")):
                if style in styles:
                    own = styles[style]
                    found[laid_over(style, "regions")] = split(place, count, own, (0, own[0]))
        return found

    def stays(
        self, size: Size, rows: Rows, settings: PictureSettings, mix: Sequence[float] = ()
    ) -> Protected | None:
        """Some rows of what stays at a size: what is protected, and of a drawing its lines."""
        share = None
        if PROTECT in self.inputs:
            share = protection(brought(self.inputs[PROTECT].load().gray(), size, rows))
        if settings.drawing:
            if self.drawn is None:
                self.colored(settings, mix)
            assert self.drawn is not None
            kept, lines = (brought(x, size, rows) for x in (self.drawn.kept, self.drawn.share))
            return lines_protected(kept, lines, share)
        if share is None:
            return None
        return Protected(brought(self.inputs["content"].load().pixels, size, rows), share)

    def protect(
        self, image: Tensor, settings: PictureSettings, mix: Sequence[float] = ()
    ) -> Tensor:
        """A finished image (1, 3, H, W) with what is to stay in place."""
        size = image.shape[-2], image.shape[-1]
        stays = self.stays(size, (0, size[0]), settings, mix)
        return image if stays is None else stays.on(image).shown(image)


def view_of(settings: PictureSettings) -> StyleView:
    return StyleView(settings.style_crop, settings.style_flip, settings.style_turn)
