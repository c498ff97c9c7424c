"""The settings of a network that takes any style, and of its training; no PyTorch here."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal, final

from pydantic import Field

from gramarye.settings import LayerWeights, Part

# What a style is told by: means and deviations of these layers' channels, from color to forms of
# some hundred pixels. At half its size a painting's large forms are seen as sharply as its strokes.
CODE_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu3_1/2", "relu4_1/2")

# Where features are carried over to the style's: at a half, a quarter and an eighth of the size.
TRANSPORTED = ("relu2_1", "relu3_1", "relu4_1")

# The layers of the default's style loss; here each is measured by its own way to go, and a plain
# mean over the layers would leave the deep ones behind.
STYLE_LAYERS = {
    "relu1_1": 0.5,
    "relu2_1": 0.5,
    "relu3_1": 2.0,
    "relu3_1/2": 2.0,
    "relu4_1/2": 1.5,
    "relu4_1/4": 0.5,
}
CONTENT_LAYERS = {"relu4_2/2": 2.0, "relu3_1": 1.0}

Width = Annotated[int, Field(ge=1, le=1024)]
Side = Annotated[int, Field(ge=128, le=2048)]  # relu4_1 at a quarter of the size needs as much


@final
class AnyStyleConfig(Part):
    """The shape of the network (`feedforward.network`)."""

    title: ClassVar[str] = "the network"

    half: Width = Field(24, description="channels at half of the picture's size")
    quarter: Width = Field(64, description="channels at a quarter")
    eighth: Width = Field(96, description="channels at an eighth")
    quarter_blocks: int = Field(4, ge=0, le=64, description="residual blocks at a quarter")
    eighth_blocks: int = Field(3, ge=0, le=64, description="residual blocks at an eighth")
    code: Width = Field(72, description="numbers a style becomes")
    hidden: Width = Field(80, description="directions in which styles are told apart")


@final
class FeedForwardConfig(Part):
    """Everything that decides what a training of the network makes."""

    title: ClassVar[str] = "the training"

    network: AnyStyleConfig = AnyStyleConfig()
    sides: tuple[Side, ...] = Field(
        (128, 192, 256), min_length=1, description="crop sides in pixels; each step draws one"
    )
    pixels: int = Field(
        140_000,
        ge=16_384,
        le=10**9,
        description="pixels of a step: the smaller its crops, the more pairs",
    )
    style_side: Side = Field(192, description="side of the styles' crops, in pixels")
    style_layers: LayerWeights = Field(STYLE_LAYERS, description="layers of the style loss")
    content_layers: LayerWeights = Field(CONTENT_LAYERS, description="of the content loss")
    style: float = Field(12.0, ge=0, le=1e6, description="weight of the style loss")
    content: float = Field(1.0, ge=0, le=1e6, description="weight of the content loss")
    identity: float = Field(4.0, ge=0, le=1e6, description="weight of a style painted as itself")
    outside: float = Field(100.0, ge=0, le=1e6, description="weight of colors out of range")
    smooth: float = Field(1.0, ge=0, le=1e6, description="weight of the total variation")
    floor: float = Field(
        0.05,
        ge=0,
        le=1,
        description="the least way to go that a style loss is measured by, as a share of the "
        "style's distance from black",
    )
    mixtures: float = Field(0.25, ge=0, le=1, description="share of pairs with two styles")
    learning_rate: float = Field(1e-3, gt=0, le=1, description="Adam's rate after the warm-up")
    style_pace: float = Field(
        1.0, gt=0, le=1, description="share of the rate for the weights that read a style"
    )
    warmup: int = Field(100, ge=0, le=10**9, description="steps of linear warm-up")
    plateau: int = Field(
        4000, ge=1, le=10**9, description="steps after which the rate falls as 1 / sqrt(step)"
    )
    average: float = Field(0.999, ge=0, lt=1, description="decay of the averaged weights (EMA)")
    seed: int = Field(0, ge=0, lt=2**63, description="seed of weights, crops and noise")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="what convolutions are computed in; weights stay float32"
    )

    def rate(self, step: int) -> float:
        """The learning rate at a step: warm-up, plateau, then the inverse square root of the step.

        No last step is needed to know it, so that a training can always be made longer.
        """
        fall = math.sqrt(self.plateau / max(step, self.plateau))
        return self.learning_rate * min((step + 1) / max(self.warmup, 1), 1.0) * fall
