"""A run's state between two steps: enough to go on with the same numbers, bit for bit."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, final

from torch import Tensor

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

    @property
    def last(self) -> bool:
        """Whether this was the scale's last step: its `tensors["image"]` starts the next scale."""
        return bool(self.numbers["last"])


def under(prefix: str, tensors: Mapping[str, Tensor]) -> LateTensors:
    """The tensors whose names start with `prefix/`, without it; none of them is read."""
    names = [name for name in tensors if name.startswith(f"{prefix}/")]
    return LateTensors(
        {name.removeprefix(f"{prefix}/"): partial(tensors.__getitem__, name) for name in names}
    )
