"""Gradient descent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import torch
from torch import Tensor

from gramarye.objective import Evaluation
from gramarye.optimizers.base import AbstractOptimizer
from gramarye.optimizers.snapshot import LateTensor


@final
class GradientDescent(AbstractOptimizer):
    """The image minus the step length times the gradient."""

    def __init__(self, rate: float) -> None:
        self.rate = rate

    def move(self, image: Tensor, evaluation: Evaluation) -> Tensor:
        return torch.add(image, evaluation.gradient, alpha=-self.rate)

    def restart(self, rate: float) -> None:
        self.rate = rate

    def tensors(self) -> dict[str, LateTensor]:
        return {}

    def numbers(self) -> dict[str, Any]:
        return {}

    def restore(
        self, image: Tensor, tensors: Mapping[str, Tensor], numbers: Mapping[str, Any]
    ) -> None:
        """There is nothing to take up."""

    def close(self) -> None:
        """There is nothing to give back."""
