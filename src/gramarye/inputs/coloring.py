"""Content and styles with their colors moved, before anything else."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gramarye.errors import InputError, SettingsError
from gramarye.pictures.color import grayed, is_gray, match_color, match_luminance
from gramarye.pictures.settings import PictureSettings


def match_colors(
    content: Tensor,
    styles: list[Tensor],
    settings: PictureSettings,
    alphas: Sequence[Tensor | None] = (),
    mix: Sequence[float] = (),
    *,
    in_place: bool = False,
) -> tuple[Tensor, list[Tensor]]:
    """Content and styles with their colors moved as the settings ask, before anything else.

    With the style's colors, the content takes those of the styles' pixels together, so that the
    optimizer need not spend its steps on it. With the content's colors, each style takes the
    content's; with luminance, each becomes gray, of the content's lightness (Gatys et al. 2017,
    section 5). `alphas` are how opaque content and styles are, and `mix` how much each style
    counts: without it, every pixel does alike. With `in_place` the content may be written over.
    """
    of_content, *of_styles = alphas or [None] * (1 + len(styles))
    if settings.color == "style" and not styles:
        raise InputError("there is no style to take colors from: name one, or choose --color free")
    if gray := takes_gray(styles, settings, mix):
        # Matching counts no variance as none: a trace of the content's color would remain.
        content, styles = grayed(content), [grayed(style) for style in styles]
    if settings.color == "style":
        counted = [
            torch.ones_like(s[:, :1]) if a is None else a
            for s, a in zip(styles, of_styles, strict=True)
        ]
        weights = None
        if len(mix) == len(styles) > 1 and settings.color_map != "histogram":
            weights = pixels_of(mixed(counted, mix))
        elif any(alpha is not None for alpha in of_styles):
            weights = pixels_of(counted)
        moved = move_colors(
            content, pixels_of(styles), settings, of_content, weights, in_place=in_place
        )
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
    *,
    in_place: bool = False,
) -> Tensor:
    """The picture with its colors moved towards the reference's, as far as the settings ask.

    With `in_place` it may be written over.
    """
    if settings.palette == 0:
        return picture
    weighed = weights is not None or reference_weights is not None
    if settings.color == "luminance":
        moved = match_luminance(picture, reference, weights, reference_weights)
    elif settings.color_map == "histogram" and weighed:
        raise SettingsError(
            "a picture is transparent in places, or colors are moved region by region, and "
            "histograms are of whole pictures: choose another --color-map, or give pictures "
            "without transparency and regions",
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
            in_place=in_place and settings.palette == 1,
        )
    return moved if settings.palette == 1 else picture.lerp(moved, settings.palette)


def takes_gray(
    styles: Sequence[Tensor], settings: PictureSettings, mix: Sequence[float] = ()
) -> bool:
    """Whether the picture is painted in gray: in luminance only, or after gray styles."""
    if settings.color == "luminance":
        return True
    if len(mix) == len(styles):
        styles = [style for style, weight in zip(styles, mix, strict=True) if weight]
    return settings.color == "style" and bool(styles) and all(map(is_gray, styles))


def mixed(masks: Sequence[Tensor], mix: Sequence[float]) -> list[Tensor]:
    """The styles' masks (1, R, H, W) as weights of their pixels, of which each style has as many
    as the mix says, whatever its size.
    """
    largest = max(mix) or 1.0  # a mix may be beyond what float32 holds
    return [
        mask * (weight / largest / mask.sum((2, 3), keepdim=True).clamp_min(1e-9))
        for mask, weight in zip(masks, mix, strict=True)
    ]


def pixels_of(pictures: Sequence[Tensor]) -> Tensor:
    """The pixels of all pictures (1, C, H, W) in one row (1, C, 1, N)."""
    return torch.cat([picture.flatten(2) for picture in pictures], dim=2)[:, :, None]


def match_regions(
    content: Tensor,
    styles: list[Tensor],
    settings: PictureSettings,
    masks: Sequence[Tensor | None],
    mix: Sequence[float] = (),
) -> tuple[Tensor, list[Tensor]]:
    """The same region by region: each takes the colors of its own counterpart.

    `masks` (1, R, H, W) are where content and styles have each of the regions, and are opaque; a
    style without any has None. What belongs to no region keeps its colors.
    """
    of_content, *of_styles = masks
    if of_content is None or settings.color == "free":
        return content, styles
    if gray := takes_gray(styles, settings, mix):
        content, styles = grayed(content), [grayed(style) for style in styles]
    if settings.color == "style":
        having = [(s, m) for s, m in zip(styles, of_styles, strict=True) if m is not None]
        palette, weights = pixels_of([s for s, _ in having]), [m for _, m in having]
        if len(mix) == len(styles) > 1:
            counted = [w for w, m in zip(mix, of_styles, strict=True) if m is not None]
            weights = mixed(weights, counted)
        moved = move_regions(content, of_content, palette, pixels_of(weights), settings)
        return grayed(moved) if gray else moved, styles
    return content, [
        s if m is None else move_regions(s, m, content, of_content, settings)
        for s, m in zip(styles, of_styles, strict=True)
    ]


def move_regions(
    picture: Tensor,
    masks: Tensor,
    reference: Tensor,
    reference_masks: Tensor,
    settings: PictureSettings,
) -> Tensor:
    """The picture, the colors of each of its regions moved towards those of the reference's."""
    result = picture.clone()
    for mask, there in zip(
        torch.split(masks, 1, 1), torch.split(reference_masks, 1, 1), strict=True
    ):
        if float(mask.amax()) > 0 and float(there.amax()) > 0:
            moved = move_colors(picture, reference, settings, mask, there)
            result += mask * (moved - picture)
    return result.clamp_(0, 1)
