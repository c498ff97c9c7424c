"""The matting Laplacian as a loss (Levin et al. 2008; Luan et al. 2017), without a matrix.

In each window of 3 x 3 pixels, an affine map of the content's colors is fitted to each channel of
the image; the loss is what is left of it, and a little for the map's size:

    J(v) = sum over windows k of  min over a, b of  sum over i in k of (v_i - a.I_i - b)^2 + eps a^2

which is v^T L v with Levin's Laplacian L. With box sums (He, Sun, Tang 2010) an evaluation takes
time in proportion to the pixels: a_k = (S_k + eps/9)^-1 cov_k(I, v), b_k = mean_k(v) - a_k.mu_k,
and (L v)_i is the sum over the windows of i of v_i - a_k.I_i - b_k.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, final

import torch
import torch.nn.functional as F
from torch import Tensor

from gramarye.tiles.regions import IMAGE, Box, Region, Sums, whole_region

EPS = 1e-4  # Levin et al. have 1e-7, of which nothing is left where windows are flat
WINDOW = 9  # pixels
MIDDLE = 0.5  # of the colors


@final
@dataclass(frozen=True)
class Guide:
    """What the windows of some pixels of the content (1, 3, h + 2, w + 2) say.

    It is measured in float64: variances are small differences of large sums.
    """

    pixels: Tensor
    mean: Tensor  # (1, 3, h, w), of each window
    inverse: Tensor  # (1, 3, 3, h, w), of its covariance with eps / 9 on the diagonal

    @classmethod
    def of(cls, content: Tensor, eps: float) -> Guide:
        content = content - MIDDLE
        pixels = precise(content)
        mean = box_sum(pixels) / WINDOW
        products = pixels[:, :, None] * pixels[:, None]  # (1, 3, 3, ...)
        covariance = box_sum(products) / WINDOW - mean[:, :, None] * mean[:, None]
        eye = torch.eye(3, dtype=pixels.dtype, device=pixels.device)
        inverse = torch.linalg.inv(covariance.movedim((1, 2), (-2, -1)) + eps / WINDOW * eye)
        found = (pixels, mean, inverse.movedim((-2, -1), (1, 2)))
        return cls(*(part.to(content.dtype).contiguous() for part in found))

    def apply(self, v: Tensor) -> Tensor:
        """L v of the image's pixels (B, 3, h + 2, w + 2), as the windows among them say."""
        v = v - MIDDLE  # which L does not see, and rounding is less
        mean = box_sum(v) / WINDOW
        both = box_sum(self.pixels[:, :, None] * v[:, None]) / WINDOW  # (B, guide, channel, h, w)
        covariance = both - self.mean[:, :, None] * mean[:, None]
        slopes = (self.inverse[:, :, :, None] * covariance[:, None]).sum(2)
        shift = mean - (slopes * self.mean[:, :, None]).sum(1)
        fitted = (box_spread(slopes) * self.pixels[:, :, None]).sum(1) + box_spread(shift)
        return box_spread(torch.ones_like(mean[:1, :1])) * v - fitted


@final
@dataclass(frozen=True)
class MattingLoss:
    """v^T L v of the image's channels, as a mean over its entries; L is the content's.

    Luan et al. sum, so that their weight (1e4) stands for more in larger pictures. Never negative,
    and nearly zero for any picture whose colors are, around every pixel, an affine map of the
    content's: what is left is eps times the map's square.
    """

    layer: ClassVar[str] = IMAGE
    separable: ClassVar[bool] = True

    content: Callable[[Box], Tensor]  # its pixels in a box of the whole
    eps: float = EPS
    last: dict[Box, Guide] = field(default_factory=dict, compare=False, repr=False)
    applied: list[tuple[Tensor, Tensor]] = field(default_factory=list, compare=False, repr=False)

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        image = features[IMAGE]
        return self.value(self.sums(image, whole_region(image)))

    def sums(self, features: Tensor, region: Region) -> Sums:
        """A tile's share: the windows around the pixels that it owns."""
        if (boxes := window_boxes(region)) is None:
            return (features.new_zeros(len(features)),)
        here, whole = boxes
        v = here.of(features)
        found = self.guide(whole).apply(v)
        self.applied[:] = [(features, found)]
        total = ((v - MIDDLE) * found).sum((1, 2, 3), dtype=precise(v).dtype).clamp_min(0)
        return ((total / entries(features, region)).to(features.dtype),)

    def value(self, sums: Sums) -> Tensor:
        return sums[0]

    @torch.no_grad()
    def add_gradient(self, into: Tensor, features: Tensor, region: Region, slopes: Sums) -> None:
        if (boxes := window_boxes(region)) is None:
            return
        here, whole = boxes
        slope = (2 * slopes[0] / entries(features, region))[:, None, None, None]
        applied, self.applied[:] = [*self.applied], []
        if applied and applied[0][0] is features:  # the loss of the same tile was asked for before
            found = applied[0][1]
        else:
            found = self.guide(whole).apply(here.of(features))
        here.of(into).add_((slope * found).to(into.dtype))

    def guide(self, box: Box) -> Guide:
        """The content's windows there, remembered until other ones are asked for."""
        found = self.last.get(box)
        if found is None:
            found = Guide.of(self.content(box), self.eps)
            self.last.clear()
            self.last[box] = found
        return found


def window_boxes(region: Region) -> tuple[Box, Box] | None:
    """The pixels of all windows whose middle a tile owns, in its own and in the whole image.

    None where there is no window: in an image of less than three pixels.
    """
    height, width = region.size
    own = region.whole
    top, bottom = max(own.top, 1) - 1, min(own.bottom, height - 1) + 1
    left, right = max(own.left, 1) - 1, min(own.right, width - 1) + 1
    if bottom - top < 3 or right - left < 3:
        return None
    y, x = region.inside.top - own.top, region.inside.left - own.left
    return Box(top + y, bottom + y, left + x, right + x), Box(top, bottom, left, right)


def box_sum(x: Tensor) -> Tensor:
    """The sum of each 3 x 3 window (..., h, w) of (..., h + 2, w + 2)."""
    rows = x[..., :-2, :] + x[..., 1:-1, :] + x[..., 2:, :]
    return rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]


def box_spread(x: Tensor) -> Tensor:
    """For each pixel (..., h + 2, w + 2), the sum over the windows (..., h, w) it is in."""
    return box_sum(F.pad(x, (2, 2, 2, 2)))


def precise(x: Tensor) -> Tensor:
    """In float64, where the device has it."""
    return x if x.device.type == "mps" else x.double()


def entries(features: Tensor, region: Region) -> int:
    """The numbers of the whole image."""
    return features.shape[1] * region.size[0] * region.size[1]
