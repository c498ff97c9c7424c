"""Training crops: random, jittered, noisy views of a folder of pictures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor


class CropSampler:
    """Batches of crops (B, 3, S, S) in [0, 1], a function of the seed and the step alone.

    Generated images leave the photographs' manifold (they are noisy, oversaturated, flipped in
    tone), so the crops do too: flips, random zoom, gamma, color matrices and Gaussian noise.
    A file name's prefix up to "_" is its source; a source is drawn by the square root of its size.
    """

    def __init__(
        self, pictures: Mapping[Path, Tensor], pixels: int, sides: Sequence[int], seed: int
    ) -> None:
        self.pixels, self.sides, self.seed = pixels, tuple(sides), seed
        self.pictures = list(pictures.values())  # (3, H, W) uint8
        counts: dict[str, int] = {}
        sources = [f"{file.parent}/{file.name.split('_')[0]}" for file in pictures]
        for source in sources:
            counts[source] = counts.get(source, 0) + 1
        self.weights = torch.tensor([counts[source] ** -0.5 for source in sources])

    def batch(self, step: int) -> Tensor:
        generator = torch.Generator().manual_seed((self.seed * 1_000_003 + step) % 2**63)
        side = self.sides[int(torch.randint(len(self.sides), (), generator=generator))]
        count = max(1, round(self.pixels / side**2))
        chosen = torch.multinomial(self.weights, count, True, generator=generator)
        crops = [self.crop(self.pictures[int(i)], side, generator) for i in chosen]
        batch = torch.cat(crops)
        return batch.contiguous(memory_format=torch.channels_last)

    def crop(self, picture: Tensor, side: int, generator: torch.Generator) -> Tensor:
        def uniform(low: float, high: float) -> float:
            return low + (high - low) * float(torch.rand((), generator=generator))

        height, width = picture.shape[1:]
        # One crop in two is resampled: up to twice as large or small as the file's pixels.
        zoom = 2 ** uniform(-1, 1) if uniform(0, 1) < 0.5 else 1.0
        taken = min(round(side / zoom), height, width)
        top, left = (int(uniform(0, n - taken + 0.999)) for n in (height, width))
        crop = picture[None, :, top : top + taken, left : left + taken].float() / 255
        if taken != side:
            crop = F.interpolate(crop, size=(side, side), mode="bilinear", antialias=True)
        if uniform(0, 1) < 0.5:
            crop = crop.flip(-1)
        crop = crop.clamp(0, 1) ** math.exp(uniform(-0.5, 0.5))  # gamma
        if uniform(0, 1) < 0.4:
            mix = torch.eye(3) + 0.3 * torch.randn(3, 3, generator=generator)
            center = crop.mean((2, 3), keepdim=True)
            crop = center + torch.einsum("ij,bjhw->bihw", mix, crop - center)
        if uniform(0, 1) < 0.4:
            noise = torch.randn(crop.shape, generator=generator)
            crop = crop + uniform(0, 0.15) * noise
        return crop.clamp(0, 1)
