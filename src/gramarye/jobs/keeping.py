"""When a run writes its checkpoints, where, and how a job is made of one again."""

from __future__ import annotations

import glob
import secrets
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Protocol, final

from gramarye.distributed.processes import Processes
from gramarye.errors import CheckpointError, InputError, OutputError
from gramarye.files import (
    check_readable,
    file_sha256,
    folded,
    is_file,
    is_there,
    remove_parts,
    user_path,
)
from gramarye.jobs.checkpoint import (
    Checkpoint,
    SavedRun,
    part_path,
    path_of,
    path_text,
    run_id,
    write_checkpoint,
)
from gramarye.jobs.files import state_of
from gramarye.jobs.job import Job
from gramarye.jobs.names import checkpoint_path
from gramarye.jobs.output import PATHS, Output
from gramarye.optimize import Iterate
from gramarye.optimizers.snapshot import Snapshot
from gramarye.recipe import Recipe


class CheckpointFiles(Protocol):
    """The files that a run's checkpoint is kept in."""

    @property
    def command(self) -> str:
        """What goes on from it, without its path."""

    def save(self, path: Path, run: SavedRun, snapshot: Snapshot) -> bool:
        """Write it, all or nothing; an error if that fails here, False if elsewhere."""

    def remove(self, path: Path) -> None:
        """Remove it: the run is done."""


@final
class OneFile:
    """The checkpoint of one process."""

    command = "gramarye resume"

    def save(self, path: Path, run: SavedRun, snapshot: Snapshot) -> bool:
        write_checkpoint(path, run, snapshot, new=not is_there(path))
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
        except (InputError, OutputError):
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
        except (InputError, OutputError):
            self.processes.largest(1)
            raise
        return not self.processes.largest(0)[0]

    def name_parts(self, path: Path, run: SavedRun, snapshot: Snapshot) -> None:
        if self.processes.rank == 0:
            named = Snapshot(snapshot.step, {}, {})
            write_checkpoint(path, run, named, new=not is_there(path))

    def remove(self, path: Path) -> None:
        try:
            if self.processes.rank == 0:
                path.unlink(missing_ok=True)
        finally:
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
    """The checkpoint of one run, beside its result: `photo.png` has `photo.png.checkpoint`.

    Another run's checkpoint of that name is left as it is, and this run's gets a number.
    """

    def __init__(
        self, job: Job, recipe: Recipe, memory: int, start: float, processes: Processes
    ) -> None:
        self.job, self.recipe, self.memory, self.start = job, recipe, memory, start
        self.processes = processes
        self.files: CheckpointFiles = OneFile() if processes.size == 1 else Parts(processes)
        # The largest of what all have drawn, so that they agree.
        (drawn,) = processes.largest(secrets.randbits(62))
        self.id = job.resume.run.run_id if job.resume else f"{drawn:016x}"
        self.number = 1 if job.resume is None else number_of(job.resume.path, job.out)
        self.path = checkpoint_path(job.out, self.number)
        self.every = job.output.checkpoint_every
        self.next = time.perf_counter() + self.every
        self.way_on: tuple[str, ...] = ()  # how to go on from the last one written
        if job.resume is not None:
            self.way_on = self.way_from(job.resume.path)
        self.news: list[str] = []
        if self.every:
            self.find_name()
        if processes.rank == 0:
            remove_parts(self.path)
            remove_parts(job.out)

    def find_name(self) -> None:
        """Take another name where another run's checkpoint has this one."""
        number = self.number
        if self.processes.rank == 0:
            while is_there(path := checkpoint_path(self.job.out, number)):
                if run_id(path) == self.id:
                    break
                number += 1
        (number,) = self.processes.largest(number)
        if number != self.number:
            others, self.number = self.path, number
            self.path = checkpoint_path(self.job.out, number)
            self.news.append(
                f"'{others}' is another run's and is left as it is: this run's checkpoint is "
                f"'{self.path}'"
            )

    def due(self) -> bool:
        return bool(self.every) and time.perf_counter() >= self.next

    def take_news(self) -> tuple[str, ...]:
        """What a user should know about checkpoints since this was last asked."""
        news, self.news = tuple(self.news), []
        return news

    def write(self, iterate: Iterate, count: int) -> None:
        """Write one now; where the disk is full, the last good one stays."""
        snapshot = iterate.snapshot() if self.every else None
        if snapshot is not None:
            self.save(iterate, count, snapshot)
        self.next = time.perf_counter() + self.every

    def write_end(self, iterate: Iterate, count: int) -> None:
        """Write one of which nothing is left to do but the picture, asked for or not."""
        numbers = {"last": True, "losses": dict(iterate.losses)}
        self.save(iterate, count, Snapshot(iterate.step, {"image": iterate.moved}, numbers))

    def save(self, iterate: Iterate, count: int, snapshot: Snapshot) -> None:
        self.find_name()
        try:
            if self.files.save(self.path, self.describe(iterate, count), snapshot):
                self.way_on = self.way_from(self.path)
        except (InputError, OutputError) as error:
            older = " (the one before is kept)" if self.way_on else ""
            self.news.append(f"no checkpoint{older}: {error}")

    def way_from(self, path: Path) -> tuple[str, ...]:
        return (f"to go on from here: {self.files.command} '{path}'",)

    def remove(self) -> None:
        """The run is done: nothing is left to go on from."""
        (ours,) = self.processes.largest(int(run_id(self.path) == self.id))
        try:
            if ours:
                self.files.remove(self.path)
        except OSError as error:
            self.news.append(f"'{self.path}' could not be removed ({error.strerror})")

    def describe(self, iterate: Iterate, count: int) -> SavedRun:
        """The run as it is after this iterate, its `count`-th."""
        job = self.job
        output = asdict(job.output)
        output |= {name: path_text(output[name]) for name in PATHS if output[name] is not None}
        weights = job.config.network.weights
        return SavedRun(
            recipe=self.recipe,
            run_id=self.id,
            inputs={name: path_text(path) for name, path in job.inputs.items()},
            weights=weights and path_text(user_path(weights)),
            output=output,
            out=path_text(job.out),
            replaces=state_text(job.out),
            memory=self.memory,
            scale=iterate.scale,
            step=iterate.step,
            steps=count,
            seconds=time.perf_counter() - self.start,
        )


def number_of(path: Path, out: Path) -> int:
    """Which of the checkpoints beside a result it is; 1 if it is none of them."""
    if folded(path.parent) != folded(out.parent):
        return 1
    return next((n for n in range(1, 1000) if checkpoint_path(out, n).name == path.name), 1)


def job_of(checkpoint: Checkpoint) -> Job:
    """The job a checkpoint was written by."""
    run = checkpoint.run
    output = dict(run.output)
    output |= {name: path_of(output[name]) for name in PATHS if output.get(name)}
    return Job(
        {name: path_of(path) for name, path in run.inputs.items()},
        path_of(run.out),
        run.recipe.settings.with_settings(weights=run.weights and str(path_of(run.weights))),
        Output(**output),
        resume=checkpoint,
    )


def state_text(path: Path) -> str:
    """What changes when a file is replaced; empty if there is none."""
    state = state_of(path)
    return "" if state is None else " ".join(map(str, state))


def check_result(run: SavedRun) -> None:
    """Raise CheckpointError if the result would replace anything but the run's picture so far.

    What was there when the checkpoint was written is what the run was to replace.
    """
    out = path_of(run.out)
    if not is_there(out) or state_text(out) == run.replaces:
        return
    if has_ended(run):
        raise CheckpointError(
            f"the run has ended, and '{out}' is its picture: to paint it again, move it away, or "
            "give another name with --out"
        )
    if made_by(run) is None:
        raise CheckpointError(
            f"'{out}' has been replaced since the run was interrupted: move it away, or give "
            "another name with --out"
        )


def has_ended(run: SavedRun) -> bool:
    """Whether the picture is there that was all a checkpoint was for."""
    made = made_by(run)
    return made is not None and made.stopped_after is None


def made_by(run: SavedRun) -> Recipe | None:
    """The recipe of the picture at a run's result, if that is the run's."""
    try:
        found = Recipe.of_picture(path_of(run.out))
    except InputError:
        return None
    made_of = attrgetter("inputs", "settings", "weights_sha256")
    return found if made_of(found) == made_of(run.recipe) else None


def check_inputs(run: SavedRun) -> None:
    """Raise CheckpointError if an input or the weights are gone, or not what they were."""
    hashes = {path_of(run.inputs[name]): file.sha256 for name, file in run.recipe.inputs.items()}
    if run.weights is not None and run.recipe.weights_sha256 is not None:
        hashes[path_of(run.weights)] = run.recipe.weights_sha256
    for path, sha256 in hashes.items():
        advice = "put it back, or start the run again"
        if not is_file(path):
            raise CheckpointError(f"'{path}' is gone: {advice}")
        check_readable(path, "input", advice, CheckpointError)
        if file_sha256(path) != sha256:
            raise CheckpointError(
                f"'{path}' has changed since the run began: put the old one back, or start again"
            )
