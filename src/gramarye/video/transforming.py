"""What paints the frames of a clip by a Johnson network, which has its style in itself.

Its norms take means and variances over the shot in the place of each frame's own: were they the
frame's, a hand that comes into the picture would change all of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import torch
from torch import Tensor

from gramarye.config import StylizeConfig
from gramarye.finishing import finish
from gramarye.inputs.inputs import Input, Inputs
from gramarye.johnson.network import ConditionalNorm, Johnson, Statistics
from gramarye.losses.statistics import Moments
from gramarye.pictures.finishing import denoised
from gramarye.plan import run_device
from gramarye.transformed import transform_image
from gramarye.video.shot_averages import ShotAverages


@final
class TransformedFrames:
    """Paints frames in the order of the clip, as `FramePainter` does."""

    def __init__(self, network: Johnson, config: StylizeConfig) -> None:
        self.config, self.device = config, run_device(config)
        self.network = network.to(self.device)
        self.averages = ShotAverages()
        self.names = {module: name for name, module in self.network.named_modules()}

    def new_shot(self) -> None:
        """Forget the frames before."""
        self.averages.forget()

    @torch.no_grad()
    def paint(self, frame: Tensor) -> Tensor:
        """The frame (1, 3, H, W) painted, before what `finished` does."""
        self.averages.next_frame()
        content = denoised(frame.to(self.device), self.config.picture.denoise)
        return transform_image(self.network, {"content": content}, self.config, self.over_shot)

    def over_shot(self, norm: ConditionalNorm, own: Callable[[], Statistics]) -> Statistics:
        """A norm's means and variances (1, C) over the shot so far."""
        mean, variance = own()
        second = torch.diag_embed(variance) + mean[:, :, None] * mean[:, None, :]
        found = Moments(second, mean, torch.ones_like(mean[:, 0]))
        kept = self.averages.averaged(self.names[norm], found)
        return kept.mean(), torch.diagonal(kept.covariance(), dim1=1, dim2=2).clamp_min(0)

    def finished(self, image: Tensor, frame: Tensor) -> Tensor:
        """A painted image in the colors and with the finish asked for."""
        inputs = Inputs({"content": Input.of(frame.to(image.device))}, self.config.picture)
        return finish(image, inputs, self.config).cpu()
