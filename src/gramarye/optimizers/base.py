"""How the pixels are moved: what every optimizer can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from gramarye.objective import Evaluation
from gramarye.optimizers.snapshot import LateTensor

Reduce = Callable[[Tensor], Tensor]


def alone(totals: Tensor) -> Tensor:
    """The totals over all processes, where there is one."""
    return totals


def own(tensor: Tensor, like: Tensor) -> Tensor:
    """A copy on the device of `like`, in memory as PyTorch aligns it.

    A tensor read from a file may lie elsewhere, and vectorized sums would then round otherwise.
    """
    return torch.empty_like(tensor, device=like.device).copy_(tensor)


class AbstractOptimizer(ABC):
    """Moves an image, remembers what it must, and can be written down and taken up again."""

    @abstractmethod
    def move(self, image: Tensor, evaluation: Evaluation) -> Tensor:
        """The next image, a new tensor; the evaluation is that of this image."""

    @abstractmethod
    def restart(self, rate: float) -> None:
        """Forget everything and go on with another step length."""

    @abstractmethod
    def tensors(self) -> dict[str, LateTensor]:
        """The state's tensors by name, made when they are called for, valid until the next move."""

    @abstractmethod
    def numbers(self) -> dict[str, Any]:
        """The rest of the state, as JSON can hold it."""

    @abstractmethod
    def restore(
        self, image: Tensor, tensors: Mapping[str, Tensor], numbers: Mapping[str, Any]
    ) -> None:
        """Take the state up again, for images like this one."""

    @abstractmethod
    def close(self) -> None:
        """Give memory and files back."""
