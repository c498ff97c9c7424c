"""The colors of a shot: its frames and the styles brought together as in no frame alone.

A picture's colors are moved by its own statistics (`inputs.coloring`). Were these the frame's,
every small change in a corner of the film would change all colors a little. Here they are means
over the shot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import final

import torch
from torch import Tensor

from gramarye.config import StylizeConfig
from gramarye.errors import SettingsError
from gramarye.finishing import finish
from gramarye.inputs.coloring import pixels_of
from gramarye.inputs.inputs import Input, Inputs
from gramarye.inputs.shown import Shown
from gramarye.losses.statistics import Moments
from gramarye.pictures.color import color_transform, grayed, mean_and_covariance
from gramarye.pictures.finishing import denoised
from gramarye.pictures.picture import Picture
from gramarye.video.shot_averages import ShotAverages


@final
class ShotColors:
    """The styles, and frames in the order of the clip, in the colors they are painted in.

    `averages` are what is known of the shot; with them restored, it goes on as if never stopped.
    """

    def __init__(
        self, styles: Sequence[Picture], config: StylizeConfig, device: torch.device
    ) -> None:
        check_colors(config)
        self.config = config
        self.styles = {
            f"style/{i}": Input.of(style.on(device), f"style/{i}") for i, style in enumerate(styles)
        }
        self.averages = ShotAverages()
        self.colored: dict[str, Shown] = {}  # the styles, their colors as they are to be
        self.palette: Moments | None = None
        self.no_color = False

    def new_shot(self) -> bool:
        """Forget the frames before; whether styles take other colors now: this shot's."""
        self.averages.forget()
        if self.config.picture.color not in ("content", "luminance"):
            return False
        self.colored.clear()
        return True

    def content(self, frame: Tensor) -> Tensor:
        """The shot's next frame, its colors moved as the shot's are."""
        self.averages.next_frame()
        if not self.colored:
            self.look_at_styles(frame)
        return self.in_styles_colors(frame)

    def finished(self, image: Tensor, frame: Tensor) -> Tensor:
        """A painted image in the colors and with the finish asked for."""
        inputs = self.inputs(frame.to(image.device), image)
        return finish(image, inputs, self.config).cpu()

    def inputs(
        self, frame: Tensor, content: Tensor, others: Mapping[str, Tensor] | None = None
    ) -> Inputs:
        """Frame and styles, whose colors are matched already, and others by name."""
        named = {"content": frame, **(others or {})}
        pictures = {name: Input.of(picture, name) for name, picture in named.items()}
        found = Inputs({**pictures, **self.styles}, self.config.picture)
        found.matched = {"content": Shown(content), **self.colored}
        found.no_color = self.no_color
        return found

    def look_at_styles(self, frame: Tensor) -> None:
        """What the styles' colors are, matched to a shot's first frame where they take its."""
        settings, mix = self.config.picture, self.config.color_mix
        inputs = Inputs({"content": Input.of(frame), **self.styles}, settings)
        shown = inputs.colored(settings, mix)
        self.colored = {name: shown[name] for name in self.styles}
        self.no_color = inputs.gray(settings, mix)
        if settings.color == "style" and settings.palette:
            self.palette = self.palette_of(mix)

    def palette_of(self, mix: Sequence[float]) -> Moments:
        """The colors of all styles' pixels, as many of each as the mix says."""
        shown = list(self.colored.values())
        masks = [torch.ones_like(s.pixels[:, :1]) if s.alpha is None else s.alpha for s in shown]
        if len(mix) == len(shown) > 1:
            pairs = zip(masks, mix, strict=True)
            masks = [mask * (weight / mask.sum().clamp_min(1e-9)) for mask, weight in pairs]
        pixels = pixels_of([s.pixels for s in shown])
        return color_moments(pixels, pixels_of(masks))

    def in_styles_colors(self, frame: Tensor) -> Tensor:
        """The frame with its colors moved as the shot's are moved to the styles'."""
        settings = self.config.picture
        frame = denoised(frame, settings.denoise)
        if self.no_color:
            frame = grayed(frame)
        if self.palette is None:
            return frame
        own = self.averages.averaged("colors", color_moments(frame))
        assert settings.color_map != "histogram"
        matrix = color_transform(
            own.covariance()[0], self.palette.covariance()[0], settings.color_map
        )
        shift = self.palette.mean()[0] - matrix @ own.mean()[0]
        flat = torch.addmm(shift.to(frame)[:, None], matrix.to(frame), frame[0].flatten(1))
        moved = frame.lerp(flat.view_as(frame).clamp(0, 1), settings.palette)
        return grayed(moved) if self.no_color else moved


def color_moments(image: Tensor, weights: Tensor | None = None) -> Moments:
    """The moments of an image's colors, per pixel."""
    mean, covariance = mean_and_covariance(image, weights)
    second = covariance + mean[:, None] * mean[None, :]
    return Moments(second[None], mean[None], torch.ones_like(mean[:1]))


def check_colors(config: StylizeConfig) -> None:
    """Raise SettingsError for colors that cannot be moved alike in every frame."""
    if config.picture.color == "style" and config.picture.color_map == "histogram":
        raise SettingsError(
            "color_map is 'histogram', which is of one picture and would flicker in a clip: "
            "choose another, such as monge-kantorovich",
            setting="color_map",
        )
