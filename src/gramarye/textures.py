"""Textures: pictures that have a style's statistics and show nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gramarye.pictures.picture import Picture, Source
from gramarye.special_configs import make_texture_config
from gramarye.stylize import check_others, make_picture
from gramarye.surroundings import plain_torch


@plain_torch()
def texture(
    style: Source | Sequence[Source],
    width: int = 512,
    height: int | None = None,
    *,
    preset: str = "texture",
    inputs: Mapping[str, Source] | None = None,
    **settings: Any,
) -> Picture:
    """A texture like the style, or like several mixed, of that size: `texture("a.jpg", 768, 512)`.

    It is found as a stylization is, from noise and without a content (Gatys, Ecker and Bethge,
    "Texture Synthesis Using Convolutional Neural Networks", 2015); with style_loss="swd" by the
    sliced Wasserstein distance (Heitz et al. 2021). Where they differ from us: coarse to fine, the
    house's layers and distances, and noise that has the style's spectrum. With tileable=True it can
    be laid side by side with itself without a seam. Sources, `inputs` and settings are as those of
    `stylize`; the result is square where no height is given.
    """
    check_others(inputs)
    config = make_texture_config(width, width if height is None else height, preset, **settings)
    return make_picture(None, style, config, inputs or {})
