"""A training on its way: steps, looks at held-out photographs, checkpoints, and the file at last.

for record in train_steps("painting.jpg", "painter.safetensors"):
    ...                          # leaving the loop writes what there is so far
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import Any, final

import torch
from torch import Tensor

from gramarye.devices import is_out_of_memory
from gramarye.errors import GramaryeError, OutputError, RunError
from gramarye.files import user_path, write_atomically
from gramarye.networks import download
from gramarye.networks.catalog import NetworkInfo
from gramarye.networks.registry import load_network
from gramarye.networks.training_file import unusable, write_checkpoint
from gramarye.networks.weights_file import DAMAGE
from gramarye.pictures.picture import Picture, load_image, save_picture
from gramarye.surroundings import plain_torch, undisturbed
from gramarye.training.hub import write_hub
from gramarye.training.images import (
    HELD_OUT,
    Collection,
    as_image,
    describe_failed,
    open_collection,
)
from gramarye.training.job import TrainJob, TrainRecord, check_job
from gramarye.training.keeping import identity_of, read_checkpoint, write_somewhere
from gramarye.training.learner import TOTAL, Learner
from gramarye.training.own import OwnLearner
from gramarye.training.paper import JohnsonLearner
from gramarye.training.settings import Way, make_settings
from gramarye.training.strips import at_most, pixels, strip_of, thinned

NETWORK = "vgg19-lite"  # which the painter sees by
Fetch = Callable[[NetworkInfo], Path]
SHOWN = 3  # photographs of the strip
SIDE = 256  # pixels of the longest side of what is measured and shown
MEASURED = 3  # steps after which it is told what the others take


def train_steps(
    style: str | PathLike[str] | Sequence[str | PathLike[str]],
    out: str | PathLike[str],
    *,
    images: str | PathLike[str] | None = None,
    way: Way = "warm",
    start: str | PathLike[str] = "instant",
    hub: str | PathLike[str] | None = None,
    checkpoint_every: float = 60.0,
    **settings: Any,
) -> Iterator[TrainRecord]:
    """Train a network for a style of one's own, or several, yielding a record after every step.

    Ways are "minute" and "warm", which begin with the painter that comes with gramarye, and from
    nothing "paper" (Johnson et al. 2016), "small" (a quick one like it) and "video" (the same, and
    steady). `images` is a folder or a ZIP of photographs; settings are those of `TrainConfig`, and
    from nothing of `LossConfig` and `JohnsonConfig`. The network is written to
    `out` at the end, and when the loop is left; the same call goes on where one was left.
    """
    styles = style if isinstance(style, list | tuple) else [style]
    job = TrainJob(
        tuple(Path(one) for one in styles),  # type: ignore[arg-type]
        user_path(out),
        make_settings(way, **settings),
        None if images is None else Path(images),
        Path(start),
        None if hub is None else user_path(hub),
        checkpoint_every,
    )
    yield from open_training(job).records()


@plain_torch()
def open_training(job: TrainJob, fetch: Fetch = download.fetch) -> TrainRun:
    """A training that is ready to begin, or to go on; raises what can be known before."""
    check_job(job)
    collection = open_collection(job.images)
    config = job.settings.training
    styles = [at_most(load_image(style), config.style_size) for style in job.styles]
    names = [style.name for style in job.styles]
    learner: Learner
    if job.settings.from_nothing:
        learner = JohnsonLearner(job.settings, styles, names, collection.train, fetch)
    else:
        network = load_network(NETWORK)
        learner = OwnLearner(config, network, job.start, styles, names, collection.train)
    return TrainRun(job, learner, collection)


@final
class TrainRun:
    """A training, with what it has seen so far."""

    def __init__(self, job: TrainJob, learner: Learner, collection: Collection) -> None:
        self.job, self.learner, self.collection = job, learner, collection
        self.config = job.settings.training
        self.identity = identity_of(job, collection)
        count = HELD_OUT if self.config.measure_every else SHOWN
        self.held_out = [as_image(p, SIDE) for p in collection.held_out.first(count)]
        self.seconds = 0.0
        self.history: list[dict[str, float]] = []  # looks: step, and losses by name
        self.best: bytes | None = None
        self.rows: list[list[Tensor]] = []  # of the strip, (1, 3, H, W) uint8
        self.notes = list(collection.notes)
        self.told = len(collection.failed)
        self.ended = ""
        self.written = False
        self.saved = time.monotonic()
        self.take_up()

    def take_up(self) -> None:
        saved = read_checkpoint(self.job.checkpoint, self.identity)
        if saved is None:
            return
        try:
            self.learner.load_state_dict(saved["learner"])
            self.history = [{k: float(v) for k, v in row.items()} for row in saved["history"]]
        except DAMAGE as error:
            raise unusable(self.job.checkpoint, "it is damaged") from error
        self.seconds, self.rows = saved["seconds"], saved["rows"]
        best = saved["best"]
        self.best = None if best is None else best.numpy().tobytes()
        self.notes.append(f"going on after step {self.learner.step}")

    @undisturbed
    def records(self) -> Iterator[TrainRecord]:
        """Every step from here to the end; whatever ends it, what was learned is written."""
        try:
            yield from self.steps()
        except Exception as error:
            raise self.broken_off(error) from error
        finally:
            if not self.written:
                self.keep()

    def steps(self) -> Iterator[TrainRecord]:
        learner, config = self.learner, self.config
        if not self.history:
            yield self.record({}, None, **self.look())
        paces: list[float] = []
        while not self.is_over(paces):
            began = time.perf_counter()
            losses = learner.learn()
            paces.append(time.perf_counter() - began)
            self.seconds += paces[-1]
            seen: dict[str, Any] = {}
            over = self.is_over(paces)
            if over or (config.measure_every and learner.step % config.measure_every == 0):
                seen = self.look()
                over = over or self.is_over(paces)
            if not over:
                self.save_now_and_then()
            yield self.record(losses, self.left(paces), **seen)
        self.write()
        yield self.record({}, 0.0, output=self.job.out, ended=self.ended)

    def is_over(self, paces: Sequence[float]) -> bool:
        """Whether it ends here, and why."""
        config = self.config
        if self.learner.step >= config.steps:
            self.ended = f"all {config.steps} steps are made"
        elif config.seconds and self.seconds + mean(paces) / 2 >= config.seconds:
            self.ended = f"the {config.seconds:g} seconds are over"
        elif config.patience and self.since_best() >= config.patience:
            self.ended = f"the held-out loss has not fallen for {config.patience} looks"
        return bool(self.ended)

    def since_best(self) -> int:
        """Looks since the held-out loss was lowest."""
        totals = [row[TOTAL] for row in self.history]
        return len(totals) - 1 - totals.index(min(totals)) if totals else 0

    def left(self, paces: Sequence[float]) -> float | None:
        """Seconds that are left, by the steps so far; the first is slower than all others."""
        if len(paces) < min(MEASURED, self.config.steps):
            return None
        left = (self.config.steps - self.learner.step) * mean(paces[1:] or paces)
        limit = self.config.seconds
        return max(0.0, min(left, limit - self.seconds) if limit else left)

    def look(self) -> dict[str, Any]:
        """Measure held-out photographs and show some, for a record; keeps the best network."""
        count = len(self.job.styles)
        found = self.learner.measure(self.held_out)
        shown = [self.learner.paint(p, i % count) for i, p in enumerate(self.shown())]
        self.history.append({"step": float(self.learner.step), **found})
        if self.config.patience and self.since_best() == 0:
            self.best = self.learner.packed()
        if not self.rows:
            self.rows.append([pixels(photograph) for photograph in self.shown()])
        self.rows.append([pixels(image) for image in shown])
        self.rows = thinned(self.rows)
        try:
            save_picture(Picture.from_tensor(strip_of(self.rows)), self.job.strip)
        except OutputError as error:
            self.notes.append(f"no strip: {error}")
            return {"held_out": found}
        return {"held_out": found, "strip": self.job.strip}

    def shown(self) -> list[Tensor]:
        """The photographs of the strip."""
        return self.held_out[:SHOWN]

    def record(self, losses: dict[str, float], left: float | None, **more: Any) -> TrainRecord:
        failed = self.collection.failed
        if len(failed) > self.told:
            self.told = len(failed)
            self.notes.append(describe_failed(failed))
        notes, self.notes = tuple(self.notes), []
        step, steps = self.learner.step, self.config.steps
        return TrainRecord(step, steps, losses, self.seconds, left, notes=notes, **more)

    def save_now_and_then(self) -> None:
        every = self.job.checkpoint_every
        if not every or time.monotonic() - self.saved < every:
            return
        try:
            self.save()
        except OutputError as error:
            self.notes.append(f"no checkpoint: {error}")
        self.saved = time.monotonic()

    def save(self) -> None:
        best = self.best and torch.frombuffer(bytearray(self.best), dtype=torch.uint8)
        state = {
            "identity": self.identity,
            "learner": self.learner.state_dict(),
            "seconds": self.seconds,
            "history": self.history,
            "best": best,
            "rows": self.rows,
        }
        write_checkpoint(self.job.checkpoint, state)

    def write(self) -> None:
        """Write the network, the one with the lowest held-out loss where that is watched."""
        data = self.best or self.learner.packed()
        if self.best is not None and self.since_best():
            step = min(self.history, key=lambda row: row[TOTAL])["step"]
            self.notes.append(f"written is step {step:.0f}, whose held-out loss is lowest")
        write_atomically(self.job.out, data)
        if self.job.hub is not None:
            learner = self.learner
            names = [style.name for style in self.job.styles]
            figures = self.figures()
            write_hub(self.job.hub, data, learner.describe(), names, self.job.settings, figures)
        self.written = True
        with suppress(OSError):
            self.job.checkpoint.unlink(missing_ok=True)

    def figures(self) -> dict[str, Any]:
        """What the model card says of the training."""
        chosen = self.history[-1] if self.history else {}
        if self.best is not None:
            chosen = min(self.history, key=lambda row: row[TOTAL])
        held_out = {name: value for name, value in chosen.items() if name != "step"}
        if test := self.collection.test.first(HELD_OUT):
            last = self.learner.measure([as_image(p, SIDE) for p in test])
            held_out |= {f"test/{name}": value for name, value in last.items()}
        return {
            "steps": self.learner.step,
            "seconds": round(self.seconds, 1),
            "photographs": len(self.collection.train),
            "held_out": held_out,
        }

    def keep(self) -> None:
        """Write checkpoint and network of a training that is left before its end.

        Where the disk is full, the network goes to a folder of its own among the temporary files.
        """
        if not self.learner.step:
            return
        failure: OutputError | None = None
        try:
            self.save()
        except OutputError as error:
            failure = error
        write_somewhere(self.job.out, self.learner.packed())
        if failure is not None:
            raise OutputError(f"{failure}; the network so far is in '{self.job.out}'")

    def broken_off(self, error: Exception) -> GramaryeError | Exception:
        if is_out_of_memory(error):
            return RunError(
                "out of memory: choose a smaller --size or --batch; what was learned is kept"
            )
        return error


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
