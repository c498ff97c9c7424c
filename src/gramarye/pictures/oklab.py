"""OKLab (Ottosson, "A perceptual color space for image processing", 2020): equal steps look equal.

L is from 0 for black to 1 for white; of grays, a and b are 0. The matrices are the author's.
"""

from __future__ import annotations

import torch
from torch import Tensor

_CONES = ((0.4122214708, 0.5363325363, 0.0514459929),
          (0.2119034982, 0.6806995451, 0.1073969566),
          (0.0883024619, 0.2817188376, 0.6299787005))  # fmt: skip
_LAB = ((0.2104542553, 0.7936177850, -0.0040720468),
        (1.9779984951, -2.4285922050, 0.4505937099),
        (0.0259040371, 0.7827717662, -0.8086757660))  # fmt: skip


def to_oklab(image: Tensor) -> Tensor:
    """(B, 3, ...) sRGB in [0, 1] as L, a and b."""
    linear = torch.where(image <= 0.04045, image / 12.92, ((image + 0.055) / 1.055) ** 2.4)
    cones = _mixed(_CONES, linear)
    return _mixed(_LAB, cones.clamp_min(0).pow(1 / 3))


def from_oklab(lab: Tensor) -> Tensor:
    """(B, 3, ...) L, a and b as sRGB; outside [0, 1] where sRGB has no such color."""
    cones = _mixed(torch.linalg.inv(torch.tensor(_LAB, dtype=torch.float64)), lab).pow(3)
    linear = _mixed(torch.linalg.inv(torch.tensor(_CONES, dtype=torch.float64)), cones)
    curved = 1.055 * linear.clamp_min(0).pow(1 / 2.4) - 0.055
    return torch.where(linear <= 0.0031308, 12.92 * linear, curved)


def _mixed(matrix: object, image: Tensor) -> Tensor:
    return torch.einsum("ij,bj...->bi...", torch.as_tensor(matrix).to(image), image)
