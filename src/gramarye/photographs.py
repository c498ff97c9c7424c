"""Photographs in the light and colors of others, without a moved edge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gramarye.pictures.picture import Picture, Source, load_picture
from gramarye.special_configs import PhotorealMode, make_photoreal_config
from gramarye.stylize import check_others, make_picture
from gramarye.surroundings import plain_torch


@plain_torch()
def photoreal(
    content: Source,
    reference: Source | Sequence[Source],
    mode: PhotorealMode = "map",
    *,
    inputs: Mapping[str, Source] | None = None,
    **settings: Any,
) -> Picture:
    """The content in the light and colors of the reference, or of several: still a photograph.

    By default it is the content through a color map (`map="grid"`: local affine maps, Gharbi et al.
    2017; `map="lut"`: one table) that is optimized under the style loss: no edge can move, and it
    has the content's own size. With mode="matting" pixels are moved, held to a photograph by the
    matting Laplacian, and finished with the content's edges (Luan et al. 2017; He et al. 2013).
    Sources, `inputs` and settings are as those of `stylize`; the preset is the mode's.
    """
    check_others(inputs)
    photograph = load_picture(content)
    config = make_photoreal_config(mode, (photograph.width, photograph.height), **settings)
    return make_picture(photograph, reference, config, inputs or {})
