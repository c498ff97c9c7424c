"""How a job's picture is written; apart from the job, so that a command line can offer it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import final


@final
@dataclass(frozen=True)
class Output:
    """How the picture is written, and what is written meanwhile."""

    quality: int = 95
    strip: bool = False
    bit_depth: int | None = None
    preview: Path | None = None
    save_every: int | None = None  # steps
    checkpoint_every: float = 300.0  # seconds; 0 is never
