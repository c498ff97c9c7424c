"""What a training leaves on the disk: its checkpoint, and whether one belongs to it."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gramarye.errors import OutputError
from gramarye.files import file_sha256, user_path, write_atomically
from gramarye.networks import training_file
from gramarye.networks.training_file import unusable
from gramarye.training.images import Collection
from gramarye.training.job import TrainJob

KNOWN = {"identity", "learner", "seconds", "history", "best", "rows"}
ENDS = ("steps", "seconds", "patience")  # settings that may change when it goes on


def identity_of(job: TrainJob, collection: Collection) -> dict[str, Any]:
    """What must be the same for a training to go on."""
    settings = job.settings
    training = settings.training.model_dump(mode="json")
    found: dict[str, Any] = {
        "way": settings.way,
        "pictures": collection.digest,
        "styles": [file_sha256(user_path(style)) for style in job.styles],
    }
    if settings.from_nothing:
        found |= settings.losses.model_dump(mode="json", exclude={"device"})
        found |= settings.shape.model_dump(mode="json")
        found["channels"] = list(settings.shape.channels)
    else:
        found["start"] = file_sha256(job.start_file)
        found["steps"] = training["steps"]  # which the rate depends on
    return found | {name: value for name, value in training.items() if name not in ENDS}


def write_somewhere(path: Path, data: bytes) -> None:
    """Write a file, if not there then among the temporary ones; OutputError says which of them."""
    try:
        write_atomically(path, data)
    except OutputError as error:
        elsewhere = Path(tempfile.mkdtemp(prefix="gramarye-")) / path.name
        try:
            write_atomically(elsewhere, data)
        except OutputError:
            raise error from None
        raise OutputError(f"{error}; the network so far is in '{elsewhere}'") from error


def read_checkpoint(path: Path, identity: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the last run has left; None if there is none. CheckpointError if it is another's."""
    state = training_file.read_checkpoint(path, KNOWN, "gramarye train")
    if state is None:
        return None
    then = state["identity"]
    if not isinstance(then, dict) or set(then) != set(identity):
        raise unusable(path, "it is of another way of training, or of another gramarye")
    changed = [name for name in identity if identity[name] != then[name]]
    for name, what in (
        ("styles", "other styles"),
        ("pictures", "other photographs"),
        ("start", "another network to begin with"),
    ):
        if name in changed:
            raise unusable(path, f"it is of a training with {what}")
    if changed:
        values = ", ".join(f"{name} was {str(then[name])[:60]}" for name in changed)
        raise unusable(path, f"it is of a training with other settings: {values}")
    check_parts(path, state)
    return state


def check_parts(path: Path, state: Mapping[str, Any]) -> None:
    """Raise CheckpointError for parts of another kind than we write."""
    history, rows, best = state["history"], state["rows"], state["best"]
    sound = (
        isinstance(state["seconds"], float)
        and isinstance(history, list)
        and all(isinstance(row, dict) and {"step", "total"} <= set(row) for row in history)
        and isinstance(rows, list)
        and all(isinstance(row, list) and all(map(is_pixels, row)) for row in rows)
        and (best is None or (isinstance(best, Tensor) and best.dtype == torch.uint8))
        and isinstance(state["learner"], dict)
    )
    if not sound:
        raise unusable(path, "it is damaged")


def is_pixels(value: object) -> bool:
    return isinstance(value, Tensor) and value.dtype == torch.uint8 and value.ndim == 4
