"""The pictures a run is made from: held in memory or read again, and brought to a scale's size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import final

import torch
from torch import Tensor

from gramarye.config import StylizeConfig
from gramarye.pictures.color import match_color
from gramarye.scales.sizes import Scale, resize, style_at

Load = Callable[[], Tensor]  # loads a picture (1, 3, H, W)


@final
class Pictures:
    """Content and styles, brought to a scale's size and with their colors matched."""

    def __init__(
        self, content: Tensor | Load, styles: Sequence[Tensor | Load], config: StylizeConfig
    ) -> None:
        self.content, self.styles, self.config = content, list(styles), config
        self.matched: tuple[Tensor, list[Tensor]] | None = None

    @property
    def bytes(self) -> int:
        """What they hold in memory throughout the run, their matched copies among it."""
        held = [p for p in (self.content, *self.styles) if isinstance(p, Tensor)]
        return sum(2 * p.numel() * p.element_size() for p in held)

    def originals(self) -> tuple[Tensor, list[Tensor]]:
        """Content and styles in the files' sizes."""
        found = self.matched or match_pictures(
            loaded(self.content), [loaded(style) for style in self.styles], self.config
        )
        if isinstance(self.content, Tensor):  # they are in memory anyway
            self.matched = found
        return found

    def at(self, scale: Scale) -> tuple[Tensor, list[Tensor]]:
        content, styles = self.originals()
        longest = max(scale.height, scale.width)
        return (
            resize(content, scale.height, scale.width),
            [style_at(style, longest, self.config.style_scale) for style in styles],
        )


def loaded(picture: Tensor | Load) -> Tensor:
    return picture if isinstance(picture, Tensor) else picture()


def match_pictures(
    content: Tensor, styles: Sequence[Tensor], config: StylizeConfig
) -> tuple[Tensor, list[Tensor]]:
    """Content and styles with their colors moved as the config asks, before anything else.

    With the style's colors, the content takes the mean and covariance of the styles' pixels: the
    optimizer then need not spend its steps on it. With the content's colors, each style takes the
    content's (Gatys et al. 2017, section 5).
    """
    if config.color == "style":
        palette = torch.cat([style.flatten(2) for style in styles], dim=2)[:, :, None]
        return match_color(content, palette, clamp=True), list(styles)
    if config.color == "content":
        return content, [match_color(style, content, clamp=True) for style in styles]
    return content, list(styles)
