"""The settings of a distillation; apart from the training, so that --help needs no torch."""

from __future__ import annotations

import math
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, ValidationError, model_validator

from gramarye.errors import SettingsError, did_you_mean
from gramarye.networks.layers import vgg_layers
from gramarye.settings import Part
from gramarye.validation import Problem, first_problem, whole_problem

# The layers a student learns from its teachers.
TARGETS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1")

# The style layers, and how often each one's gradient is the one that is taught: the deeper it is,
# the further it is from the teacher's.
GRADIENT_SHARES = {
    "relu1_1": 0.05,
    "relu2_1": 0.1,
    "relu3_1": 0.25,
    "relu4_1": 0.3,
    "relu5_1": 0.3,
}

Channels = Annotated[int, Field(ge=1, le=4096)]
Side = Annotated[int, Field(ge=32, le=4096)]  # reflection at relu5_1 needs 32 pixels


class DistillConfig(Part):
    """Everything that decides which network comes out of a training run."""

    title: ClassVar[str] = "the training"

    blocks: tuple[tuple[Channels, ...], ...] = Field(
        ((16, 16), (32, 48), (96, 64, 64, 64), (128, 128, 128, 128), (256,)),
        description="channels of every convolution, block by block",
    )
    padding: Literal["reflect", "replicate"] = Field(
        "reflect", description="what a convolution sees beyond the border"
    )
    pooling: Literal["max", "avg", "l2"] = Field("max", description="max, avg or l2 pooling")
    steps: int = Field(20_000, ge=1, le=10**9, description="training steps")
    pixels: int = Field(
        60_000, ge=4096, le=10**8, description="pixels of a batch, shared by its crops"
    )
    crops: tuple[Side, ...] = Field(
        (96, 112, 128, 160, 192),
        min_length=1,
        max_length=1000,
        description="crop sides in pixels; each batch draws one",
    )
    learning_rate: float = Field(2e-3, gt=0, le=1, description="AdamW's rate after the warm-up")
    hints: float = Field(
        0.3, ge=0, le=1000, description="weight of the errors at a narrow teacher's own layers"
    )
    measures: float = Field(
        0.3, ge=0, le=1000, description="weight of the errors of the linear heads that are shipped"
    )
    gradient: float = Field(
        1.0, ge=0, le=1000, description="weight of the style gradient's agreement with the teacher"
    )
    gradient_pixels: int = Field(
        40_000,
        ge=2048,
        le=10**8,
        description="pixels of the pictures being optimized, and of their styles, in a batch",
    )
    warmup: int = Field(200, ge=0, le=10**9, description="steps of linear warm-up")
    decay: float = Field(
        0.4, ge=0, le=1, description="last share of the steps, in which the rate falls to zero"
    )
    weight_decay: float = Field(1e-4, ge=0, le=1, description="AdamW's decoupled weight decay")
    average: float = Field(0.999, ge=0, lt=1, description="decay of the averaged weights (EMA)")
    seed: int = Field(0, ge=0, lt=2**63, description="seed of the weights and of the crops")
    bfloat16: bool = Field(False, description="convolve in bfloat16 (weights stay float32)")

    @model_validator(mode="after")
    def check_blocks(self) -> Self:
        missing = sorted(set(TARGETS) - set(vgg_layers(self.blocks)))
        if missing or len(self.blocks) > 5:
            wanted = "five blocks, of at least 1, 1, 1, 2 and 1 convolutions, such as "
            wanted += "16,16/32,32/64,64/128,128/256"
            raise whole_problem(Problem(("blocks",), self.blocks, wanted))
        return self

    def rate(self, step: int) -> float:
        """The learning rate at a step: linear warm-up, a plateau, a cosine down to zero."""
        left = (self.steps - step) / max(self.decay * self.steps, 1)
        fall = 1.0 if left >= 1 else 0.5 - 0.5 * math.cos(math.pi * max(left, 0.0))
        return self.learning_rate * min((step + 1) / max(self.warmup, 1), 1.0) * fall


def make_distill_config(**settings: Any) -> DistillConfig:
    """The settings, with defaults for the others; SettingsError says what is wrong with one."""
    for name in settings:
        if name not in DistillConfig.model_fields:
            hint = did_you_mean(name, DistillConfig.model_fields)
            raise SettingsError(f"unknown setting {name!r}{hint}")
    try:
        return DistillConfig(**settings)
    except ValidationError as error:
        problem = first_problem(error, DistillConfig)
        first = str(problem.path[0])
        raise SettingsError(problem.of_setting(first, problem.path[1:]), setting=first) from error
