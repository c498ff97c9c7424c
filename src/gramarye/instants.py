"""Pictures in one pass of a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from gramarye.errors import InputError
from gramarye.feedforward.settings import SHIPPED
from gramarye.johnson.files import read_johnson
from gramarye.pictures.picture import Picture, Source, load_picture
from gramarye.special_configs import make_instant_config
from gramarye.stylize import check_others, make_picture
from gramarye.surroundings import plain_torch


@plain_torch()
def instant(
    content: Source,
    style: Source | Sequence[Source] | None = None,
    *,
    inputs: Mapping[str, Source] | None = None,
    **settings: Any,
) -> Picture:
    """The content in the style of the other picture, or pictures, painted in one pass.

    By the network that comes with gramarye, for any style, or by one of your own
    (`painter="file.safetensors"`), which may have its style in itself: then there is no other. In
    the content's own size unless another is asked for. Sources, `inputs` and settings are as those
    of `stylize`; those of the optimizer, its scales and its losses say nothing here.
    """
    check_others(inputs)
    photograph = load_picture(content)
    styles: Sequence[Source] = []
    if style is not None:
        styles = style if isinstance(style, list | tuple) else [style]  # type: ignore[list-item]
    painter = settings.get("painter", SHIPPED)
    if holds_style(painter):
        settings = {"color": "free", **settings}  # it has colors of its own
    elif not styles:
        raise InputError("there is no style: give a painting, or several")
    config = make_instant_config((photograph.width, photograph.height), **settings)
    return make_picture(photograph, styles, config, inputs or {})


def holds_style(painter: object) -> bool:
    """Whether a painter's file is of a network that has its style in itself.

    WeightsError for a file that cannot be read.
    """
    return isinstance(painter, str | PathLike) and read_johnson(Path(painter)) is not None
