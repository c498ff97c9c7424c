"""Checkpoints: everything a run needs to go on after a crash, in one file.

The file is a ZIP archive, uncompressed: the run as JSON, and every tensor as its bytes. It is
written tensor by tensor, so that it takes no memory of its own, and appears whole or not at all.

A run on several processes has a file of this kind without tensors, and beside it one of each
process with that process's tensors. The parts are written first, under names with the number of
steps: until the file that speaks of them takes the place of the one before, the ones before are
still there.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, final

import torch
from pydantic import BaseModel, ValidationError
from torch import Tensor

from gramarye.errors import CheckpointError
from gramarye.files import atomic_file, check_readable, is_file, user_path
from gramarye.optimizers.snapshot import LateTensors, Snapshot
from gramarye.recipe import Recipe

FORMAT: Literal[2] = 2
RUN, TENSORS = "run.json", "tensors.json"
PART = 1 << 24  # bytes written or read at a time


@final
class SavedRun(BaseModel, frozen=True, extra="forbid"):
    """A run as its checkpoint describes it; `recipe` holds the settings and the inputs' hashes."""

    checkpoint: Literal[2] = FORMAT
    recipe: Recipe
    run_id: str = ""  # drawn when it began: whose checkpoint this is
    inputs: dict[str, str]  # absolute paths by name, as `path_text` writes them
    weights: str | None = None
    output: dict[str, Any]  # how the result is written
    out: str
    memory: int  # the budget in bytes: it decides the tiles, and these the last bits
    scale: int
    step: int
    steps: int  # in all scales so far
    seconds: float  # so far
    processes: int = 1  # that share the picture


@final
@dataclass(frozen=True)
class Checkpoint:
    """A run and its snapshot; the tensors are read from the file when they are asked for."""

    path: Path
    run: SavedRun
    snapshot: Snapshot


def write_checkpoint(path: Path, run: SavedRun, snapshot: Snapshot, *, new: bool = False) -> None:
    """Write the file, or leave the one that is there; OutputError if the disk is full.

    Where it must be `new`, InputError if there is one by then.
    """
    shapes: dict[str, Any] = {}
    with (
        atomic_file(path, new=new) as file,
        zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive,
    ):
        archive.writestr(RUN, run.model_dump_json())
        for name, tensor in snapshot.tensors.items():
            shapes[name] = [str(tensor.dtype).removeprefix("torch."), list(tensor.shape)]
            with archive.open(f"tensors/{name}", "w", force_zip64=True) as entry:
                for part in byte_parts(tensor):
                    entry.write(part)
        state = {"step": snapshot.step, "numbers": dict(snapshot.numbers), "tensors": shapes}
        archive.writestr(TENSORS, json.dumps(state))


def run_id(path: Path) -> str | None:
    """Whose checkpoint a file is; None if it is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(RUN).file_size > PART:  # not worth the memory
                return None
            return str(json.loads(archive.read(RUN)).get("run_id", ""))
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, AttributeError, RuntimeError):
        return None


def path_text(path: Path) -> str:
    """An absolute path as JSON can hold it: names that are no text, behind a null, as digits."""
    text = str(path.absolute())
    try:
        text.encode()
    except UnicodeEncodeError:
        return "\0" + os.fsencode(text).hex()
    return text


def path_of(text: str) -> Path:
    """The path that `path_text` wrote."""
    try:
        return Path(os.fsdecode(bytes.fromhex(text[1:])) if text.startswith("\0") else text)
    except ValueError as error:
        raise CheckpointError(
            f"a path in the checkpoint is damaged ({text[:40]!r}): start the run again"
        ) from error


def part_path(path: Path, steps: int, rank: int) -> Path:
    """Where one of several processes keeps its part of the checkpoint at `path`."""
    return path.with_name(f"{path.name}.{steps}.{rank}")


def read_part(whole: Checkpoint, rank: int) -> Snapshot:
    """What one of several processes has written down."""
    path = part_path(whole.path, whole.run.steps, rank)
    if not is_file(path):
        raise CheckpointError(
            f"'{path}' is gone, without which process {rank} cannot go on: put it back, or start "
            "the run again"
        )
    return read_checkpoint(path).snapshot


def check_processes(checkpoint: Checkpoint, count: int) -> None:
    """Raise CheckpointError if as many processes cannot go on from it."""
    needed = checkpoint.run.processes
    if needed != count:
        start = f"torchrun --nproc-per-node {needed} -m " if needed > 1 else ""
        raise CheckpointError(
            f"'{checkpoint.path}' was written by {needed} process{'es' * (needed > 1)}, and as "
            f"many must go on from it: {start}gramarye resume '{checkpoint.path}'"
        )


def byte_parts(tensor: Tensor) -> Iterator[memoryview]:
    """The bytes of a tensor, a part at a time."""
    flat = tensor.detach().contiguous().flatten()
    for part in torch.split(flat, max(1, PART // flat.element_size())):
        yield part.cpu().view(torch.uint8).numpy().data


def read_checkpoint(path: Path) -> Checkpoint:
    """The checkpoint in a file; CheckpointError says what is wrong with it."""
    path = user_path(path)
    check_readable(path, "checkpoint", "give the one a run has left", CheckpointError)
    try:
        with zipfile.ZipFile(path) as archive:
            run = SavedRun.model_validate_json(archive.read(RUN))
            state = json.loads(archive.read(TENSORS))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise CheckpointError(
            f"'{path}' cannot be gone on from ({where}: {first['msg']}): it was written by another "
            "version of gramarye; start the run again"
        ) from error
    except (zipfile.BadZipFile, KeyError, ValueError) as error:
        raise CheckpointError(
            f"'{path}' is no checkpoint of gramarye, or is damaged: start the run again"
        ) from error
    tensors = {
        name: TensorInFile(path, name, getattr(torch, dtype), tuple(shape))
        for name, (dtype, shape) in state["tensors"].items()
    }
    return Checkpoint(path, run, Snapshot(state["step"], LateTensors(tensors), state["numbers"]))


@final
@dataclass(frozen=True)
class TensorInFile:
    """A tensor of a checkpoint, read when it is called for; its checksum is checked."""

    path: Path
    name: str
    dtype: torch.dtype
    shape: tuple[int, ...]

    def __call__(self) -> Tensor:
        tensor = torch.empty(self.shape, dtype=self.dtype)
        into = tensor.flatten().view(torch.uint8)
        name = f"tensors/{self.name}"
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(name) as entry:
                for part in torch.split(into, PART):
                    part.numpy()[:] = bytearray(entry.read(len(part)))
        except (zipfile.BadZipFile, ValueError) as error:
            raise CheckpointError(f"'{self.path}' is damaged: start the run again") from error
        return tensor
