"""How a job's picture is written; apart from the job, so that a command line can offer it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, final

from pydantic import ConfigDict, Field

RUNTIMES = ("auto", "torch", "onnx")  # what computes a picture of one pass
SUFFIX = ".checkpoint"  # of what a run goes on from
PATHS = ("preview", "cube")  # further files that are written


@final
@dataclass(frozen=True)
class Output:
    """How the picture is written, and what is written meanwhile."""

    # The ranges are for what is read from a checkpoint.
    quality: Annotated[int, Field(ge=1, le=100)] = 95
    strip: bool = False
    bit_depth: Literal[8, 16] | None = None
    preview: Path | None = None
    cube: Path | None = None  # where the color map goes besides, as a table
    save_every: Annotated[int, Field(ge=1)] | None = None  # steps
    # seconds; 0 is never
    checkpoint_every: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 300.0

    __pydantic_config__ = ConfigDict(extra="forbid")
