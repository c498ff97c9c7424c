"""Pictures on their way to a style: what the network under training must judge when it is used.

An optimizer leads an image where no photograph is, and furthest where the network errs. So a part
of every batch are images that are being optimized against the student itself, one step of descent a
step of training: each begins as a crop in the colors of another crop, its style, or as noise, and
is replaced after some steps. (A replay buffer, as Du and Mordatch 2019 keep for the samples of an
energy-based model.)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from gramarye.distillation.crops import CropSampler
from gramarye.pictures.color import match_color

ROUNDS = 4  # batches' worth of canvases that are kept
NOISE = 0.15  # share of the canvases that begin as noise
LIFE = 60  # steps of the longest
PACE = (0.004, 0.034)  # root mean square of a step


@final
@dataclass
class Canvas:
    """An image (3, S, S) that is being optimized, and where it is going."""

    image: Tensor
    style: Tensor
    life: int  # steps left
    pace: float


@final
class Replay:
    """The canvases by side; which are drawn depends on the seed and the step alone."""

    def __init__(self, crops: CropSampler, pixels: int, seed: int) -> None:
        self.crops, self.pixels, self.seed = crops, pixels, seed
        self.canvases: dict[int, list[Canvas]] = {}

    def draw(self, side: int, step: int) -> list[Canvas]:
        """Canvases of that side, with their styles `pixels` in all, but one at least."""
        generator = torch.Generator().manual_seed((self.seed * 1_000_003 + step + 1) % 2**63)
        count = max(1, round(self.pixels / side**2 / 2))
        kept = self.canvases.setdefault(side, [])
        kept += [self.begin(side, generator) for _ in range(ROUNDS * count - len(kept))]
        chosen = torch.randperm(len(kept), generator=generator)[:count].tolist()
        for index in chosen:
            if kept[index].life <= 0:
                kept[index] = self.begin(side, generator)
        return [kept[index] for index in chosen]

    def begin(self, side: int, generator: torch.Generator) -> Canvas:
        def draw() -> Tensor:
            index = int(torch.multinomial(self.crops.weights, 1, generator=generator))
            return self.crops.crop(self.crops.pictures[index], side, generator)

        life, pace, kind = torch.rand(3, generator=generator).tolist()
        style = draw()
        if kind < NOISE:
            noise = torch.randn(style.shape, generator=generator)
            image = (style.mean((2, 3), keepdim=True) + 0.25 * noise).clamp(0, 1)
        else:
            image = match_color(draw(), style, clamp=True)
        low, high = PACE
        pace = low + (high - low) * pace**2
        return Canvas(image[0], style[0], 1 + round((LIFE - 1) * life), pace)

    @torch.no_grad()
    def move(self, canvases: list[Canvas], gradients: Tensor) -> None:
        """Take one step down the gradients (B, 3, S, S) with each."""
        for canvas, gradient in zip(canvases, gradients.float(), strict=True):
            size = gradient.square().mean().sqrt()
            if size > 0 and size.isfinite():
                canvas.image = (canvas.image - canvas.pace / size * gradient).clamp(0, 1)
            canvas.life -= 1

    def state_dict(self) -> dict[str, list[dict[str, Any]]]:
        """What `load_state_dict` takes: a mere dict, to be saved."""
        return {str(side): [vars(c).copy() for c in kept] for side, kept in self.canvases.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take up the canvases; ValueError and its like if they are none."""
        self.canvases = {
            int(side): [read_canvas(canvas, int(side)) for canvas in kept]
            for side, kept in state.items()
        }


def read_canvas(state: Mapping[str, Any], side: int) -> Canvas:
    """A canvas that can be gone on with; ValueError and its like if it is none."""
    for image in (state["image"], state["style"]):
        if image.shape != (3, side, side) or image.dtype != torch.float32:
            raise ValueError("a canvas is of another size")
        if not ((image >= 0) & (image <= 1)).all():
            raise ValueError("a canvas is no image")
    if not (isinstance(state["life"], int) and 0 <= state["pace"] <= 1):
        raise ValueError("a canvas has no life or pace")
    return Canvas(**state)
