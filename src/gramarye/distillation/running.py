"""A distillation from folders of pictures to a network's file: checked, trained, saved, resumed."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from gramarye.distillation.crops import CropSampler
from gramarye.distillation.folding import export
from gramarye.distillation.settings import DistillConfig
from gramarye.distillation.starting import begin_with
from gramarye.distillation.teachers import Teachers, load_teacher, teacher_path
from gramarye.distillation.training import DistillRecord, Training
from gramarye.errors import GramaryeError, OutputError, WeightsError
from gramarye.files import check_readable, check_target, user_path
from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.registry import load_network
from gramarye.networks.training_file import read_checkpoint, unusable, write_checkpoint
from gramarye.networks.weights_file import DAMAGE
from gramarye.pictures.folders import picture_files, read_pictures

# What a checkpoint holds; the last three are what it must agree with.
KNOWN = frozenset(("config", "step", "student", "average", "optimizer", "replay"))
KNOWN |= {"teachers", "pictures", "start"}
SHOWN = 3  # pictures that could not be read, by name


@final
@dataclass(frozen=True)
class DistillJob:
    """What to train with, and where the network goes."""

    images: tuple[Path, ...]  # folders
    teachers: tuple[str, ...]  # networks' names or files
    out: Path
    config: DistillConfig
    start: str | None = None  # a network's file to begin with; None begins with random weights
    skip: tuple[str, ...] = ()  # how names of pictures begin that are left out
    checkpoint_every: float = 120.0  # seconds; 0 is only at the end

    @property
    def checkpoint(self) -> Path:
        return self.out.with_name(f"{self.out.name}.checkpoint")


@final
@dataclass(frozen=True)
class Distillation:
    """A training that is ready to go, or to go on, and what there is to say of it beforehand."""

    job: DistillJob
    training: Training
    identity: Mapping[str, Any]  # what the checkpoint must agree with
    notes: tuple[str, ...]

    def save(self) -> None:
        """Write the checkpoint; OutputError leaves the one that is there."""
        write_checkpoint(self.job.checkpoint, {**self.training.state_dict(), **self.identity})


def open_distillation(job: DistillJob) -> Distillation:
    """Check everything that can be known before the first step, and read all inputs."""
    files = picture_files(job.images, job.skip)
    inputs = [*files, *map(teacher_path, job.teachers)]
    if job.start is not None:
        inputs.append(user_path(job.start))
    check_target(job.out, inputs)
    check_target(job.checkpoint, inputs)
    teachers = [load_teacher(name) for name in job.teachers]
    start = None if job.start is None else load_start(job.start)
    saved = read_checkpoint(job.checkpoint, KNOWN, "gramarye distill")
    identity = {
        "teachers": [teacher.sha256 for teacher in teachers],
        "pictures": digest(files),
        "start": None if start is None else start.weights_sha256,
    }
    notes = [] if saved is None else compare(saved, identity, job)
    together = Teachers(teachers)
    pictures, failed = read_pictures(files)
    notes += describe_failed(failed)
    config = job.config
    crops = CropSampler(pictures, config.pixels, config.crops, config.seed)
    training = Training(config, together, crops)
    if start is not None:
        begin_with(training, start, user_path(job.start or ""))
        if saved is None:
            notes.append(f"beginning with the network of '{job.start}'")
    if saved is not None:
        try:
            training.load_state_dict(saved)
        except DAMAGE as error:
            raise unusable(job.checkpoint, "it is damaged") from error
        notes.append(f"going on after step {training.step}")
        if training.step == config.steps:
            notes.append(f"all {config.steps} steps were made before: the file is written again")
    return Distillation(job, training, identity, tuple(notes))


def distill(run: Distillation) -> Iterator[DistillRecord | OutputError]:
    """Train to the last step and write the network, yielding a record after each step.

    Leaving the loop is all it takes to stop; `run.save` keeps what was learned. A checkpoint that
    cannot be written is yielded as the error it is, and the training goes on; only the one before
    the first step must succeed, since the network goes to the same place.
    """
    run.save()
    saved = time.perf_counter()
    every = run.job.checkpoint_every or float("inf")
    for record in run.training.run():
        yield record
        if time.perf_counter() - saved > every:
            try:
                run.save()
            except OutputError as error:
                yield error
            saved = time.perf_counter()
    try:
        run.save()
    except OutputError as error:  # the network is what matters
        yield error
    try:
        export(run.training, run.job.out)
    except GramaryeError as error:
        kept = f"; what was learned is in '{run.job.checkpoint}'"
        error.args = (f"{error}{kept if run.job.checkpoint.is_file() else ''}",)
        raise


def load_start(name: str) -> PerceptualNetwork:
    """The network to begin with."""
    path = user_path(name)
    check_readable(path, "network", "name a file that gramarye distill wrote", WeightsError)
    return load_network("vgg19-lite", weights=path)


def compare(saved: dict[str, Any], identity: Mapping[str, Any], job: DistillJob) -> list[str]:
    """What a user should know of the run that is gone on from; CheckpointError if it is another."""
    now, then = job.config.model_dump(mode="json"), saved["config"]
    if not isinstance(then, dict) or set(then) != set(now):
        raise unusable(job.checkpoint, "another version of gramarye wrote it")
    changed = [name for name in now if now[name] != then[name] and name != "steps"]
    if changed:
        options = ", ".join(f"{name} was {str(then[name])[:80]!r}" for name in changed)
        raise unusable(job.checkpoint, f"it is of a run with other settings: {options}")
    if saved["teachers"] != identity["teachers"]:
        raise unusable(job.checkpoint, "it is of a run with other teachers")
    if saved["start"] != identity["start"]:
        raise unusable(job.checkpoint, "it is of a run that began with another network")
    if not isinstance(saved["step"], int) or saved["step"] > job.config.steps:
        made = str(saved["step"])[:20]
        raise unusable(job.checkpoint, f"{made} steps were made, of {job.config.steps} asked for")
    if saved["pictures"] != identity["pictures"]:
        return ["the pictures are not those the run began with"]
    return []


def digest(files: Sequence[Path]) -> str:
    """What tells one list of pictures from another: names and sizes, in the order crops know."""
    sizes = [file.stat().st_size if file.is_file() else -1 for file in files]
    listing = "".join(f"{file.name}\0{size}\0" for file, size in zip(files, sizes, strict=True))
    return hashlib.sha256(listing.encode("utf-8", "surrogateescape")).hexdigest()


def describe_failed(failed: Mapping[Path, Exception]) -> list[str]:
    if not failed:
        return []
    first = [f"{error}" for error in list(failed.values())[:SHOWN]]
    more = len(failed) - len(first)
    if more:
        first.append(f"and {more} more")
    count = f"{len(failed)} picture{'s' * (len(failed) > 1)}"
    return [
        f"{count} could not be read and {'are' if len(failed) > 1 else 'is'} left out: "
        + "; ".join(first)
    ]
