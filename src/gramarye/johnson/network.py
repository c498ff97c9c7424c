"""The image transformation network of Johnson, Alahi and Fei-Fei (2016), for one style or several.

"Perceptual Losses for Real-Time Style Transfer and Super-Resolution", ECCV 2016, with the layers of
its supplement. Several styles share all convolutions and have gains and shifts of their own behind
each norm: conditional instance normalization (Dumoulin, Shlens, Kudlur 2017, "A Learned
Representation for Artistic Style").
"""

from __future__ import annotations

from collections.abc import Callable
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gramarye.johnson.settings import EPSILON, LOST, STRIDE, JohnsonConfig, Norm

MOMENTUM = 0.1  # of batch norm's running statistics

# The statistics that count at a norm, given its own of the picture: means and variances (B, C).
Statistics = tuple[Tensor, Tensor]
Counting = Callable[["ConditionalNorm", Callable[[], Statistics]], Statistics]


@final
class ConditionalNorm(nn.Module):
    """Normalizes channels, then gives them the gain and the shift of the style.

    Batch norm learns running statistics, which it uses outside training.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, channels: int, styles: int, kind: Norm) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(styles, channels))
        self.shift = nn.Parameter(torch.zeros(styles, channels))
        self.by_batch = kind == "batch"
        if self.by_batch:
            self.register_buffer("mean", torch.zeros(channels))
            self.register_buffer("variance", torch.ones(channels))

    def forward(self, x: Tensor, mix: Tensor, counting: Counting | None = None) -> Tensor:
        """x (B, C, H, W) in the styles mixed as `mix` (B, S) says.

        `counting` may put other statistics in the place of x's own: of all of a picture for its
        tiles, of a shot for its frames.
        """
        mean, variance = (
            self.statistics(x) if counting is None else counting(self, lambda: self.statistics(x))
        )
        gain = (mix @ self.gain) * (variance + EPSILON).rsqrt()  # (B, C)
        shift = mix @ self.shift - gain * mean
        return torch.addcmul(shift[:, :, None, None], gain[:, :, None, None], x)

    def statistics(self, x: Tensor) -> Statistics:
        """The means and variances (1 or B, C) that are x's own, or that were learned."""
        if not self.by_batch:
            return mean_and_variance(x.float(), (2, 3))
        if not self.training:
            return self.mean[None], self.variance[None]
        mean, variance = mean_and_variance(x.float(), (0, 2, 3))
        with torch.no_grad():
            self.mean.lerp_(mean[0], MOMENTUM)
            self.variance.lerp_(variance[0], MOMENTUM)
        return mean, variance


@final
class Residual(nn.Module):
    """Two convolutions, each with its norm, whose result is added; nothing after the sum.

    Where nothing is seen beyond the border, the result is two positions smaller on each side.
    """

    def __init__(self, channels: int, styles: int, config: JohnsonConfig) -> None:
        super().__init__()
        self.border = int(config.border == "everywhere")
        self.first, self.last = (nn.Conv2d(channels, channels, 3) for _ in range(2))
        self.first_norm, self.last_norm = (
            ConditionalNorm(channels, styles, config.norm) for _ in range(2)
        )

    def forward(self, x: Tensor, mix: Tensor, counting: Counting | None = None) -> Tensor:
        found = self.first(reflected(x, self.border))
        found = F.relu(self.first_norm(found, mix, counting))
        found = self.last_norm(self.last(reflected(found, self.border)), mix, counting)
        lost = 2 - 2 * self.border
        kept = x[..., lost : x.shape[-2] - lost, lost : x.shape[-1] - lost]
        return kept + found  # type: ignore[no-any-return]


@final
class Johnson(nn.Module):
    """From pictures (B, 3, H, W) in [0, 1] to paintings of that size; sides are multiples of 4."""

    def __init__(self, config: JohnsonConfig, styles: int) -> None:
        super().__init__()
        self.config, self.styles = config, styles
        whole, half, quarter = config.channels
        zeros = 1 if config.border == "start" else 0
        self.around = config.kernel // 2
        self.first = nn.Conv2d(3, whole, config.kernel, padding=self.around * zeros)
        self.down = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=2, padding=zeros) for a, b in ((whole, half), (half, quarter))
        )
        self.blocks = nn.ModuleList(Residual(quarter, styles, config) for _ in range(config.blocks))
        transposed = config.upsampling == "transposed"
        self.up = nn.ModuleList(
            nn.ConvTranspose2d(a, b, 3, stride=2, padding=1, output_padding=1)
            if transposed
            else nn.Conv2d(a, b, 3, padding=zeros)
            for a, b in ((quarter, half), (half, whole))
        )
        self.last = nn.Conv2d(whole, 3, config.kernel, padding=self.around * zeros)
        widths = (whole, half, quarter, half, whole)
        self.norms = nn.ModuleList(ConditionalNorm(w, styles, config.norm) for w in widths)
        self.border = 1 - zeros

    @property
    def margin(self) -> int:
        """Pixels that a painted pixel sees on each side, rounded up to a multiple of the stride."""
        seen = 2 * self.around + (1 + 2) + LOST * len(self.blocks) + (2 + 2) + STRIDE
        return -(-seen // STRIDE) * STRIDE

    def forward(self, images: Tensor, mix: Tensor, counting: Counting | None = None) -> Tensor:
        """Paintings in [0, 1], in the styles mixed as `mix` (B, S) says."""
        norms = iter(self.norms)
        x = 2 * images - 1
        if not self.border:
            x = reflected(x, LOST * len(self.blocks))
        x = F.relu(next(norms)(self.first(reflected(x, self.border * self.around)), mix, counting))
        for down in self.down:
            x = F.relu(next(norms)(down(reflected(x, self.border)), mix, counting))
        for block in self.blocks:
            x = block(x, mix, counting)
        for up in self.up:
            if self.config.upsampling == "nearest":
                x = reflected(F.interpolate(x, scale_factor=2.0, mode="nearest"), self.border)
            x = F.relu(next(norms)(up(x), mix, counting))
        x = self.last(reflected(x, self.border * self.around))
        painted: Tensor = (1 + torch.tanh(x.float())) / 2
        return painted


def mean_and_variance(x: Tensor, over: tuple[int, ...]) -> Statistics:
    """Means and variances (1 or B, C) over some dimensions of x (B, C, H, W).

    PyTorch's `var_mean` takes many times as long for channels-last pictures.
    """
    mean = x.mean(over, keepdim=True)
    variance = (x - mean).square().mean(over, keepdim=True)
    return mean[..., 0, 0], variance[..., 0, 0]


def reflected(x: Tensor, amount: int) -> Tensor:
    """x (B, C, H, W) with its mirror image around it, again and again where it is smaller."""
    while amount > 0:
        step = min(amount, x.shape[-2] - 1, x.shape[-1] - 1)
        if step < 1:
            return F.pad(x, (amount,) * 4, mode="replicate")
        x = F.pad(x, (step,) * 4, mode="reflect")
        amount -= step
    return x


def one_of(styles: int, which: int, count: int = 1) -> Tensor:
    """The mix (count, styles) that is one style alone."""
    mix = torch.zeros(count, styles)
    mix[:, which] = 1
    return mix
