"""How far the colors of two pictures are apart, as people see it."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

QUANTILES = 1024

# From linear sRGB to the cones, and from their cube roots to OKLab (Ottosson 2020).
_CONES = (
    (0.4122214708, 0.5363325363, 0.0514459929),
    (0.2119034982, 0.6806995451, 0.1073969566),
    (0.0883024619, 0.2817188376, 0.6299787005),
)
_OKLAB = (
    (0.2104542553, 0.7936177850, -0.0040720468),
    (1.9779984951, -2.4285922050, 0.4505937099),
    (0.0259040371, 0.7827717662, -0.8086757660),
)


def oklab(image: Tensor) -> Tensor:
    """The image (B, 3, H, W), sRGB in [0, 1], in OKLab: lightness, and two axes of hue.

    Bjorn Ottosson (2020), A perceptual color space for image processing. Lightness is 0 to 1; the
    axes run from green to red and from blue to yellow. Equal distances look equally large.
    """
    linear = torch.where(
        image <= 0.04045, image / 12.92, ((image.clamp_min(0) + 0.055) / 1.055).pow(2.4)
    )
    cones = torch.einsum("ij,bjhw->bihw", image.new_tensor(_CONES), linear)
    roots = cones.clamp_min(0).pow(1 / 3)
    return torch.einsum("ij,bjhw->bihw", image.new_tensor(_OKLAB), roots)


def palette_distance(image: Tensor, other: Tensor) -> float:
    """Sliced 2-Wasserstein distance of the colors of two images (1, 3, H, W) in OKLab.

    sqrt(3 mean_d W_2(<x, d>, <y, d>)^2) over 16 directions d (Rabin, Peyre, Delon and Bernot 2011,
    section 2). Theirs is without the 3, by which a mere shift of all colors counts as its length:
    0 is the same palette, whatever its places, and 1 is black against white. Sizes may differ:
    W_2 is taken between 1,024 quantiles of either.
    """
    directions = even_directions().to(image)
    ours, theirs = (quantiles(directions @ oklab(x)[0].flatten(1)) for x in (image, other))
    return math.sqrt(3 * float((ours - theirs).square().mean()))


def quantiles(values: Tensor) -> Tensor:
    """The quantiles (D, QUANTILES) at (i + 1/2) / QUANTILES of values (D, N)."""
    count = values.shape[-1]
    at = (torch.arange(QUANTILES, dtype=torch.float64) + 0.5) / QUANTILES * count - 0.5
    at = at.clamp(0, count - 1)
    lower = at.floor().long()
    upper = (lower + 1).clamp(max=count - 1)
    ordered = values.sort(dim=-1).values
    found: Tensor = torch.lerp(ordered[:, lower], ordered[:, upper], (at - lower).to(values))
    return found


def even_directions() -> Tensor:
    """The 6 axes of an icosahedron and the 10 of its dodecahedron (16, 3), of length 1.

    The mean of d d^T is I / 3, so that no direction of color counts more than another.
    """
    golden = (1 + math.sqrt(5)) / 2
    corners = [(0.0, 1.0, golden), (0.0, 1.0, -golden)]
    dodecahedron = [(0.0, 1 / golden, golden), (0.0, 1 / golden, -golden)]
    points = (*corners, *dodecahedron)
    turned = [point[i:] + point[:i] for i in range(3) for point in points]
    cube = [(1.0, a, b) for a in (1.0, -1.0) for b in (1.0, -1.0)]
    return F.normalize(torch.tensor([*turned, *cube], dtype=torch.float32))
