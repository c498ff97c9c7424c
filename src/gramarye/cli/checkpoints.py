"""When a run writes its checkpoints, and how a job is made of one again."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, final

from rich.console import Console

from gramarye.checkpoint import SUFFIX, Checkpoint, SavedRun, write_checkpoint
from gramarye.errors import OutputError
from gramarye.image_files.writing import remove_parts
from gramarye.optimize import Iterate
from gramarye.recipe import FIRST_IMAGES, Recipe

if TYPE_CHECKING:
    from gramarye.cli.job import Job


@final
class Checkpoints:
    """The checkpoint of one run, beside its result: `photo.png` has `photo.png.checkpoint`."""

    def __init__(
        self, job: Job, recipe: Recipe, memory: int, start: float, console: Console
    ) -> None:
        before = job.resume.run if job.resume else None
        self.steps = before.steps if before else 0
        self.job, self.recipe, self.memory, self.console = job, recipe, memory, console
        self.start = start - (before.seconds if before else 0)
        self.path = job.out.with_name(job.out.name + SUFFIX)
        self.due = time.perf_counter() + job.output.checkpoint_every
        self.notes: tuple[str, ...] = ()
        if before:
            remove_parts(self.path)

    def after(self, iterate: Iterate, steps: int) -> None:
        """Write one if it is time."""
        if self.job.output.checkpoint_every and time.perf_counter() >= self.due:
            self.write(iterate, steps)
            self.due = time.perf_counter() + self.job.output.checkpoint_every

    def write(self, iterate: Iterate, steps: int) -> None:
        """Write one now; a full disk is told, and leaves the last good one."""
        snapshot = iterate.snapshot() if self.job.output.checkpoint_every else None
        if snapshot is None:
            return
        job, config = self.job, self.job.config
        run = SavedRun(
            recipe=self.recipe,
            content=str(job.content.absolute()),
            styles=tuple(str(style.absolute()) for style in job.styles),
            init=None if config.init in FIRST_IMAGES else str(Path(config.init).absolute()),
            weights=config.weights and str(Path(config.weights).absolute()),
            output={
                name: str(v) if isinstance(v, Path) else v for name, v in asdict(job.output).items()
            },
            out=str(job.out.absolute()),
            memory=self.memory,
            scale=iterate.scale,
            step=iterate.step,
            steps=steps,
            seconds=time.perf_counter() - self.start,
        )
        try:
            write_checkpoint(self.path, run, snapshot)
        except OutputError as error:
            older = " (the one before is kept)" if self.path.exists() else ""
            self.console.print(f"note: no checkpoint{older}: {error}", markup=False, soft_wrap=True)
        else:
            told = f"to go on from here: gramarye resume '{self.path}'"
            self.notes = (told,)

    def remove(self) -> None:
        """The run is done: nothing is left to go on from."""
        self.notes = ()
        self.path.unlink(missing_ok=True)


def job_of(checkpoint: Checkpoint) -> Job:
    """The job a checkpoint was written by."""
    from gramarye.cli.job import Job
    from gramarye.cli.output import Output

    run = checkpoint.run
    settings = run.recipe.settings
    files = {"weights": run.weights, "init": run.init or settings.init}
    output = dict(run.output)
    if output.get("preview"):
        output["preview"] = Path(output["preview"])
    return Job(
        Path(run.content),
        tuple(Path(style) for style in run.styles),
        Path(run.out),
        settings.model_copy(update=files),
        Output(**output),
        resume=checkpoint,
    )
