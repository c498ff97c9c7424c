"""Inputs in memory or read again, and brought to a scale's size with their colors matched."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

from gramarye.distributed.bands import Bands
from gramarye.errors import ImageError, InputError, SettingsError
from gramarye.inputs.kinds import CONTENT_ALPHA, check_names, kind_of, names_of
from gramarye.pictures.alpha import fill_hidden, opacity
from gramarye.pictures.color import grayed, is_gray, match_color, match_luminance
from gramarye.pictures.picture import Picture, holds_pixels
from gramarye.pictures.settings import PictureSettings
from gramarye.scales.resizing import style_size
from gramarye.scales.rows import Rows, cut, length, resize_rows, source_rows
from gramarye.surroundings import ordinary
from gramarye.validation import check_kind

Size = tuple[int, int]  # height, width
Load = Callable[[], Tensor | Picture]  # a picture where there may be transparency


@final
@dataclass(frozen=True)
class Shown:
    """What shows of a picture: its pixels (1, 3, H, W), and how opaque each is.

    Of what is hidden, the pixels have the colors around it; `alpha` (1, 1, H, W) is None where
    nothing is.
    """

    pixels: Tensor
    alpha: Tensor | None = None

    @classmethod
    def of(cls, picture: Tensor | Picture, name: str = "a picture") -> Shown:
        """ImageError, with the name, for what is no picture, or one that shows nothing."""
        if isinstance(picture, Tensor):
            return cls(ordinary(checked_image(picture, name)))
        wanted = "a tensor (1, 3, H, W), as load_image makes one, a Picture, or a function that "
        check_kind(name, picture, Picture, wanted + "loads one")
        pixels, alpha = ordinary(picture.pixels), opacity(picture.alpha, name)
        if alpha is None:
            return cls(pixels)
        alpha = ordinary(alpha).to(pixels.device)
        return cls(fill_hidden(pixels, alpha), alpha)

    def gray(self) -> Tensor:
        """How light each pixel is (1, 1, H, W); what is transparent is as black."""
        light = self.pixels.mean(1, keepdim=True)
        return light if self.alpha is None else light * self.alpha


def checked_image(image: Tensor, name: str) -> Tensor:
    """The tensor; ImageError unless it is an image of ours, but for its range."""
    shaped = image.ndim == 4 and image.shape[:2] == (1, 3) and 0 not in image.shape
    if not shaped or not image.is_floating_point() or not holds_pixels(image):
        raise ImageError(
            f"{name} is a tensor of {image.dtype} and shape {tuple(image.shape)}: give floats in "
            "[0, 1] of shape (1, 3, H, W), as load_image makes them"
        )
    return image


@final
@dataclass(frozen=True)
class Input:
    """A picture (1, 3, H, W) in memory, or what reads it each time it is needed."""

    pixels: Tensor | Load
    height: int
    width: int
    alpha: Tensor | None = None  # (1, 1, H, W), of what is in memory and not all opaque

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

    def load(self) -> Shown:
        if isinstance(self.pixels, Tensor):
            return Shown(self.pixels, self.alpha)
        return Shown.of(self.pixels())


@final
class Inputs:
    """The inputs of a run by name, and what they are at each scale."""

    def __init__(self, inputs: Mapping[str, Input]) -> None:
        check_names(inputs)
        self.inputs = dict(inputs)
        self.matched: dict[str, Shown] | None = None
        self.no_color: bool | None = None  # not known yet

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
        pictures = [part for found in self.inputs.values() for part in (found.pixels, found.alpha)]
        here = [p for p in pictures if isinstance(p, Tensor) and p.device == device]
        return sum(2 * p.numel() * p.element_size() for p in here)

    def colored(self, settings: PictureSettings) -> dict[str, Shown]:
        """Content and styles in their own sizes, their colors matched."""
        if self.matched is not None:
            return self.matched
        names = ["content", *names_of("style", self.inputs)]
        shown = [self.inputs[name].load() for name in names]
        content, *styles = (picture.pixels for picture in shown)
        alphas = [picture.alpha for picture in shown]
        content, styles = match_colors(content, styles, settings, alphas)
        self.no_color = takes_gray(styles, settings)
        pictures = zip((content, *styles), alphas, strict=True)
        found = {name: Shown(*picture) for name, picture in zip(names, pictures, strict=True)}
        if isinstance(self.inputs["content"].pixels, Tensor):  # they are in memory anyway
            self.matched = found
        return found

    def gray(self, settings: PictureSettings) -> bool:
        """Whether the picture is to be gray, since all it takes its colors from is."""
        if self.no_color is None and settings.color == "style" and names_of("style", self.inputs):
            self.colored(settings)
        return bool(self.no_color)

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
        `init`, is there at the first scale only. Where content or styles are not opaque, they count
        less: their masks say so, and of the content "content-alpha" does.
        """
        if not length(rows):  # a process that has no share of the scale
            like = self.inputs["content"].pixels
            dtype = like.dtype if isinstance(like, Tensor) else torch.float32
            return {"content": torch.zeros(1, 3, 0, bands.width, dtype=dtype, device=device)}
        colored = self.colored(settings)
        found, alphas = {}, {}
        for name, size in at_scale(self.sizes, bands.size, settings.style_scale).items():
            if name == "init" and not first:
                continue
            shown = colored[name] if name in colored else self.inputs[name].load()
            kind = kind_of(name)
            some = rows if kind.size == "image" else (0, size[0])
            picture = shown.gray() if kind.gray else shown.pixels
            # Resizing may leave [0, 1] a little: a content keeps that, as its own sharp edges.
            found[name] = brought(picture, size, some, clamp=name != "content").to(device)
            if shown.alpha is not None and name in colored:
                alphas[name] = brought(shown.alpha, size, some).to(device)
        return weighed(found, alphas)


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


def brought(picture: Tensor, size: Size, rows: Rows, *, clamp: bool = True) -> Tensor:
    """Some rows of a picture at that size; in [0, 1] again if that is asked for."""
    if picture.shape[-2:] == size:
        return cut(picture, (0, size[0]), rows)
    resized = some_rows(picture, size, rows)
    return resized.clamp(0, 1) if clamp else resized


def weighed(seen: dict[str, Tensor], alphas: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The pictures at a scale, their masks multiplied by how opaque they are."""
    for name, alpha in alphas.items():
        mask = name.replace("style", "style-mask") if name != "content" else "content-mask"
        seen[mask] = seen[mask] * alpha if mask in seen else alpha
        if name == "content":
            seen[CONTENT_ALPHA] = alpha
    return seen


def some_rows(picture: Tensor, size: Size, rows: Rows) -> Tensor:
    """Some rows of a picture (1, C, h, w) that is resized, from the rows they depend on."""
    old = picture.shape[-2]
    source = source_rows(old, size[0], rows)
    return resize_rows(cut(picture, (0, old), source), source[0], old, *size, rows)


def match_colors(
    content: Tensor,
    styles: list[Tensor],
    settings: PictureSettings,
    alphas: Sequence[Tensor | None] = (),
) -> tuple[Tensor, list[Tensor]]:
    """Content and styles with their colors moved as the settings ask, before anything else.

    With the style's colors, the content takes those of the styles' pixels together, so that the
    optimizer need not spend its steps on it. With the content's colors, each style takes the
    content's; with luminance, each becomes gray, of the content's lightness (Gatys et al. 2017,
    section 5). `alphas` are how opaque content and styles are.
    """
    of_content, *of_styles = alphas or [None] * (1 + len(styles))
    if settings.color == "style" and not styles:
        raise InputError("there is no style to take colors from: name one, or choose --color free")
    if gray := takes_gray(styles, settings):
        # Matching counts no variance as none: a trace of the content's color would remain.
        content, styles = grayed(content), [grayed(style) for style in styles]
    if settings.color == "style":
        palette = pixels_of(styles)
        weights = None
        if any(alpha is not None for alpha in of_styles):
            pairs = zip(styles, of_styles, strict=True)
            weights = pixels_of([torch.ones_like(s[:, :1]) if a is None else a for s, a in pairs])
        moved = move_colors(content, palette, settings, of_content, weights)
        return grayed(moved) if gray else moved, styles
    if settings.color == "free":
        return content, styles
    pairs = zip(styles, of_styles, strict=True)
    return content, [move_colors(s, content, settings, a, of_content) for s, a in pairs]


def move_colors(
    picture: Tensor,
    reference: Tensor,
    settings: PictureSettings,
    weights: Tensor | None,
    reference_weights: Tensor | None,
) -> Tensor:
    """The picture with its colors moved towards the reference's, as far as the settings ask."""
    if settings.palette == 0:
        return picture
    weighed = weights is not None or reference_weights is not None
    if settings.color == "luminance":
        moved = match_luminance(picture, reference, weights, reference_weights)
    elif settings.color_map == "histogram" and weighed:
        raise SettingsError(
            "a picture is transparent in places, and histograms are of whole pictures: choose "
            "another --color-map, or give pictures without transparency",
            setting="color_map",
        )
    else:
        moved = match_color(
            picture,
            reference,
            settings.color_map,
            weights=weights,
            reference_weights=reference_weights,
            clamp=True,
        )
    return moved if settings.palette == 1 else picture.lerp(moved, settings.palette)


def takes_gray(styles: Sequence[Tensor], settings: PictureSettings) -> bool:
    """Whether the picture is painted in gray: in luminance only, or after gray styles."""
    if settings.color == "luminance":
        return True
    return settings.color == "style" and bool(styles) and all(map(is_gray, styles))


def pixels_of(pictures: Sequence[Tensor]) -> Tensor:
    """The pixels of all pictures (1, C, H, W) in one row (1, C, 1, N)."""
    return torch.cat([picture.flatten(2) for picture in pictures], dim=2)[:, :, None]
