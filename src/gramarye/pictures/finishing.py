"""What is done to a picture before it is painted and after: each 0 by default, which is nothing.

All but `denoised` change each pixel by itself, and by the rows of the content around it: strips of
rows give the same picture as the whole. Sizes of grain, threads and detail are in proportion to the
longest side, so that a picture made again larger looks alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from gramarye.pictures.color import luminance
from gramarye.pictures.guided import guided_filter
from gramarye.pictures.settings import FinishingSettings

Rows = tuple[int, int]
STRIP = 1 << 20  # pixels of a strip
NOISE_RADIUS, NOISE_EPS = 1 / 256, 0.1**2  # of denoising: a share of the longest side; a variance
DETAIL_RADIUS, DETAIL_EPS = 1 / 64, 0.1**2
GRAIN_PERIOD = 512  # pixels after which film grain repeats
GRAIN_SIZE = 1 / 2000  # a grain's radius, of the longest side
GRAIN = 0.08  # its deviation in mid-gray
THREADS, RELIEF = 160, 0.35  # of a canvas: along the longest side, and how much light they catch
LEAST_THREAD = 3.0  # pixels: a thread of fewer cannot be seen as one
UNEVEN = 0.35  # how much the threads' thickness varies


def denoised(content: Tensor, amount: float) -> Tensor:
    """A content (1, 3, H, W) without fine noise, its edges kept; unchanged for 0.

    Each channel by the guided filter with itself as the guide. What varies less than a tenth of
    the range, times the amount, is noise.
    """
    if amount == 0:
        return content
    radius = reach(content.shape[-2:], NOISE_RADIUS)
    result = torch.empty_like(content)
    for top, low in strips(*content.shape[-2:]):
        around, inner = with_margin(top, low, content.shape[-2], 2 * radius)
        part = content[..., around[0] : around[1], :].transpose(0, 1)  # (3, 1, h, W)
        smooth = guided_filter(part, part, radius, NOISE_EPS * amount**2).transpose(0, 1)
        result[..., top:low, :] = smooth[..., inner[0] : inner[1], :]
    return result


def finished(
    image: Tensor,
    settings: FinishingSettings,
    content: Callable[[Rows], Tensor] | None,
    seed: int,
) -> Tensor:
    """The image (1, 3, H, W) with detail, contrast, canvas and film grain, in [0, 1].

    In place, strip by strip. `content` gives some rows of the content at the image's size; where
    there is none, there is no detail to bring back.
    """
    if not settings.any:
        return image
    size = image.shape[-2], image.shape[-1]
    grain = film_grain(size, seed) if settings.film_grain else None
    weave = Canvas(size, seed) if settings.canvas else None
    for top, low in strips(*size):
        part = image[..., top:low, :]
        if settings.detail and content is not None:
            part += settings.detail * detail_of(content, top, low, size).to(part)
        if settings.contrast:
            part += settings.contrast * (curved(part.clamp_(0, 1)) - part)
        if weave is not None:
            part *= 1 + settings.canvas * weave.rows(top, low).to(part)
        if grain is not None:
            part += settings.film_grain * grained(part, grain, top)
        part.clamp_(0, 1)
    return image


def curved(image: Tensor) -> Tensor:
    """3 x^2 - 2 x^3: darker below the middle, lighter above, and black, middle and white as is."""
    return image * image * (3 - 2 * image)


def detail_of(content: Callable[[Rows], Tensor], top: int, low: int, size: Rows) -> Tensor:
    """Some rows of the content's fine light and dark (1, 1, h, W): what the guided filter, with
    the luminance as its own guide, takes away.
    """
    radius = reach(size, DETAIL_RADIUS)
    around, inner = with_margin(top, low, size[0], 2 * radius)
    light = luminance(content(around))
    fine = light - guided_filter(light, light, radius, DETAIL_EPS)
    return fine[..., inner[0] : inner[1], :]


def film_grain(size: Rows, seed: int) -> Tensor:
    """Soft noise of mean 0 and deviation 1 (1, 1, P, P) that goes on at its other side."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(1, 1, GRAIN_PERIOD, GRAIN_PERIOD, generator=generator)
    sigma = max(size) * GRAIN_SIZE
    waves = torch.fft.fftfreq(GRAIN_PERIOD)
    square = waves[:, None].square() + waves[None, : GRAIN_PERIOD // 2 + 1].square()
    soft = torch.exp(-2 * (math.pi * sigma) ** 2 * square)  # a bell of that radius
    grain = torch.fft.irfft2(torch.fft.rfft2(noise) * soft, s=(GRAIN_PERIOD, GRAIN_PERIOD))
    grain -= grain.mean()
    unit: Tensor = grain / grain.std()
    return unit


def grained(part: Tensor, grain: Tensor, top: int) -> Tensor:
    """The grain of rows from `top` on (1, 1, h, W): most in middle tones, none in black and white.

    The variance of a film's density is so, of grains that are there or not: as x (1 - x).
    """
    light = luminance(part.clamp(0, 1))
    rows = (top + torch.arange(part.shape[-2])) % GRAIN_PERIOD
    columns = torch.arange(part.shape[-1]) % GRAIN_PERIOD
    pattern = grain[..., rows[:, None], columns].to(part)
    return GRAIN * pattern * 4 * light * (1 - light)


class Canvas:
    """The light on a plain weave of threads, one over and one under, of uneven thickness.

    A height of cos^2 across each thread and along its arch, lit from above and left: what is
    added to a picture's light is the height's slope, whose mean is 0.
    """

    def __init__(self, size: Rows, seed: int) -> None:
        self.width = size[1]
        self.pitch = max(LEAST_THREAD, max(size) / THREADS)
        generator = torch.Generator().manual_seed(seed)
        count = math.ceil(max(size) / self.pitch) + 2
        self.thick = 1 + UNEVEN * (2 * torch.rand(2, count, generator=generator) - 1)

    def rows(self, top: int, low: int) -> Tensor:
        """Relief of some rows (1, 1, h, W), from -RELIEF to RELIEF but for the thickest threads."""
        y = (torch.arange(top, low, dtype=torch.float32) + 0.5)[:, None] / self.pitch
        x = (torch.arange(self.width, dtype=torch.float32) + 0.5)[None] / self.pitch
        row, column = y.long(), x.long()
        over = (row + column) % 2 == 0  # the thread from top to bottom lies above
        slope_x, slope_y = (torch.sin(2 * math.pi * t) for t in (x, y))
        arch_x, arch_y = (torch.sin(math.pi * t).square() for t in (x, y))
        down = self.thick[0][column] * (slope_x * arch_y + 0.5 * slope_y * arch_x)
        across = self.thick[1][row] * (slope_y * arch_x + 0.5 * slope_x * arch_y)
        return (RELIEF * torch.where(over, down, across))[None, None]


def reach(size: Rows | torch.Size, share: float) -> int:
    return max(1, round(max(size) * share))


def strips(height: int, width: int) -> Iterator[Rows]:
    """The rows of strips that together are the picture."""
    rows = max(1, STRIP // width)
    return ((top, min(top + rows, height)) for top in range(0, height, rows))


def with_margin(top: int, low: int, height: int, margin: int) -> tuple[Rows, Rows]:
    """The rows with a margin, as far as there are such, and where among them the strip is."""
    start, end = max(0, top - margin), min(height, low + margin)
    return (start, end), (top - start, low - start)
