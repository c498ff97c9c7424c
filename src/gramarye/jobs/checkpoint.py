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
import math
import os
import re
import struct
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, final

import torch
from pydantic import AfterValidator, BaseModel, Field, TypeAdapter, ValidationError, model_validator
from torch import Tensor

import gramarye
from gramarye.config import sentence
from gramarye.errors import CheckpointError, InputError
from gramarye.files import atomic_file, check_readable, is_file, is_there, user_path
from gramarye.jobs.output import PATHS, SUFFIX, Output
from gramarye.optimizers.snapshot import LateTensors, Snapshot
from gramarye.recipe import Recipe
from gramarye.validation import first_problem, whole_problem

FORMAT: Literal[2] = 2
RUN, TENSORS = "run.json", "tensors.json"
PART = 1 << 24  # bytes written or read at a time
LONGEST_TEXT = 1 << 24  # bytes of JSON: a history of a gigapixel names some thousand tensors

# What the readers raise about damaged bytes: they trust what the file says of itself.
DAMAGE = (
    OSError, EOFError, RuntimeError, ValueError, LookupError, OverflowError, MemoryError,
    struct.error, zipfile.BadZipFile,
)  # fmt: skip
OUTPUT = TypeAdapter(Output)


Count = Annotated[int, Field(ge=1, lt=1 << 63)]


def checked_output(output: dict[str, Any]) -> dict[str, Any]:
    """How to write a result, each value in its range; further files' paths as they were written."""
    paths = {name: output.get(name) for name in PATHS}
    for name, path in paths.items():
        if not isinstance(path, str | None):
            raise ValueError(f"{name} is no path")
    try:
        found = OUTPUT.validate_python(output | dict.fromkeys(PATHS))
    except ValidationError as error:
        raise whole_problem(first_problem(error, Output).at("output")) from error
    return asdict(found) | paths


@final
class SavedRun(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False):
    """A run as its checkpoint describes it; `recipe` holds the settings and the inputs' hashes."""

    checkpoint: Literal[2] = FORMAT
    recipe: Recipe
    run_id: str = ""  # drawn when it began: whose checkpoint this is
    inputs: dict[str, str]  # absolute paths by name, as `path_text` writes them
    weights: str | None = None
    output: Annotated[dict[str, Any], AfterValidator(checked_output)]  # how the result is written
    out: str
    replaces: str = ""  # the state of the file at `out`, if there was one when this was written
    memory: Count  # the budget in bytes: it decides the tiles, and these the last bits
    scale: Annotated[int, Field(ge=0, lt=1 << 63)]
    step: Count
    steps: Count  # in all scales so far
    seconds: Annotated[float, Field(ge=0)]  # so far
    processes: Count = 1  # that share the picture

    @model_validator(mode="after")
    def consistent(self) -> SavedRun:
        if self.inputs.keys() != self.recipe.inputs.keys():
            raise ValueError("its inputs are not those of its recipe")
        return self


@final
class FormatOf(BaseModel, frozen=True, extra="ignore"):
    checkpoint: int


@final
class SavedState(BaseModel, frozen=True, extra="forbid"):
    """What the file says of its tensors, and the rest of the run's state."""

    step: Count
    numbers: dict[str, Any]  # whoever takes them up checks them
    tensors: dict[
        str,
        tuple[
            Literal["float16", "bfloat16", "float32", "float64"],
            Annotated[list[Annotated[int, Field(ge=0, lt=1 << 48)]], Field(max_length=8)],
        ],
    ]


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
    """The checkpoint in a file; CheckpointError says what is wrong with it.

    Nothing the file says is trusted: its numbers have ranges, its tensors are as large as their
    entries, and its entries no larger than the file. Whether they fit the run shows when it is
    planned.
    """
    path = user_path(path)
    if not is_there(path) and (result := picture_of(path)):
        raise CheckpointError(
            f"there is no checkpoint '{path}', and its run has ended: the picture is '{result}'; "
            "nothing is left to go on from"
        )
    check_readable(path, "checkpoint", "give the one a run has left", CheckpointError)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = plain_entries(archive, path)
            read = {name: archive.read(entries[name]) for name in (RUN, TENSORS)}
        check_format(path, FormatOf.model_validate_json(read[RUN]).checkpoint)
        run = SavedRun.model_validate_json(read[RUN])
        state = SavedState.model_validate_json(read[TENSORS])
    except CheckpointError:
        raise
    except (ValidationError, InputError) as error:
        reason = sentence(error, SavedRun) if isinstance(error, ValidationError) else str(error)
        raise CheckpointError(
            f"'{path}' cannot be gone on from ({reason}): it is damaged, or was written by "
            "another version of gramarye; start the run again"
        ) from error
    except DAMAGE as error:
        beside = path.with_name(path.name + SUFFIX)
        hint = f"did you mean '{beside}'?" if is_file(beside) else "start the run again"
        raise CheckpointError(
            f"'{path}' is no checkpoint of gramarye, or is damaged: {hint}"
        ) from error
    tensors = {}
    for name, (dtype, shape) in state.tensors.items():
        entry = entries.get(f"tensors/{name}")
        found = TensorInFile(path, name, getattr(torch, dtype), tuple(shape))
        if entry is None or entry.file_size != found.bytes:
            raise damaged(path, f"the bytes of its {name!r} are not all there")
        tensors[name] = found
    snapshot = Snapshot(state.step, LateTensors(tensors), state.numbers, source=f"'{path}'")
    return Checkpoint(path, run, snapshot)


def picture_of(path: Path) -> Path | None:
    """The picture of a run that has ended, by its checkpoint's name; None if there is none."""
    name = re.sub(r"(-\d+)?\.checkpoint$", "", path.name)
    try:
        picture = path.with_name(name)
        return picture if Recipe.of_picture(picture).stopped_after is None else None
    except (InputError, ValueError):  # no picture of ours; no name is left
        return None


def plain_entries(archive: zipfile.ZipFile, path: Path) -> dict[str, zipfile.ZipInfo]:
    """The entries of an archive as we write it: not compressed, and all of them in the file."""
    entries = {entry.filename: entry for entry in archive.infolist()}
    for entry in entries.values():
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != entry.compress_size:
            raise damaged(path, f"its {entry.filename!r} is compressed")
    if sum(entry.file_size for entry in archive.infolist()) > path.stat().st_size:
        raise damaged(path, "its entries are larger than the file")
    if any(entries[name].file_size > LONGEST_TEXT for name in (RUN, TENSORS)):
        raise damaged(path, "what it says of the run is too long")
    return entries


def check_format(path: Path, version: int) -> None:
    if version > FORMAT:
        raise CheckpointError(
            f"'{path}' has format {version}, and gramarye {gramarye.__version__} reads up to "
            f"{FORMAT}: install a newer gramarye"
        )
    if version < FORMAT:
        raise CheckpointError(
            f"'{path}' has format {version}, of an older gramarye: go on with that one, or start "
            "the run again"
        )


def damaged(path: Path, what: str) -> CheckpointError:
    return CheckpointError(f"'{path}' is damaged ({what}): start the run again")


@final
@dataclass(frozen=True)
class TensorInFile:
    """A tensor of a checkpoint, read when it is called for; its checksum is checked."""

    path: Path
    name: str
    dtype: torch.dtype
    shape: tuple[int, ...]

    @property
    def bytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize

    def __call__(self) -> Tensor:
        tensor = torch.empty(self.shape, dtype=self.dtype)
        into = tensor.flatten().view(torch.uint8)
        name = f"tensors/{self.name}"
        try:
            with zipfile.ZipFile(self.path) as archive, archive.open(name) as entry:
                for part in torch.split(into, PART):
                    part.numpy()[:] = bytearray(entry.read(len(part)))
                entry.read(1)  # the checksum is compared at the end, which may be still to come
        except DAMAGE as error:
            raise damaged(self.path, f"its {self.name!r} cannot be read") from error
        return tensor
