"""What became of a job, said on standard output and standard error."""

from __future__ import annotations

import json
import sys

from gramarye.jobs.job import Report
from gramarye.units import counted, show_seconds, show_size


def tell(report: Report | None, as_json: bool) -> int:
    """Say what came out, and return the exit code; processes without a report say nothing."""
    if report is None:
        return 0
    for note in report.notes:
        print(f"note: {note}", file=sys.stderr)
    print(summary(report), file=sys.stderr)
    print(json.dumps(as_dict(report)) if as_json else report.output)
    return 130 if report.stopped else 0


def summary(report: Report) -> str:
    memory = "" if report.peak_memory_mib is None else f", {report.peak_memory_mib:.0f} MiB"
    stopped = "stopped: the picture so far, " if report.stopped else ""
    return (
        f"{stopped}{show_size(report.recipe.width, report.recipe.height)} pixels, "
        f"{counted(report.steps, 'step')}, "
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
        "seed": report.recipe.settings.picture.seed,
        "recipe": report.recipe.model_dump(mode="json"),
    }
