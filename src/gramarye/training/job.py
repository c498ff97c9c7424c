"""What to train: of which pictures, how, and where it goes; and what becomes of it step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from gramarye.errors import InputError
from gramarye.feedforward.files import painter_path
from gramarye.feedforward.settings import SHIPPED
from gramarye.files import beside, check_target, user_path
from gramarye.training.settings import Settings

SUFFIX = ".safetensors"


@final
@dataclass(frozen=True)
class TrainJob:
    """The files of a training. Without `images` it learns from the samples."""

    styles: tuple[Path, ...]
    out: Path
    settings: Settings
    images: Path | None = None
    start: Path = Path(SHIPPED)  # the painter's file to begin with
    hub: Path | None = None  # a folder in the layout of the Hugging Face Hub
    checkpoint_every: float = 60.0  # seconds; 0 is only where it ends

    @property
    def checkpoint(self) -> Path:
        return self.out.with_name(self.out.name + ".checkpoint")

    @property
    def strip(self) -> Path:
        """The picture of how far it is."""
        return beside(self.out, self.out.stem, "-strip.png")

    @property
    def start_file(self) -> Path:
        return painter_path(self.start)


@final
@dataclass(frozen=True)
class TrainRecord:
    """What became of a step, or before the first, of step 0."""

    step: int
    steps: int  # at most
    losses: dict[str, float]  # by name, running means
    seconds: float  # spent on steps, earlier runs among them
    left: float | None  # seconds, as far as it can be told
    held_out: dict[str, float] | None = None  # losses of held-out photographs, where it has looked
    strip: Path | None = None  # where it was written anew
    notes: tuple[str, ...] = ()
    output: Path | None = None  # the network's file, where it is done
    ended: str = ""  # why it is done


def check_job(job: TrainJob) -> None:
    """Raise InputError for names that cannot be; nothing is read yet."""
    if not job.styles:
        raise InputError("there is no style: name a painting, or several")
    if job.out.suffix.lower() != SUFFIX:
        raise InputError(
            f"'{job.out}' does not end in {SUFFIX}, as the network's file does: name one that does"
        )
    read: Sequence[Path] = [*job.styles, job.start_file]
    if job.images is not None and not user_path(job.images).is_dir():
        read = [*read, job.images]
    for target in (job.out, job.checkpoint, job.strip):
        check_target(target, read)
    if job.hub is not None and job.hub.exists() and not job.hub.is_dir():
        raise InputError(f"'{job.hub}' is a file, and --hub names a folder: choose another name")
