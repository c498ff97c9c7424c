"""A small network that paints a photograph in any style, in one pass.

It begins with a photograph whose colors were matched to the style (Monge-Kantorovich) and adds to
it what is missing: strokes, texture, forms. What a style is, it is told by a code, means and
deviations of a perceptual network's channels, from which its gains, shifts, noise and depthwise
filters are predicted. Styles steer normalized features as in Dumoulin et al. (2017), Huang and
Belongie (AdaIN, 2017) and Ghiasi et al. (2017); predicted filters are AdaConv's (Chandran et al.
2021) without its predictor of 60 M weights; work at a quarter and an eighth of the size is as in
Johnson et al. (2016) and MicroAST (Wang et al. 2023). Differences: no normalization at full or half
size (it leaves halos and droplets), and seeded noise, so that a flat sky can have strokes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gramarye.feedforward.settings import AnyStyleConfig
from gramarye.networks.borders import channels_last, fold_border, interior, padded

EPSILON = 1e-3  # added to variances: features are of the order of one
CLIP = 4.0  # of the standardized statistics: a style unlike all others stays within reach

GRAIN = 0.3  # of noise, in deviations of a feature, at most
STEER = 0.1  # how much styles differ at first: what all have in common is learned before

Style = Sequence[Tensor]  # predicted for one or more styles, block by block, (B, n)


class _Mirrored(torch.autograd.Function):
    """Reflection padding that copies once each way; PyTorch's turns channels-last memory around."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return padded(x, "reflect", x.dtype)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        bordered = channels_last(gradients[0])
        if bordered is gradients[0]:
            bordered = bordered.clone()  # which may be read elsewhere
        fold_border(bordered, "reflect")
        return interior(bordered)


def mirrored(x: Tensor) -> Tensor:
    """x (B, C, H, W) with a border of one pixel, the mirror image of what lies inside it."""
    if torch.onnx.is_in_onnx_export():
        return F.pad(x, (1, 1, 1, 1), mode="reflect")
    found: Tensor = _Mirrored.apply(x)  # type: ignore[no-untyped-call]
    return found


def reflected(x: Tensor, conv: nn.Conv2d) -> Tensor:
    """A convolution over the mirrored border."""
    found: Tensor = conv(mirrored(x))
    return found


def depthwise(x: Tensor, filters: Tensor) -> Tensor:
    """Each image (B, C, H, W) and channel with its own 3 x 3 filter (B, C, 9), mirrored border."""
    batch, channels = x.shape[:2]
    kernels = filters.to(x.dtype).view(batch, channels, 1, 3, 3)
    images = torch.split(mirrored(x), 1)
    parts = [
        F.conv2d(image, kernel, groups=channels)
        for image, kernel in zip(images, kernels, strict=True)
    ]
    return parts[0] if len(parts) == 1 else torch.cat(parts)


def normalized(x: Tensor, gain: Tensor, shift: Tensor) -> Tensor:
    """Each channel with a mean and a deviation of its own, in place of those it has."""
    rows = x.permute(0, 2, 3, 1).flatten(1, 2).float()  # (B, h w, C), as they lie in memory
    mean = rows.mean(1)
    variance = (rows.square().mean(1) - mean.square()).clamp_min(0)
    scale = gain * (variance + EPSILON).rsqrt()
    offset = (shift - mean * scale).to(x.dtype)
    return torch.addcmul(offset[:, :, None, None], x, scale.to(x.dtype)[:, :, None, None])


def init(conv: nn.Conv2d, scale: float = 1.0) -> nn.Conv2d:
    fan = conv.weight[0].numel()
    nn.init.normal_(conv.weight, std=scale * math.sqrt(2 / fan))
    assert conv.bias is not None
    nn.init.zeros_(conv.bias)
    return conv


def identity_filters(channels: int) -> Tensor:
    """3 x 3 filters (C, 9) that leave a channel nearly as it is."""
    filters = 0.1 * torch.randn(channels, 9)
    filters[:, 4] += 1
    return filters


def steered(filters: Tensor, change: Tensor) -> Tensor:
    """Filters (C, 9), each changed by a style (B, 9, C) and of length one: (B, C, 9)."""
    return F.normalize(filters + torch.tanh(change).mT, dim=2)


@final
class Block(nn.Module):
    """A residual block that a style steers: convolve, normalize, filter, mix.

    If it is grainy, noise joins the normalized features: too weak to be seen beside a content's own
    forms, it is all there is in a flat sky.
    """

    def __init__(self, channels: int, code: int, *, grainy: bool) -> None:
        super().__init__()
        self.channels = channels
        self.first = init(nn.Conv2d(channels, channels, 3))
        self.last = init(nn.Conv2d(channels, channels, 1), 0.3)
        self.filters = nn.Parameter(identity_filters(channels))
        self.grain = nn.Parameter(0.5 * torch.randn(channels)) if grainy else None
        # Of the code, per channel: gain, shift, the last gain, nine of a filter, and grain.
        self.count = 13 if grainy else 12
        self.steer = nn.Linear(code, self.count * channels)
        nn.init.normal_(self.steer.weight, std=STEER / math.sqrt(code))
        nn.init.zeros_(self.steer.bias)

    def predict(self, code: Tensor) -> Tensor:
        found: Tensor = self.steer(code)
        return found

    def forward(self, x: Tensor, style: Tensor, noise: Tensor | None = None) -> Tensor:
        """Features (B, C, h, w), what `predict` says (B, n C), noise (B or 1, 1, h, w)."""
        steer = style.view(len(style), self.count, self.channels)
        gain, shift, last = steer[:, :3].unbind(1)
        h = normalized(reflected(x, self.first), 1 + torch.tanh(gain), shift)
        if self.grain is not None and noise is not None:
            strength = GRAIN * torch.tanh(self.grain + steer[:, 12])
            h = h + strength[:, :, None, None].to(h.dtype) * noise.to(h.dtype)
        h = depthwise(F.relu(h), steered(self.filters, steer[:, 3:12]))
        rest: Tensor = self.last(h) * (1 + torch.tanh(last))[:, :, None, None].to(h.dtype)
        return x + rest


@final
class AnyStyle(nn.Module):
    """The network; `statistics` is how many numbers describe a style (`feedforward.code`)."""

    center: Tensor
    spread: Tensor

    def __init__(
        self, config: AnyStyleConfig, statistics: int, channels: tuple[int, int, int]
    ) -> None:
        super().__init__()
        self.config = c = config
        self.register_buffer("center", torch.zeros(statistics))
        self.register_buffer("spread", torch.ones(statistics))
        self.read = nn.Linear(statistics, c.hidden)
        self.code = nn.Linear(c.hidden, c.code)
        for linear in (self.read, self.code):
            nn.init.normal_(linear.weight, std=math.sqrt(1 / linear.in_features))
            nn.init.zeros_(linear.bias)
        self.halve = init(nn.Conv2d(12, c.half, 3))
        self.quarter = init(nn.Conv2d(c.half, c.quarter, 3, stride=2))
        self.eighth = init(nn.Conv2d(c.quarter, c.eighth, 3, stride=2))
        self.felt = nn.ModuleList(
            init(nn.Conv2d(given, taken, 1), 0.7)
            for given, taken in zip(channels, (c.half, c.quarter, c.eighth), strict=True)
        )
        self.sown = nn.ModuleList(
            init(nn.Conv2d(given, taken, 1), 0.3)
            for given, taken in zip(channels[1:], (c.quarter, c.eighth), strict=True)
        )
        self.channels = channels
        self.large = nn.ModuleList(
            Block(c.eighth, c.code, grainy=False) for _ in range(c.eighth_blocks)
        )
        self.rise = init(nn.Conv2d(c.eighth, c.quarter, 1), 0.7)
        self.small = nn.ModuleList(
            Block(c.quarter, c.code, grainy=True) for _ in range(c.quarter_blocks)
        )
        self.open = init(nn.Conv2d(c.quarter, 4 * c.half, 3))
        self.detail = nn.Linear(c.code, 11 * c.half)
        nn.init.normal_(self.detail.weight, std=STEER / math.sqrt(c.code))
        nn.init.zeros_(self.detail.bias)
        self.filters = nn.Parameter(identity_filters(c.half))
        self.join = init(nn.Conv2d(c.half, c.half, 3))
        self.finish = init(nn.Conv2d(c.half, 12, 3), 0.02)  # a photograph, at first
        alike(self.open, 4)
        alike(self.finish, 4)

    @torch.no_grad()
    def whiten(self, statistics: Tensor) -> None:
        """Begin reading styles by what tells these (N, n) apart: all directions count the same.

        Most of the statistics say the same, how much contrast there is; what is left after that
        would hardly be seen.
        """
        rows = statistics.double()
        self.center.copy_(rows.mean(0))
        self.spread.copy_(rows.std(0).clamp_min(1e-4))
        standard = ((rows - self.center) / self.spread).clamp(-CLIP, CLIP)
        _, sizes, directions = torch.linalg.svd(standard, full_matrices=False)
        count = min(self.config.hidden, len(rows) - 1, len(directions))
        deviations = sizes[:count, None].clamp_min(1e-3 * sizes[0]) / math.sqrt(len(rows))
        self.read.weight[:count] = (directions[:count] / deviations).float()

    def groups(self, pace: float) -> list[dict[str, Any]]:
        """The parameters, and at their own pace those that read a style, which moves all others."""
        slow = [self.read, self.code, self.detail, *(block.steer for block in self.blocks())]
        of_style = [parameter for module in slow for parameter in module.parameters()]
        known = set(map(id, of_style))
        others = [parameter for parameter in self.parameters() if id(parameter) not in known]
        return [{"params": others, "pace": 1.0}, {"params": of_style, "pace": pace}]

    def blocks(self) -> list[Block]:
        return [*self.large, *self.small]

    def style(self, statistics: Tensor) -> list[Tensor]:
        """All that steers the network, of the statistics (B, n) of styles."""
        x = ((statistics - self.center) / self.spread).clamp(-CLIP, CLIP).to(self.center.dtype)
        code = F.leaky_relu(self.code(self.read(x).clamp(-CLIP, CLIP)), 0.2)
        return [*(block.predict(code) for block in self.blocks()), self.detail(code)]

    def noise(self, height: int, width: int, seed: int) -> list[Tensor]:
        """A map of noise for every grainy block, for a photograph of this size."""
        generator = torch.Generator().manual_seed(seed)
        shape = (1, 1, -(-height // 4), -(-width // 4))
        return [torch.randn(shape, generator=generator) for _ in self.small]

    def seeds(self, height: int, width: int, seed: int) -> list[Tensor]:
        """White noise at a quarter and an eighth of the size, for all channels of the features."""
        generator = torch.Generator().manual_seed(seed + 1)
        return [
            torch.randn((1, count, -(-height // part), -(-width // part)), generator=generator)
            for count, part in zip(self.channels[1:], (4, 8), strict=True)
        ]

    def forward(
        self,
        content: Tensor,
        felt: Sequence[Tensor],
        sown: Sequence[Tensor],
        style: Style,
        noise: Sequence[Tensor],
    ) -> Tensor:
        """A painting (B, 3, H, W) of contents of matched colors; sides are multiples of 8.

        `felt` are the contents' features carried over to the style's, at a half, a quarter and an
        eighth of the size; `sown` noise of the style's covariance, at a quarter and an eighth.
        """
        half = reflected(F.pixel_unshuffle(2 * content - 1, 2), self.halve)
        half = F.relu(half + self.felt[0](felt[0]))
        quarter = reflected(half, self.quarter) + self.felt[1](felt[1]) + self.sown[0](sown[0])
        quarter = F.relu(quarter)
        x = reflected(quarter, self.eighth) + self.felt[2](felt[2]) + self.sown[1](sown[1])
        x = F.relu(x)
        count = len(self.large)
        for block, steer in zip(self.large, style[:count], strict=True):
            x = block(x, steer)
        x = quarter + F.interpolate(self.rise(x), scale_factor=2, mode="nearest")
        for block, steer, grain in zip(self.small, style[count:-1], noise, strict=True):
            x = block(x, steer, grain)
        x = smoothed(F.pixel_shuffle(reflected(x, self.open), 2))
        steer = style[-1].view(len(content), 11, -1)
        gain, shift = steer[:, :2, :, None, None].to(x.dtype).unbind(1)
        x = F.relu(x * (1 + torch.tanh(gain)) + shift)
        x = half + depthwise(x, steered(self.filters, steer[:, 2:]))
        x = F.relu(reflected(x, self.join))
        return content + smoothed(F.pixel_shuffle(reflected(x, self.finish), 2)).float()


def smoothed(x: Tensor) -> Tensor:
    """Means of two by two pixels: what a shuffle of pixels makes has no pattern of two pixels."""
    return F.avg_pool2d(F.pad(x, (0, 1, 0, 1), mode="replicate"), 2, 1)


def alike(conv: nn.Conv2d, pixels: int) -> None:
    """Let all pixels of a shuffle begin alike, so that none sees a checkerboard (ICNR, 2017)."""
    weight = conv.weight.data
    weight.copy_(weight[::pixels].repeat_interleave(pixels, dim=0))
