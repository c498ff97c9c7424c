"""A run's state between two steps: enough to go on with the same numbers, bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, final

import torch
from pydantic import BaseModel, ValidationError
from torch import Tensor

from gramarye.errors import CheckpointError
from gramarye.units import show_text
from gramarye.validation import first_problem

LateTensor = Tensor | Callable[[], Tensor]  # or how it is made


@final
class LateTensors(Mapping[str, Tensor]):
    """Tensors by name, made when they are asked for: a history on disk need not fit in memory."""

    def __init__(self, tensors: Mapping[str, LateTensor]) -> None:
        self.tensors = dict(tensors)

    def __getitem__(self, name: str) -> Tensor:
        tensor = self.tensors[name]
        return tensor if isinstance(tensor, Tensor) else tensor()

    def __iter__(self) -> Iterator[str]:
        return iter(self.tensors)

    def __len__(self) -> int:
        return len(self.tensors)


@final
@dataclass(frozen=True)
class Snapshot:
    """One scale's run after a step: what `optimize` needs to go on with the next one.

    The tensors are those of the run where they can be, so they are valid until it goes on. Read
    each once, write it, and let it go: those of a history are made for the reader. `numbers` can be
    written as JSON.
    """

    step: int  # 1-based, within its scale
    tensors: Mapping[str, Tensor]
    numbers: Mapping[str, Any]
    source: str = "the snapshot"  # where it comes from, for messages

    @property
    def last(self) -> bool:
        """Whether this was the scale's last step: its `tensors["image"]` starts the next scale."""
        return self.numbers.get("last") is True

    def image(self, shape: Sequence[int]) -> Tensor:
        """The image; CheckpointError if it is not one of that shape."""
        with self.checked():
            return take(self.tensors, "image", shape)

    @contextmanager
    def checked(self) -> Iterator[None]:
        """Within, what does not fit is told as a CheckpointError.

        What a file holds may have been altered, or be another run's.
        """
        try:
            yield
        except Misfit as error:
            raise self.misfit(str(error)) from error
        except ValidationError as error:
            problem = first_problem(error, None)
            where = show_text(".".join(map(str, problem.path)))
            raise self.misfit(problem.of_file(where)) from error

    def misfit(self, what: str) -> CheckpointError:
        return CheckpointError(
            f"{self.source} does not fit its own run ({what}): it was altered or damaged; start "
            "the run again"
        )


class Misfit(ValueError):
    """A tensor or number of a snapshot that its run cannot have written."""


class Numbers(BaseModel, frozen=True, extra="forbid"):
    """Numbers of a snapshot: what each part of a run writes down, with its ranges."""


def take(
    tensors: Mapping[str, Tensor], name: str, shape: Sequence[int], dtype: torch.dtype | None = None
) -> Tensor:
    """The tensor of that name; Misfit unless it has that shape and dtype."""
    if name not in tensors:
        raise Misfit(f"it has no {name}")
    tensor = tensors[name]
    if tuple(tensor.shape) != tuple(shape):
        raise Misfit(f"its {name} has shape {tuple(tensor.shape)} instead of {tuple(shape)}")
    if dtype is not None and tensor.dtype != dtype:
        raise Misfit(f"its {name} is {tensor.dtype} instead of {dtype}")
    return tensor


def under(prefix: str, tensors: Mapping[str, Tensor]) -> LateTensors:
    """The tensors whose names start with `prefix/`, without it; none of them is read."""
    names = [name for name in tensors if name.startswith(f"{prefix}/")]
    return LateTensors(
        {name.removeprefix(f"{prefix}/"): partial(tensors.__getitem__, name) for name in names}
    )
