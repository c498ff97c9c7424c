"""What is kept beside an unfinished clip: its parts, and all that the next frame needs to know.

`clip.mp4.parts/` holds `00000.nut` and so on, `next-00001.safetensors` (statistics of the shot and
the last frame, after so many parts) and `state.json`, which says how many parts there are and is
written last: whenever a run is killed, what it names is whole.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, final

import safetensors.torch
from torch import Tensor

from gramarye.errors import InputError, OutputError
from gramarye.files import ROOM, beside, is_there, numbered, write_atomically

STATE, SUFFIX = "state.json", ".parts"


@final
@dataclass(frozen=True)
class State:
    """How far a run has come."""

    made_of: str  # what tells one run from another
    parts: int = 0
    frames: int = 0
    begun: str = "0"  # the time of the first frame, a fraction
    ended: str = "0"  # where the last ends
    shown: str = "0"  # how long the last is shown

    @property
    def first(self) -> Fraction:
        return Fraction(self.begun)

    @property
    def end(self) -> Fraction:
        return Fraction(self.ended)

    @property
    def last(self) -> Fraction:
        return Fraction(self.shown)


@final
class Parts:
    """The folder of an unfinished clip."""

    def __init__(self, out: Path) -> None:
        self.folder = beside(out, out.name, SUFFIX, room=ROOM // 2)

    def part(self, number: int) -> Path:
        return self.folder / f"{number:05}.nut"

    def carried(self, count: int) -> Path:
        """What the next frame needs to know, after so many parts."""
        return self.folder / f"next-{count:05}.safetensors"

    def paths(self, count: int) -> list[Path]:
        return [self.part(number) for number in range(count)]

    def read(self) -> State | None:
        """How far the run came; None if there is none, or nothing of it can be gone on from."""
        try:
            found = json.loads((self.folder / STATE).read_text("utf-8"))
            state = State(**found)
            _ = state.first, state.end, state.last
        except (OSError, ValueError, TypeError):
            return None
        return state if self.carried(state.parts).is_file() else None

    def read_carried(self, state: State) -> dict[str, Tensor]:
        """What the next frame needs to know; InputError if it cannot be read."""
        path = self.carried(state.parts)
        try:
            return safetensors.torch.load(path.read_bytes())
        except (OSError, ValueError, safetensors.SafetensorError) as error:
            raise InputError(
                f"'{path}' is damaged, so that the run cannot go on: remove '{self.folder}' and "
                "begin anew"
            ) from error

    def write(self, state: State, carried: Mapping[str, Tensor]) -> None:
        tensors = {name: tensor.contiguous() for name, tensor in carried.items()}
        path = self.carried(state.parts)
        write_atomically(path, safetensors.torch.save(tensors))
        write_atomically(self.folder / STATE, json.dumps(asdict(state)).encode())
        for old in self.folder.glob("next-*.safetensors"):
            if old != path:
                old.unlink(missing_ok=True)

    def make(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"'{self.folder}' cannot be made a folder ({error.strerror}): choose another place"
            ) from error

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def claim(wish: Path, named: bool, made_of: str) -> Path:
    """The name of the result: that wished for, or with a number the first that is free or its own.

    InputError where the name was asked for, and another run's unfinished parts have it.
    """
    number = 1
    while True:
        path = numbered(wish, number)
        parts = Parts(path)
        state = parts.read()
        if state is not None and state.made_of == made_of:
            return path
        if named:
            if state is not None and state.frames:
                raise InputError(
                    f"'{parts.folder}' is of another run, unfinished (its clip, styles or settings "
                    "differ): give the same again to go on, remove it, or choose another name"
                )
            return path
        if not is_there(path) and not is_there(parts.folder):
            return path
        number += 1


def fingerprint(tree: Mapping[str, Any]) -> str:
    """What a run is made of, as a text that is the same for the same run."""
    return json.dumps(tree, sort_keys=True)
