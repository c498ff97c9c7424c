"""One picture to make: what of, where it goes, and what is told about it."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

from gramarye.cli.output import Output
from gramarye.config import StylizeConfig
from gramarye.jobs.checkpoint import Checkpoint
from gramarye.pictures.picture import check_output
from gramarye.progress import show_seconds
from gramarye.recipe import Recipe


@final
@dataclass(frozen=True)
class Job:
    """What to make, of what, and where to put it. `keep` are further files not to overwrite."""

    content: Path
    styles: tuple[Path, ...]
    out: Path
    config: StylizeConfig
    output: Output = field(default_factory=Output)
    keep: tuple[Path, ...] = ()
    resume: Checkpoint | None = None
    memory: int | None = None  # the budget in bytes, in place of the config's


@final
@dataclass(frozen=True)
class Report:
    """What became of a job; `stopped` says that it was asked to end early."""

    output: Path
    seconds: float
    steps: int
    losses: dict[str, float]
    peak_memory_mib: float | None
    recipe: Recipe
    stopped: bool
    notes: tuple[str, ...]


def check_targets(job: Job) -> None:
    """Raise what writing the files would raise."""
    inputs = (job.content, *job.styles, *job.keep)
    for path in filter(None, (job.out, job.output.preview)):
        check_output(
            path,
            quality=job.output.quality,
            bit_depth=job.output.bit_depth if path == job.out else None,
            inputs=inputs,
        )


def tell(report: Report, as_json: bool) -> int:
    """Say what came out, and return the exit code."""
    for note in report.notes:
        print(f"note: {note}", file=sys.stderr)
    print(summary(report), file=sys.stderr)
    print(json.dumps(as_dict(report)) if as_json else report.output)
    return 130 if report.stopped else 0


def summary(report: Report) -> str:
    memory = "" if report.peak_memory_mib is None else f", {report.peak_memory_mib:.0f} MiB"
    stopped = "stopped: the picture so far, " if report.stopped else ""
    return (
        f"{stopped}{report.recipe.width} × {report.recipe.height} pixels, {report.steps} steps, "
        f"{show_seconds(report.seconds)}{memory}"
    )


def as_dict(report: Report) -> dict[str, object]:
    """The report as --json prints it."""
    return {
        "output": str(report.output),
        "width": report.recipe.width,
        "height": report.recipe.height,
        "seconds": round(report.seconds, 3),
        "steps": report.steps,
        "stopped": report.stopped,
        "losses": report.losses,
        "peak_memory_mib": report.peak_memory_mib and round(report.peak_memory_mib, 1),
        "network": report.recipe.network,
        "seed": report.recipe.settings.seed,
        "recipe": report.recipe.model_dump(mode="json"),
    }
