"""Pictures in one pass of a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gramarye.config import make_instant_config
from gramarye.pictures.picture import Picture, Source, load_picture
from gramarye.stylize import check_others, make_picture
from gramarye.surroundings import plain_torch


@plain_torch()
def instant(
    content: Source,
    style: Source | Sequence[Source],
    *,
    inputs: Mapping[str, Source] | None = None,
    **settings: Any,
) -> Picture:
    """The content in the style of the other picture, or pictures, painted in one pass.

    By the network that comes with gramarye, for any style, or by one of your own
    (`painter="file.safetensors"`); in the content's own size unless another is asked for. Sources,
    `inputs` and settings are as those of `stylize`; those of the optimizer, its scales and its
    losses say nothing here.
    """
    check_others(inputs)
    photograph = load_picture(content)
    config = make_instant_config((photograph.width, photograph.height), **settings)
    return make_picture(photograph, style, config, inputs or {})
