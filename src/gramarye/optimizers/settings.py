"""The settings of the optimizer."""

from __future__ import annotations

from typing import ClassVar, Literal, final

from pydantic import Field

from gramarye.settings import Part


@final
class OptimizerSettings(Part):
    """How the pixels are moved."""

    title: ClassVar[str] = "the optimizer"

    name: Literal["lbfgs", "adam", "gradient-descent"] = Field(
        "lbfgs", alias="optimizer", description="how the pixels are moved"
    )
    learning_rate: float | None = Field(
        None,
        gt=0,
        le=1e6,
        description="step length (unset: 0.02 for Adam, else 1)",
    )
    history: int = Field(10, ge=1, le=1000, description="pairs L-BFGS remembers")
    # These three were compared with others: docs/quality.md, "How the default was found".
    step_limit: float = Field(
        0.03,
        gt=0,
        le=1e6,
        description="longest step of L-BFGS, root mean square over the pixels",
    )
    first_step: float = Field(
        0.02,
        ge=0,
        le=1e6,
        description="shortest first step of L-BFGS, root mean square over the pixels",
    )
    clip: float = Field(
        2.0,
        ge=0,
        le=1e6,
        description="bound of the gradient's entries in L-BFGS's directions, in root mean squares "
        "(0 is none)",
    )
    line_search: Literal["none", "strong-wolfe"] = Field("none", description="L-BFGS's line search")
    stop_change: float = Field(
        0.0,
        ge=0,
        description="end a scale when a step moves the image by less, root mean square over the "
        "pixels, mean of five steps (0 is never)",
    )
    average: float = Field(
        0.0, ge=0, lt=1, description="decay of the averaged image (Adam; 0 is no averaging)"
    )

    @property
    def rate(self) -> float:
        """The step length, as it was asked for or as suits the optimizer.

        Adam's steps are as long as its rate whatever the gradient: 0.02 is five 8-bit levels.
        """
        if self.learning_rate is not None:
            return self.learning_rate
        return 0.02 if self.name == "adam" else 1.0

    @property
    def searches(self) -> bool:
        """Whether a step looks at more than one image."""
        return self.name == "lbfgs" and self.line_search != "none"

    @property
    def remembers(self) -> bool:
        """Whether it is our L-BFGS, whose pairs may be kept in several ways."""
        return self.name == "lbfgs" and self.line_search == "none"
