"""What paints the frames of a clip: one look at the styles, one seed, statistics by shot.

The network paints each frame in one pass (`gramarye.painted`). It is told how far the content's
statistics are from the styles'; were these the frame's own, every small change in a corner of the
film would change all of the picture a little. Here they are means over the shot, as those that
colors are moved by.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import final

from torch import Tensor

from gramarye.config import StylizeConfig
from gramarye.feedforward.files import load_painter
from gramarye.painted import Painting
from gramarye.pictures.picture import Picture
from gramarye.plan import make_plan, run_device, run_network
from gramarye.video.shot_averages import ShotAverages
from gramarye.video.shot_colors import ShotColors


@final
class FramePainter:
    """Paints frames of one size, in the order of the clip.

    `averages` are what it knows of the shot; with them restored, it goes on as if never stopped.
    """

    def __init__(
        self, styles: Sequence[Picture], config: StylizeConfig, size: tuple[int, int]
    ) -> None:
        device = run_device(config)
        self.colors = ShotColors(styles, config, device)
        network = run_network(config, device)
        sizes = {"content": size, **{k: style.size for k, style in self.colors.styles.items()}}
        plan = make_plan(config, network, sizes, device)
        scale = plan.scales[-1]
        assert scale.budget is not None
        self.plan, self.bands, self.config = plan, scale.bands, scale.config
        painter = load_painter(config.painter.by, network).to(device)
        # One step at each size: a second brings fine strokes nearer to the style's, and flickers.
        parts = tuple(dict.fromkeys(painter.config.parts))
        painter.config = painter.config.model_copy(update={"parts": parts})
        self.painting = Painting(painter, network, self.config, scale.budget.tile_bytes)

    @property
    def averages(self) -> ShotAverages:
        return self.colors.averages

    def new_shot(self) -> None:
        """Forget the frames before; styles that take a content's colors take this shot's."""
        if self.colors.new_shot():
            self.painting.forget_styles()

    def paint(self, frame: Tensor) -> Tensor:
        """The frame (1, 3, H, W) painted, before what `finished` does."""
        frame = frame.to(self.plan.device)
        content = self.colors.content(frame)
        seen = {"content": content}
        if not self.painting.goals:
            inputs = self.colors.inputs(frame, content)
            rows = (0, self.bands.size[0])
            mix = self.config.color_mix
            seen = inputs.at(self.bands, rows, self.config.picture, self.plan.device, mix=mix)
            seen["content"] = content
        return self.painting.paint(seen, self.averages.of_step)

    def finished(self, image: Tensor, frame: Tensor) -> Tensor:
        """A painted image in the colors and with the finish asked for."""
        return self.colors.finished(image, frame)
