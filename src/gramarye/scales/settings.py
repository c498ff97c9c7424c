"""The settings of the scales, from coarse to fine."""

from __future__ import annotations

from typing import ClassVar, final

from pydantic import Field

from gramarye.settings import Part


@final
class ScaleSettings(Part):
    """Through which sizes a picture grows, and in how many steps."""

    title: ClassVar[str] = "the scales"

    coarse_to_fine: bool = Field(
        True, description="grow the picture from scale to scale, or work at the result's size only"
    )
    min_size: int = Field(
        128, ge=16, le=65_536, description="longest side of the first, coarsest scale"
    )
    scale_factor: float = Field(
        2.0, ge=1.05, le=65_536, description="ratio of one scale to the next"
    )
    steps: int = Field(60, ge=1, le=1_000_000, description="steps at the first scale")
    finer_steps: int = Field(75, ge=0, le=1_000_000, description="steps at each later scale")
    step_decay: float = Field(
        0.75,
        gt=0,
        le=1,
        description="steps of a scale after the second, as a share of those of the one before",
    )
    grain: float = Field(
        1.0,
        ge=0,
        le=1,
        description="noise like the style's detail that an enlarged image gets, as a share of "
        "what it lacks",
    )
