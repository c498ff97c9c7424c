"""A picture that a Johnson network paints, in the style, or styles, that it was trained for.

The network knows nothing of the controls: how much of the painting shows, and where, is a share of
it over the photograph.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from gramarye.config import StylizeConfig
from gramarye.errors import InputError
from gramarye.inputs.kinds import names_of
from gramarye.johnson.network import Counting, Johnson, one_of
from gramarye.johnson.painting import transformed
from gramarye.losses.style import StyleSettings
from gramarye.units import counted

FULL = 0.5  # the strength at which there is all of the style


def transform_image(
    network: Johnson,
    seen: Mapping[str, Tensor],
    config: StylizeConfig,
    counting: Counting | None = None,
) -> Tensor:
    """The painted content (1, 3, H, W), of inputs by name.

    `counting` may put other statistics than the content's own into the network's norms.
    """
    if names_of("style", seen):
        raise InputError(
            "the painter is a network that has its style in itself, and a style was given: leave "
            "the style out, or choose another painter"
        )
    if names_of("content-regions", seen):
        raise InputError(
            "regions pair the picture with parts of a style, and the painter's file holds none: "
            "leave them out, or give a content-mask"
        )
    settings = config.terms["style"]
    assert isinstance(settings, StyleSettings)
    content = seen["content"].clamp(0, 1)
    mix = mix_of(settings.mix, network.styles).to(content.device)
    painted = transformed(network, content, mix, counting=counting)
    share: Tensor | float = min(1.0, settings.strength / FULL)
    for name in ("content-mask", "strength-map"):
        if name in seen:
            share = share * seen[name].clamp(0, 1)
    return content + share * (painted - content)


def mix_of(weights: tuple[float, ...], styles: int) -> Tensor:
    """How much each style counts (1, S): as it is weighed, else the first alone."""
    if not weights:
        return one_of(styles, 0)
    if len(weights) != styles:
        raise InputError(
            f"{counted(len(weights), 'weight')} given with --style-weights, and the network has "
            f"{counted(styles, 'style')}: give as many"
        )
    mix = torch.tensor([weights])
    return mix / mix.sum()
