"""One picture to make: what of, where it goes, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

from gramarye.config import StylizeConfig
from gramarye.errors import SettingsError
from gramarye.files import user_path
from gramarye.jobs.checkpoint import Checkpoint
from gramarye.jobs.output import Output
from gramarye.pictures.picture import check_output
from gramarye.recipe import Recipe


@final
@dataclass(frozen=True)
class Job:
    """What to make, of which files by name, and where to put it.

    The inputs are called as in a recipe: content, style/0, style/1, init ... `keep` are further
    files not to overwrite. `memory` is the budget in bytes, in place of the config's.
    """

    inputs: Mapping[str, Path]
    out: Path
    config: StylizeConfig
    output: Output = field(default_factory=Output)
    keep: tuple[Path, ...] = ()
    resume: Checkpoint | None = None
    memory: int | None = None

    @property
    def read(self) -> tuple[Path, ...]:
        """All files that must not be overwritten."""
        weights = self.config.network.weights
        return (*self.inputs.values(), *self.keep, *([user_path(weights)] if weights else []))


@final
@dataclass(frozen=True)
class Report:
    """What became of a job; `stopped` says that it ended early."""

    output: Path
    seconds: float
    steps: int
    losses: dict[str, float]
    peak_memory_mib: float | None
    recipe: Recipe
    stopped: bool
    notes: tuple[str, ...]


def name_inputs(
    content: Path,
    styles: Sequence[Path],
    config: StylizeConfig,
    others: Mapping[str, Path] | None = None,
) -> dict[str, Path]:
    """The inputs of a job by name; the first image is the config's, if that is a file."""
    found = {"content": content, **{f"style/{i}": style for i, style in enumerate(styles)}}
    if config.picture.init_file is not None:
        found["init"] = Path(config.picture.init_file)
    return found | dict(others or {})


def check_targets(job: Job) -> None:
    """Raise what writing the files would raise."""
    for path in filter(None, (job.out, job.output.preview)):
        check_output(
            path,
            quality=job.output.quality,
            bit_depth=job.output.bit_depth if path == job.out else None,
            inputs=job.read,
        )


def check_shared_output(job: Job) -> None:
    """Raise SettingsError for what one process can do and several cannot."""
    refused = {
        "--preview": job.output.preview is not None,
        "--save-every": job.output.save_every is not None,
    }
    for option, given in refused.items():
        if given:
            raise SettingsError(
                f"{option} does not work on several processes: leave it out, or start one process"
            )
