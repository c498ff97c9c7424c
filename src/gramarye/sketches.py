"""Sketches: line drawings in color."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gramarye.pictures.picture import Picture, Source
from gramarye.special_configs import make_sketch_config
from gramarye.stylize import check_others, make_picture
from gramarye.surroundings import plain_torch


@plain_torch()
def sketch(
    drawing: Source,
    style: Source | Sequence[Source],
    *,
    paper: bool = False,
    preset: str = "sketch",
    inputs: Mapping[str, Source] | None = None,
    **settings: Any,
) -> Picture:
    """The line drawing colored and painted in the manner of the style, its lines as they are.

    Areas that lines close get the style's main colors, and are painted as `stylize` paints; no
    loss looks at the lines, which lie on top of the painting. With `paper`, what is around the
    drawing stays white. Sources, `inputs` and settings are as those of `stylize`.
    """
    check_others(inputs)
    config = make_sketch_config(preset, paper=paper, **settings)
    return make_picture(drawing, style, config, inputs or {})
