"""When a run writes its checkpoints, where, and how a job is made of one again."""

from __future__ import annotations

import glob
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Protocol, final

from gramarye.distributed.processes import Processes
from gramarye.errors import CheckpointError, OutputError
from gramarye.files import check_readable, file_sha256, remove_parts, user_path
from gramarye.jobs.checkpoint import SUFFIX, Checkpoint, SavedRun, part_path, write_checkpoint
from gramarye.jobs.job import Job
from gramarye.jobs.output import Output
from gramarye.optimize import Iterate
from gramarye.optimizers.snapshot import Snapshot
from gramarye.recipe import Recipe


class CheckpointFiles(Protocol):
    """The files that a run's checkpoint is kept in."""

    @property
    def command(self) -> str:
        """What goes on from it, without its path."""

    def save(self, path: Path, run: SavedRun, snapshot: Snapshot) -> bool:
        """Write it, all or nothing; OutputError if that fails here, False if elsewhere."""

    def remove(self, path: Path) -> None:
        """Remove it: the run is done."""


@final
class OneFile:
    """The checkpoint of one process."""

    command = "gramarye resume"

    def save(self, path: Path, run: SavedRun, snapshot: Snapshot) -> bool:
        write_checkpoint(path, run, snapshot)
        return True

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)


@final
@dataclass(frozen=True)
class Parts:
    """The checkpoint of several processes, whose methods all of them call together.

    Each writes its part; when all are there, the first writes the file that names them.
    """

    processes: Processes

    @property
    def command(self) -> str:
        return f"torchrun --nproc-per-node {self.processes.size} -m gramarye resume"

    def save(self, path: Path, run: SavedRun, snapshot: Snapshot) -> bool:
        part = part_path(path, run.steps, self.processes.rank)
        run = run.model_copy(update={"processes": self.processes.size})
        # Other errors leave the part: who lost the others may have named it already.
        try:
            done = self.together(partial(write_checkpoint, part, run, snapshot)) and self.together(
                partial(self.name_parts, path, run, snapshot)
            )
        except OutputError:
            part.unlink(missing_ok=True)
            raise
        if done:
            self.remove_parts(path, but=part)
        else:
            part.unlink(missing_ok=True)
        return done

    def together(self, write: Callable[[], None]) -> bool:
        """Whether all processes could write; the error, where one could not."""
        try:
            write()
        except OutputError:
            self.processes.largest(1)
            raise
        return not self.processes.largest(0)[0]

    def name_parts(self, path: Path, run: SavedRun, snapshot: Snapshot) -> None:
        if self.processes.rank == 0:
            write_checkpoint(path, run, Snapshot(snapshot.step, {}, {}))

    def remove(self, path: Path) -> None:
        if self.processes.rank == 0:
            path.unlink(missing_ok=True)
        self.processes.largest(0)  # the file that names the parts goes first
        self.remove_parts(path)

    def remove_parts(self, path: Path, but: Path | None = None) -> None:
        """Remove this process's part of every checkpoint of the run, or of all but one."""
        name = f"{glob.escape(path.name)}.[0-9]*.{self.processes.rank}"
        for part in [*path.parent.glob(name), *path.parent.glob(f".{name}.????????.part")]:
            if part != but:
                part.unlink(missing_ok=True)


@final
class CheckpointKeeper:
    """The checkpoint of one run, beside its result: `photo.png` has `photo.png.checkpoint`."""

    def __init__(
        self, job: Job, recipe: Recipe, memory: int, start: float, processes: Processes
    ) -> None:
        self.job, self.recipe, self.memory, self.start = job, recipe, memory, start
        self.files: CheckpointFiles = OneFile() if processes.size == 1 else Parts(processes)
        self.path = job.out.with_name(job.out.name + SUFFIX)
        self.every = job.output.checkpoint_every
        self.next = time.perf_counter() + self.every
        self.way_on: tuple[str, ...] = ()  # how to go on from the last one written
        self.news: list[str] = []
        if job.resume:
            remove_parts(self.path)

    def due(self) -> bool:
        return bool(self.every) and time.perf_counter() >= self.next

    def take_news(self) -> tuple[str, ...]:
        """What a user should know about checkpoints since this was last asked."""
        news, self.news = tuple(self.news), []
        return news

    def write(self, iterate: Iterate, count: int) -> None:
        """Write one now; where the disk is full, the last good one stays."""
        snapshot = iterate.snapshot() if self.every else None
        if snapshot is None:
            return
        try:
            if self.files.save(self.path, self.describe(iterate, count), snapshot):
                self.way_on = (f"to go on from here: {self.files.command} '{self.path}'",)
        except OutputError as error:
            older = " (the one before is kept)" if self.path.exists() else ""
            self.news.append(f"no checkpoint{older}: {error}")
        self.next = time.perf_counter() + self.every

    def remove(self) -> None:
        """The run is done: nothing is left to go on from."""
        self.files.remove(self.path)

    def describe(self, iterate: Iterate, count: int) -> SavedRun:
        """The run as it is after this iterate, its `count`-th."""
        job = self.job
        output = {k: str(v) if isinstance(v, Path) else v for k, v in asdict(job.output).items()}
        weights = job.config.network.weights
        return SavedRun(
            recipe=self.recipe,
            inputs={name: str(path.absolute()) for name, path in job.inputs.items()},
            weights=weights and str(user_path(weights).absolute()),
            output=output,
            out=str(job.out.absolute()),
            memory=self.memory,
            scale=iterate.scale,
            step=iterate.step,
            steps=count,
            seconds=time.perf_counter() - self.start,
        )


def job_of(checkpoint: Checkpoint) -> Job:
    """The job a checkpoint was written by."""
    run = checkpoint.run
    output = dict(run.output)
    if output.get("preview"):
        output["preview"] = Path(output["preview"])
    return Job(
        {name: Path(path) for name, path in run.inputs.items()},
        Path(run.out),
        run.recipe.settings.with_settings(weights=run.weights),
        Output(**output),
        resume=checkpoint,
    )


def check_inputs(run: SavedRun) -> None:
    """Raise CheckpointError if an input or the weights are gone, or not what they were."""
    hashes = {Path(run.inputs[name]): file.sha256 for name, file in run.recipe.inputs.items()}
    if run.weights is not None and run.recipe.weights_sha256 is not None:
        hashes[Path(run.weights)] = run.recipe.weights_sha256
    for path, sha256 in hashes.items():
        advice = "put it back, or start the run again"
        if not os.path.isfile(path):  # noqa: PTH113 (which takes any name a checkpoint may hold)
            raise CheckpointError(f"'{path}' is gone: {advice}")
        check_readable(path, "input", advice, CheckpointError)
        if file_sha256(path) != sha256:
            raise CheckpointError(
                f"'{path}' has changed since the run began: put the old one back, or start again"
            )
