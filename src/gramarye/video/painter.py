"""What paints the frames of a clip: one look at the styles, one seed, statistics by shot.

The network paints each frame in one pass (`gramarye.painted`). It is told how far the content's
statistics are from the styles'; were these the frame's own, every small change in a corner of the
film would change all of the picture a little. Here they are means over the shot.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor

from gramarye.config import StylizeConfig
from gramarye.errors import SettingsError
from gramarye.feedforward.files import load_painter
from gramarye.finishing import finish
from gramarye.inputs.coloring import pixels_of
from gramarye.inputs.inputs import Input, Inputs
from gramarye.inputs.shown import Shown
from gramarye.losses.statistics import Moments
from gramarye.painted import Painting
from gramarye.pictures.color import color_transform, grayed, mean_and_covariance
from gramarye.pictures.finishing import denoised
from gramarye.pictures.picture import Picture
from gramarye.plan import make_plan, run_device, run_network
from gramarye.video.shot_averages import ShotAverages


@final
class FramePainter:
    """Paints frames of one size, in the order of the clip.

    `averages` are what it knows of the shot; with them restored, it goes on as if never stopped.
    """

    def __init__(
        self, styles: Sequence[Picture], config: StylizeConfig, size: tuple[int, int]
    ) -> None:
        check_colors(config)
        device = run_device(config)
        network = run_network(config, device)
        self.styles = {
            f"style/{i}": Input.of(style.on(device), f"style/{i}") for i, style in enumerate(styles)
        }
        sizes = {"content": size, **{k: style.size for k, style in self.styles.items()}}
        plan = make_plan(config, network, sizes, device)
        scale = plan.scales[-1]
        assert scale.budget is not None
        self.plan, self.bands, self.config = plan, scale.bands, scale.config
        painter = load_painter(config.painter.by, network).to(device)
        self.painting = Painting(painter, network, self.config, scale.budget.tile_bytes)
        self.averages = ShotAverages()
        self.colored: dict[str, Shown] = {}  # the styles, their colors as they are to be
        self.palette: Moments | None = None
        self.no_color = False

    def new_shot(self) -> None:
        """Forget the frames before; styles that take a content's colors take this shot's."""
        self.averages.forget()
        if self.config.picture.color in ("content", "luminance"):
            self.painting.forget_styles()
            self.colored.clear()

    def paint(self, frame: Tensor) -> Tensor:
        """The frame (1, 3, H, W) painted, before what `finished` does."""
        frame = frame.to(self.plan.device)
        self.averages.next_frame()
        if not self.colored:
            self.look_at_styles(frame)
        content = self.in_styles_colors(frame)
        seen = {"content": content}
        if not self.painting.goals:
            inputs = self.inputs(frame, content)
            rows = (0, self.bands.size[0])
            mix = self.config.color_mix
            seen = inputs.at(self.bands, rows, self.config.picture, self.plan.device, mix=mix)
            seen["content"] = content
        return self.painting.paint(seen, self.averages.of_step)

    def finished(self, image: Tensor, frame: Tensor) -> Tensor:
        """A painted image in the colors and with the finish asked for."""
        inputs = self.inputs(frame.to(image.device), image)
        return finish(image, inputs, self.config).cpu()

    def inputs(self, frame: Tensor, content: Tensor) -> Inputs:
        """Frame and styles, whose colors are matched already."""
        found = Inputs({"content": Input.of(frame), **self.styles}, self.config.picture)
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
