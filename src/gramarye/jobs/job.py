"""One picture to make: what of, where it goes, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, final

from gramarye.config import StylizeConfig
from gramarye.errors import SettingsError
from gramarye.files import user_path
from gramarye.jobs.output import Output
from gramarye.networks.cache import weights_path
from gramarye.networks.catalog import find_network
from gramarye.recipe import Recipe

if TYPE_CHECKING:
    from gramarye.jobs.checkpoint import Checkpoint

Runtime = Literal["auto", "torch", "onnx"]  # `jobs.output.RUNTIMES`


@final
@dataclass(frozen=True)
class Job:
    """What to make, of which files by name, and where to put it.

    The inputs are called as in a recipe: content, style/0, style/1, init ... `keep` are further
    files not to overwrite. A `new` result replaces no file: it takes the first free name like
    `out`. `memory` is the budget in bytes, in place of the config's. `runtime` is what
    computes a picture of one pass: PyTorch, ONNX Runtime, or that where it can (`jobs.at_once`).
    """

    inputs: Mapping[str, Path]
    out: Path
    config: StylizeConfig
    output: Output = field(default_factory=Output)
    keep: tuple[Path, ...] = ()
    new: bool = False
    resume: Checkpoint | None = None
    memory: int | None = None
    runtime: Runtime = "torch"

    @property
    def read(self) -> tuple[Path, ...]:
        """All files that must not be overwritten."""
        network = self.config.network
        weights = (
            Path(network.weights) if network.weights else weights_path(find_network(network.name))
        )
        files = [*self.inputs.values(), *self.keep, weights]
        if self.config.painter.file is not None:
            files.append(user_path(self.config.painter.file))
        if self.resume is not None:
            from gramarye.jobs.checkpoint import part_path  # with PyTorch

            run = self.resume.run
            files.append(self.resume.path)
            files += (part_path(self.resume.path, run.steps, i) for i in range(run.processes))
        return tuple(files)

    def at_home(self) -> Job:
        """The job with ~ in its paths as the home folder."""
        preview, cube = (
            path and user_path(path) for path in (self.output.preview, self.output.cube)
        )
        output = replace(self.output, preview=preview, cube=cube)
        inputs = {name: user_path(path) for name, path in self.inputs.items()}
        keep = tuple(user_path(path) for path in self.keep)
        return replace(self, inputs=inputs, out=user_path(self.out), output=output, keep=keep)


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
    content: Path | None,
    styles: Sequence[Path],
    config: StylizeConfig,
    others: Mapping[str, Path] | None = None,
) -> dict[str, Path]:
    """The inputs of a job by name; the first image is the config's, if that is a file.

    A texture has no content.
    """
    found = {} if content is None else {"content": content}
    found |= {f"style/{i}": style for i, style in enumerate(styles)}
    if config.picture.init_file is not None:
        found["init"] = Path(config.picture.init_file)
    return found | dict(others or {})


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
