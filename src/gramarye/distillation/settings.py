"""The settings of a distillation; apart from the training, so that --help needs no torch."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import BaseModel, Field


class DistillConfig(BaseModel, frozen=True, extra="forbid"):
    """Everything that decides which network comes out of a training run."""

    blocks: tuple[tuple[int, ...], ...] = Field(
        ((16, 16), (32, 32), (96, 64, 64, 64), (128, 128, 128, 128), (256,)),
        description="channels of every convolution, block by block",
    )
    padding: Literal["reflect", "replicate"] = Field(
        "reflect", description="what a convolution sees beyond the border"
    )
    pooling: Literal["max", "avg", "l2"] = Field("max", description="max, avg or l2 pooling")
    steps: int = Field(20_000, ge=1, description="training steps")
    pixels: int = Field(150_000, ge=4096, description="pixels of a batch, shared by its crops")
    crops: tuple[int, ...] = Field(
        (96, 112, 128, 160, 192), description="crop sides in pixels; each batch draws one"
    )
    learning_rate: float = Field(3e-3, gt=0, description="AdamW's rate after the warm-up")
    warmup: int = Field(200, ge=0, description="steps of linear warm-up")
    decay: float = Field(
        0.4, ge=0, le=1, description="last share of the steps, in which the rate falls to zero"
    )
    weight_decay: float = Field(1e-4, ge=0, description="AdamW's decoupled weight decay")
    average: float = Field(0.999, ge=0, lt=1, description="decay of the averaged weights (EMA)")
    seed: int = Field(0, ge=0, description="seed of the weights and of the crops")
    bfloat16: bool = Field(False, description="convolve in bfloat16 (weights stay float32)")

    def rate(self, step: int) -> float:
        """The learning rate at a step: linear warm-up, a plateau, a cosine down to zero."""
        left = (self.steps - step) / max(self.decay * self.steps, 1)
        fall = 1.0 if left >= 1 else 0.5 - 0.5 * math.cos(math.pi * max(left, 0.0))
        return self.learning_rate * min((step + 1) / max(self.warmup, 1), 1.0) * fall
