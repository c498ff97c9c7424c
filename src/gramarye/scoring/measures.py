"""What a picture keeps of its content, and how it falls short, as formulas of pixels.

Images are (1, 3, H, W), sRGB in [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from gramarye.pictures.color import luminance
from gramarye.scoring.colors import oklab

LEVEL = 1 / 255  # of 8 bits: differences below it cannot be seen

SPECK = 2.5  # times its surroundings that a speck stands out by (docs/quality.md)
AWAY = 8  # pixels from a speck to its surroundings
BLOCK = 32  # pixels of a side of the pieces whose spectra are averaged
PERIODS = (2, 4)  # of the lattices that strides and pooling leave
FRAME = 8  # pixels
BESIDE = (2, 3, 4, 5)  # lines from a line to those it is compared with


def edges_kept(image: Tensor, content: Tensor) -> float | None:
    """The correlation of the gradient magnitudes of two luminances, averaged over 4 x 4 pixels.

    1 where all edges are those of the content, 0 where they have nothing to do with it; None where
    one of the two has no edges at all.
    """

    def edges(x: Tensor) -> Tensor:
        y = F.avg_pool2d(luminance(x), 4)
        dy, dx = y.diff(dim=-2)[..., :, 1:], y.diff(dim=-1)[..., 1:, :]
        magnitude = (dx.square() + dy.square()).sqrt().flatten().double()
        return magnitude - magnitude.mean()

    ours, theirs = edges(image), edges(content)
    scale = float(ours.norm() * theirs.norm())
    if scale <= 1e-9 * ours.numel():
        return None
    return float(ours @ theirs) / scale


def specks(image: Tensor) -> float:
    """Places per megapixel whose fine detail stands out from its surroundings by 2.5 times.

    Detail is x minus x smoothed by [1, 4, 6, 4, 1] / 16 in both directions; its size e is the root
    mean square, over 5 x 5 pixels, of its length in RGB. A place is where e is the greatest within
    AWAY pixels and more than 2.5 (s^2 + (2 levels)^2)^(1/2), s being the second greatest e of the
    eight places AWAY pixels from there: of a line, two of the eight are as strong as the place
    itself, so that lines are none. The same is counted in the image shrunk by two, where nothing
    was counted before. Honest detail is counted too, such as an eye or a far light: compare with
    the number of the content and of the style.
    """
    fine = speck_places(image)
    coarse = speck_places(F.avg_pool2d(image, 2))
    near = F.max_pool2d(fine.float(), 2 * AWAY + 1, 2, AWAY)[..., : coarse.shape[-2], :]
    coarse &= near[..., : coarse.shape[-1]] == 0
    return 1e6 * float(fine.sum() + coarse.sum()) / (image.shape[-2] * image.shape[-1])


def speck_places(image: Tensor) -> Tensor:
    """Where the finest detail stands out (1, 1, H, W); nothing within AWAY pixels of the border."""
    energy = F.avg_pool2d(finest_detail(image).square().sum(1, keepdim=True), 5, 1, 2)
    height, width = energy.shape[-2:]
    places = torch.zeros_like(energy, dtype=torch.bool)
    if min(height, width) <= 2 * AWAY:
        return places

    def moved(dy: int, dx: int) -> Tensor:
        rows, columns = slice(AWAY + dy, height - AWAY + dy), slice(AWAY + dx, width - AWAY + dx)
        return energy[..., rows, columns]

    steps = (-AWAY, 0, AWAY)
    around = torch.cat([moved(dy, dx) for dy in steps for dx in steps if dy or dx], dim=1)
    second = around.topk(2, dim=1).values[:, 1:]
    here = moved(0, 0)
    side = 2 * AWAY + 1
    greatest = F.max_pool2d(F.max_pool2d(energy, (side, 1), 1), (1, side), 1)
    stands_out = here > SPECK**2 * (second + (2 * LEVEL) ** 2)
    places[..., AWAY : height - AWAY, AWAY : width - AWAY] = stands_out & (here == greatest)
    return places


def finest_detail(image: Tensor) -> Tensor:
    """The image minus itself smoothed by a binomial of five pixels in both directions."""
    smooth = F.pad(image, (2, 2, 2, 2), mode="reflect")
    for dim in (-1, -2):
        length = smooth.shape[dim] - 4
        parts = [smooth.narrow(dim, i, length) for i in range(5)]
        smooth = (parts[0] + parts[4] + 4 * (parts[1] + parts[3]) + 6 * parts[2]) / 16
    return image - smooth


def color_noise(image: Tensor, styles: Sequence[Tensor]) -> float:
    """How many times as much color the image has in its finest detail as the styles have.

    The root mean square of the fine detail (as in `specks`) of R, G and B minus the luminance,
    over that of the styles together, which counts as a quarter of a level at least. Pictures stored
    with half the resolution for color, as most JPEGs are, have little of it.
    """
    wanted = sum(float(fine_color(style).square().mean()) for style in styles) / len(styles)
    return float(fine_color(image).square().mean().sqrt()) / max(math.sqrt(wanted), LEVEL / 4)


def fine_color(image: Tensor) -> Tensor:
    return finest_detail(image - luminance(image))


def checkerboard(image: Tensor) -> float:
    """How strong the strongest lattice of period 2 or 4 is, against frequencies next to it.

    P is the mean power spectrum of the luminance in blocks of 32 x 32 pixels, 16 apart, each minus
    its mean and under a Hann window. The result is the greatest P(f) / exp(mean log P(g)) over the
    frequencies f of the lattices (multiples of 1/4 in both directions but for 0), g being those
    three steps of 1/32 from f in any direction or, where f lies on an axis, three and four steps
    along it, as pictures have more energy there. About 1 without a lattice. For a checkerboard of
    +-a in white noise of variance s^2 it is 1 + (64 a / 3 s)^2. Rounding to 8 bits counts as noise.
    """
    power = mean_spectrum(luminance(image)[0, 0])
    lattice = [
        (u, v)
        for u in range(0, BLOCK, BLOCK // PERIODS[-1])
        for v in range(0, BLOCK // 2 + 1, BLOCK // PERIODS[-1])
        if (u, v) != (0, 0)
    ]
    logs = power.log()
    ratios = [logs[f] - torch.stack([logs[g] for g in next_to(*f)]).mean() for f in lattice]
    return math.exp(float(torch.stack(ratios).max()))


def next_to(u: int, v: int) -> list[tuple[int, int]]:
    """The frequencies (of a whole spectrum of BLOCK x BLOCK) that one on a lattice is held to."""
    if u == 0 or v == 0:
        steps = [(0, d) if u == 0 else (d, 0) for d in (-4, -3, 3, 4)]
    else:
        steps = [(a, b) for a in range(-3, 4) for b in range(-3, 4) if max(abs(a), abs(b)) == 3]
    return [((u + a) % BLOCK, (v + b) % BLOCK) for a, b in steps]


def mean_spectrum(plane: Tensor) -> Tensor:
    """The power (BLOCK, BLOCK) by frequency of a plane (H, W), with the noise of 8 bits in it."""
    short = [max(0, BLOCK - side) for side in plane.shape]
    plane = F.pad(plane[None, None], (0, short[1], 0, short[0]), mode="replicate")[0, 0].double()
    hann = torch.hann_window(BLOCK, dtype=torch.float64, device=plane.device)
    window = hann[:, None] * hann
    total, count = torch.zeros_like(window), 0
    for top in range(0, plane.shape[0] - BLOCK + 1, BLOCK // 2):
        blocks = (
            plane[top : top + BLOCK].unfold(1, BLOCK, BLOCK // 2).transpose(0, 1)
        )  # (N, 32, 32)
        blocks = blocks - blocks.mean(dim=(1, 2), keepdim=True)
        total += torch.fft.fft2(blocks * window).abs().square().sum(0)
        count += len(blocks)
    return total / count + LEVEL**2 / 12 * window.square().sum()


def haze(image: Tensor, styles: Sequence[Tensor]) -> float:
    """How much of the styles' contrast of light and dark areas is missing.

    1 - r / r', where r is the range from the 5 % to the 95 % quantile of the luminance averaged
    over squares of a 64th of the longest side, and r' its mean over the styles. A veil that mixes
    a share a of gray, white or black into the style is a haze of a; 0 is none; below 0, the picture
    has more contrast.
    """
    wanted = sum(map(area_range, styles)) / len(styles)
    return (wanted - area_range(image)) / max(wanted, LEVEL)


def area_range(image: Tensor) -> float:
    side = max(1, max(image.shape[-2:]) // 64)
    areas = F.avg_pool2d(luminance(image), side, ceil_mode=True, count_include_pad=False).flatten()
    low, high = torch.quantile(areas, areas.new_tensor([0.05, 0.95])).tolist()
    return float(high - low)


def border(image: Tensor) -> float:
    """How unlike the outermost 8 pixels are, in units of how unlike such frames are further in.

    Frames 8 pixels wide lie inside each other, as many as fit into a half of the image. Each is
    described by its mean color in OKLab, its deviation of lightness and the root mean square of
    its fine detail; d_k is the distance of frame k and the next. The result is d_0 over the median
    of the others: about 1 where the border is like the rest; distances below a level of 8 bits
    count as one. 1 for an image too small for three frames.
    """
    colors, detail = oklab(image), finest_detail(image)
    height, width = image.shape[-2:]
    count = min(height, width) // 2 // FRAME // 2 + 1
    if count < 3:
        return 1.0
    frames = [described(colors, detail, k * FRAME) for k in range(count)]
    jumps = (torch.stack(frames[1:]) - torch.stack(frames[:-1])).norm(dim=1).clamp_min(LEVEL)
    return float(jumps[0] / jumps[1:].median())


def described(colors: Tensor, detail: Tensor, inset: int) -> Tensor:
    """Mean color, deviation of lightness, strength of detail (5,) of the frame begun there."""

    def frame(x: Tensor) -> Tensor:
        height, width = x.shape[-2:]
        x = x[..., inset : height - inset, inset : width - inset]
        top, middle, bottom = x[..., :FRAME, :], x[..., FRAME:-FRAME, :], x[..., -FRAME:, :]
        sides = (middle[..., :FRAME], middle[..., -FRAME:])
        return torch.cat([part.flatten(2) for part in (top, bottom, *sides)], dim=2)[0]

    inside = frame(colors)  # (3, N)
    strength = frame(detail).square().mean().sqrt()
    return torch.cat([inside.mean(1), torch.stack([inside[0].std(correction=0), strength])])


def seam(image: Tensor, *, row: int | None = None, column: int | None = None) -> float:
    """The strongest jump along any straight line across the whole image: see `jumps`.

    With `row` or `column`, from 1 on, the jump along the line just before it: of a texture of side
    N rolled by half, that before N / 2 is where it was joined. Pictures without a seam have 1 to 3
    at their strongest line; a horizon or a frame is a straight line, too.
    """
    rows, columns = jumps(image)
    if row is None and column is None:
        return float(torch.cat([rows, columns]).max())
    given = [found[at - 1] for found, at in ((rows, row), (columns, column)) if at is not None]
    return float(torch.stack(given).max())


def jumps(image: Tensor) -> tuple[Tensor, Tensor]:
    """How much stronger each line's jump is than those beside it: rows (H - 1,), columns (W - 1,).

    With d(x, y) the RGB distance of a pixel from its right neighbor, a column's number is
    exp(mean_y (log d(x, y) - mean_k log d(x +- k, y))) over k = 2 ... 5, so that one jump of one
    pixel's width has both its sides, and neither counts against it. Number i stands for the line
    between i and i + 1. Logarithms make it the typical jump along the line: an edge that takes a
    tenth of the line counts for a tenth. Distances have half a level of 8 bits added.
    """
    columns = line_jumps(image)
    return line_jumps(image.transpose(2, 3)), columns


def line_jumps(image: Tensor) -> Tensor:
    """`jumps` of the columns alone."""
    logs = (image.diff(dim=-1).square().sum(1).sqrt() + LEVEL / 2).log()[0].mean(0)  # (W - 1,)
    reach = max(BESIDE)
    padded = F.pad(logs, (reach, reach), value=math.nan)  # what lies outside does not count
    shifted = [padded.roll(d)[reach:-reach] for k in BESIDE for d in (k, -k)]
    typical = torch.stack(shifted).nanmean(0)
    found: Tensor = (logs - typical).nan_to_num(0.0).exp()  # 1 where nothing lies beside
    return found
