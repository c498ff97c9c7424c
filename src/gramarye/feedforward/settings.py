"""The settings of a network that takes any style, and of its training; no PyTorch here."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal, final

from pydantic import Field, field_validator, model_validator

from gramarye.settings import Part
from gramarye.validation import not_allowed

# The layers of the default's style loss, by which held-out paintings are measured.
STYLE_LAYERS = {
    "relu1_1": 0.5,
    "relu2_1": 0.5,
    "relu3_1": 2.0,
    "relu3_1/2": 2.0,
    "relu4_1/2": 1.5,
    "relu4_1/4": 0.5,
}
CONTENT_LAYERS = {"relu4_2/2": 2.0, "relu3_1": 1.0}

SHIPPED = "instant"  # the painter that comes with the package
OPTIMIZER = "optimizer"  # no painter

# What decides the maps of features (`feedforward.transport`).
RIDGE = 0.02  # of the mean variance, added to all: what hardly varies is not blown up
ROUNDING = 1e-5  # of the mean square, likewise
LARGEST = 4.0  # times a direction of features is stretched at most
MULTIPLE = 64  # of pixels that a painter's sides are: an eighth of the size, seen at an eighth
LEAST = 16  # pixels of a part's shorter side: below, there is next to nothing to see

Width = Annotated[int, Field(ge=1, le=1024)]
Blocks = Annotated[int, Field(ge=0, le=16)]
Side = Annotated[int, Field(ge=128, le=2048)]  # relu4_1 at a quarter of the size needs as much


@final
class PaintingSettings(Part):
    """What paints."""

    title: ClassVar[str] = "the picture"

    by: str = Field(
        OPTIMIZER,
        alias="painter",
        description="what paints: optimizer (the image itself is optimized, step by step), instant "
        "(the network that comes with gramarye, in one pass) or the file of a network of one's own",
    )

    twice: float = Field(
        2.5,
        alias="painter_twice",
        ge=0,
        le=5000,
        description="megapixels, of the picture or of a part of its size, up to which the network "
        "takes a second step there; of more, one step that goes further",
    )

    @property
    def is_on(self) -> bool:
        """Whether a network paints."""
        return self.by != OPTIMIZER

    @property
    def file(self) -> Path | None:
        """The file of a network of one's own."""
        return Path(self.by) if self.by not in (OPTIMIZER, SHIPPED) else None


@final
class StepConfig(Part):
    """The shape of a step: the layers it hears of, deep ones first, and its channels."""

    title: ClassVar[str] = "a step"

    layers: tuple[str, ...] = Field(
        min_length=1, description="layers whose features it moves, deep ones first"
    )
    widths: tuple[Width, ...] = Field(description="channels at the size of each layer")
    blocks: tuple[Blocks, ...] = Field(description="residual blocks at the size of each layer")

    @model_validator(mode="after")
    def consistent(self) -> StepConfig:
        """One width and one number of blocks for every layer."""
        if not len(self.layers) == len(self.widths) == len(self.blocks):
            raise ValueError(
                f"of {len(self.layers)} layers there are {len(self.widths)} widths and "
                f"{len(self.blocks)} numbers of blocks: give one of each for every layer"
            )
        return self


@final
class PainterConfig(Part):
    """The shape of the network (`feedforward.network`), and the parts of the size it works at."""

    title: ClassVar[str] = "the network"

    coarse: StepConfig = StepConfig(
        layers=("relu4_1", "relu3_1", "relu2_1", "relu1_1"),
        widths=(128, 64, 32, 8),
        blocks=(2, 2, 1, 0),
    )
    fine: StepConfig = StepConfig(
        layers=("relu3_1", "relu2_1", "relu1_1"), widths=(64, 32, 8), blocks=(3, 1, 0)
    )
    parts: tuple[Literal[8, 4, 2, 1], ...] = Field(
        (8, 4, 4, 2, 2, 1, 1),
        max_length=16,
        description="parts of the size: a step, or several, at an eighth, up to the whole",
    )
    detail: float = Field(
        0.4, ge=0, le=1, description="share of the photograph's finer detail that joins at a part"
    )
    grain: float = Field(
        0.03, ge=0, le=1, description="noise added before coarse steps, so that skies have strokes"
    )

    @field_validator("parts")
    @classmethod
    def coarse_to_fine(cls, parts: tuple[int, ...]) -> tuple[int, ...]:
        """From coarse to fine, up to the whole size."""
        if parts[-1:] != (1,) or list(parts) != sorted(parts, reverse=True):
            raise not_allowed("parts of the size that go down to 1, such as 4, 2, 2, 1")
        return parts

    def layers(self, part: int) -> tuple[str, ...]:
        return self.fine.layers if part == 1 else self.coarse.layers


@final
class FeedForwardConfig(Part):
    """Everything that decides what a training of the network makes."""

    title: ClassVar[str] = "the training"

    network: PainterConfig = PainterConfig()
    sides: tuple[Side, ...] = Field(
        (256, 384, 512), min_length=1, description="crop sides in pixels; each step draws one"
    )
    fine_side: int = Field(
        320, ge=64, le=2048, description="side of the part of them that fine steps learn from"
    )
    pixels: int = Field(
        270_000,
        ge=16_384,
        le=10**9,
        description="pixels of a step: the smaller its crops, the more pairs",
    )
    style_side: Side = Field(448, description="side of the styles' crops, in pixels")
    match: float = Field(
        1.0, ge=0, le=1e6, description="weight of the distance from the wanted features"
    )
    style: float = Field(1.0, ge=0, le=1e6, description="weight of the style loss")
    emphasis: dict[str, Annotated[float, Field(ge=0, le=1e6)]] = Field(
        {}, description="weights of layers within the style loss; 1 where none is given"
    )
    deeper: tuple[str, ...] = Field(
        (), description="layers that the style loss of steps at a half or a quarter has besides"
    )
    taught: float = Field(
        1.0,
        ge=0,
        le=1e6,
        description="weight of the style loss as a teacher sees it, where there is one",
    )
    outside: float = Field(30.0, ge=0, le=1e6, description="weight of colors out of range")
    smooth: float = Field(1.0, ge=0, le=1e6, description="weight of the total variation")
    floor: float = Field(
        0.05,
        ge=0,
        le=1,
        description="the least way to go that a style loss is measured by, as a share of the "
        "style's distance from black",
    )
    learning_rate: float = Field(1e-3, gt=0, le=1, description="Adam's rate after the warm-up")
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


ALONE = 1.3  # times as far as the first of two steps is told to go, one that is to do for both


def steps_at(
    parts: Sequence[int], height: int, width: int, twice: float
) -> Iterator[tuple[int, float]]:
    """The parts of its size that an image has room for, and how much further each step is to go.

    A second step changes little and takes as long as the first. At a part of more than `twice`
    megapixels there is none, and the first goes further.
    """
    last = 0
    for part in parts:
        if part > 1 and min(height, width) < part * LEAST:
            continue
        large = height * width > twice * 1e6 * part**2
        if not large or part != last:
            yield part, ALONE if large and parts.count(part) > 1 else 1.0
        last = part


def reach(strength: float) -> float:
    """How far features are to be carried on their way to the style's: 0 to 2.

    All the way at the strength 0.5, where it comes nearest, measured on six pairs (told 0.8, 1,
    1.2, 1.3, 1.4 of it); beyond it, forms become bolder and not nearer.
    """
    return 2 * strength
