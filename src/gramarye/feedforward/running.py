"""A training from folders of pictures, in slices that each go on where the last one stopped."""

from __future__ import annotations

import csv
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from gramarye.distillation.teachers import load_teacher
from gramarye.errors import OutputError, WeightsError
from gramarye.feedforward.files import load_painter, packed
from gramarye.feedforward.painting import at_longest, paint
from gramarye.feedforward.pairs import PairSampler, Pictures
from gramarye.feedforward.settings import FeedForwardConfig
from gramarye.feedforward.training import Record, Training
from gramarye.files import write_atomically
from gramarye.networks import training_file
from gramarye.networks.registry import load_network
from gramarye.networks.training_file import unusable, write_checkpoint
from gramarye.networks.weights_file import DAMAGE
from gramarye.pictures.contact_sheet import Cell, contact_sheet
from gramarye.pictures.folders import picture_files
from gramarye.pictures.picture import Picture, load_image, save_picture

SHEET = 1600  # pixels wide
SIZE = 512  # of the pictures that show how far the training is
NETWORK = "vgg19-lite"


@final
@dataclass(frozen=True)
class TrainJob:
    """What to train with, and the folder that all goes to."""

    photographs: tuple[Path, ...]
    paintings: tuple[Path, ...]
    out: Path
    config: FeedForwardConfig
    skip: tuple[str, ...] = ()  # how names of pictures begin that are left out
    start: Path | None = None  # a network's file to begin with
    teacher: str | None = None  # a wide network by its name or file, whose style loss joins
    pairs: tuple[tuple[Path, Path], ...] = ()  # held out: painted and measured as it goes
    log_every: int = 50  # steps
    show_every: int = 250  # steps
    save_every: float = 300.0  # seconds

    @property
    def checkpoint(self) -> Path:
        return self.out / "checkpoint"

    @property
    def painter(self) -> Path:
        return self.out / "painter.safetensors"


def open_training(job: TrainJob) -> Training:
    """A training that is ready to go, or to go on."""
    network = load_network(NETWORK)
    config = job.config
    pairs = PairSampler(
        Pictures(picture_files(job.photographs, job.skip)),
        Pictures(picture_files(job.paintings, job.skip)),
        config.sides,
        config.style_side,
        config.pixels,
        config.seed,
    )
    teacher = load_teacher(job.teacher) if job.teacher else None
    training = Training(config, network, pairs, teacher)
    saved = read_checkpoint(job)
    if saved is not None:
        try:
            training.load_state_dict(saved)
        except DAMAGE as error:
            raise unusable(job.checkpoint, "it is damaged") from error
    elif job.start is not None:
        begin_with(training, job.start)
    return training


def read_checkpoint(job: TrainJob) -> dict[str, Any] | None:
    """What the last slice of the training has left; None if there is none.

    The network's shape must be that of the job; other settings may change from slice to slice.
    """
    known = {"config", "step", "means", "painter", "average", "optimizer"}
    state = training_file.read_checkpoint(job.checkpoint, known, "a training")
    if state is None:
        return None
    then = state["config"].get("network") if isinstance(state["config"], dict) else None
    if then != job.config.network.model_dump(mode="json"):
        raise unusable(job.checkpoint, "it is of a network of another shape")
    return state


def train(job: TrainJob, training: Training) -> Iterator[Record | Shown | OutputError]:
    """Train without end, yielding each step, what held-out pairs show, and what was not written.

    Leaving the loop is all it takes to stop; `save_training` keeps what was learned.
    """
    gallery = Gallery(job.pairs)
    began = saved = time.monotonic()
    for record in training.run():
        try:
            if record.step % job.log_every == 0:
                spent = {"step": record.step, "seconds": time.monotonic() - began}
                rate = {"rate": record.learning_rate}
                append(job.out / "log.csv", {**spent, **rate, **record.losses})
            if job.pairs and record.step % job.show_every == 0:
                strip = job.out / "strips" / f"{record.step:06}.png"
                shown = Shown(record.step, strip, gallery.show(training, strip))
                append(job.out / "held-out.csv", {"step": shown.step, **shown.losses})
                yield shown
            if time.monotonic() - saved > job.save_every:
                save_training(training, job)
                saved = time.monotonic()
        except OutputError as error:
            yield error
        yield record


def save_training(training: Training, job: TrainJob) -> None:
    """Write the checkpoint and the averaged network."""
    write_checkpoint(job.checkpoint, training.state_dict())
    write_atomically(job.painter, packed(training.average, training.step))


def begin_with(training: Training, path: Path) -> None:
    """Take up the weights of a file that `save_training` wrote."""
    start = load_painter(path, training.objective.network)
    config = training.config.network
    if (start.config.coarse, start.config.fine) != (config.coarse, config.fine):
        raise WeightsError(f"'{path}' is a network of another shape: give its settings, too")
    training.painter.load_state_dict(start.state_dict())
    training.begin()


@final
@dataclass(frozen=True)
class Shown:
    """A strip of held-out paintings, and what their losses were on average."""

    step: int
    strip: Path
    losses: dict[str, float]


@final
class Gallery:
    """Held-out pairs at 512 pixels, painted by the averaged network as the training goes on."""

    def __init__(self, pairs: Sequence[tuple[Path, Path]]) -> None:
        self.pairs = [
            (at_longest(load_image(content), SIZE), at_longest(load_image(style), SIZE))
            for content, style in pairs
        ]

    def show(self, training: Training, path: Path) -> dict[str, float]:
        """Write the strip; the mean of each loss over the pairs."""
        found: list[dict[str, float]] = []
        cells: list[Cell] = []
        for content, style in self.pairs:
            painted = paint(
                training.average,
                training.cascade,
                training.objective,
                content,
                style,
                bfloat16=training.bfloat16,
            )
            found.append(painted.losses)
            cells.append(Cell(painted.image, style))
        rows = [cells[i : i + 3] for i in range(0, len(cells), 3)]
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"'{path}' cannot be written ({error.strerror or error})") from error
        save_picture(Picture.from_tensor(contact_sheet(rows, SHEET)), path)
        return {name: sum(f[name] for f in found) / len(found) for name in found[0]}


def append(path: Path, row: dict[str, Any]) -> None:
    """A row at the end of a table, with its head if it is the first."""
    cells = {k: f"{v:.5g}" if isinstance(v, float) else v for k, v in row.items()}
    try:
        new = not path.exists()
        with path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(row))
            if new:
                writer.writeheader()
            writer.writerow(cells)
    except OSError as error:
        raise OutputError(f"'{path}' cannot be written ({error.strerror or error})") from error
