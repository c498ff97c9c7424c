"""Adam, in bounded memory, its moments carried from scale to scale."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import torch
from pydantic import Field
from torch import Tensor

from gramarye.objective import Evaluation
from gramarye.optimizers.base import AbstractOptimizer, own
from gramarye.optimizers.history import block_size, spans
from gramarye.optimizers.snapshot import LateTensor, Numbers, Snapshot, take, under


class StepNumber(Numbers):
    """What a snapshot holds of Adam."""

    step: float = Field(ge=0, allow_inf_nan=False)


@dataclass
class AdamState:
    """What Adam carries from one step to the next, and from one scale to the next."""

    first: Tensor | None = None  # running mean of the gradient
    second: Tensor | None = None  # running mean of its square
    step: float = 0.0

    @classmethod
    def of(cls, snapshot: Snapshot, like: Tensor) -> AdamState:
        """The state in a snapshot of a scale's last step, empty if another optimizer took it."""
        state = cls()
        if "optimizer" in snapshot.numbers:
            with snapshot.checked():
                state.take_up(
                    like, under("optimizer", snapshot.tensors), snapshot.numbers["optimizer"]
                )
        return state

    def take_up(self, like: Tensor, tensors: Mapping[str, Tensor], numbers: object) -> None:
        """Become what a snapshot holds, for images like this one."""
        self.step = StepNumber.model_validate(numbers).step
        if self.step:
            moments = (take(tensors, name, like.shape, like.dtype) for name in ("first", "second"))
            self.first, self.second = (own(moment, like) for moment in moments)


@final
class Adam(AbstractOptimizer):
    """Adam (Kingma and Ba 2015, algorithm 1), its images clamped to [0, 1].

    The moments are those of `state`, changed in place; block by block, so that nothing else is
    as large as the image.
    """

    epsilon = 1e-8  # the paper's
    betas = (0.9, 0.99)  # as in style-transfer-pytorch; the paper has 0.999

    def __init__(self, rate: float, state: AdamState) -> None:
        self.rate, self.state = rate, state

    @torch.no_grad()
    def move(self, image: Tensor, evaluation: Evaluation) -> Tensor:
        state, (keep_first, keep_second) = self.state, self.betas
        if state.first is None or state.second is None:
            state.first, state.second = (torch.zeros_like(image) for _ in range(2))
        state.first, state.second = state.first.contiguous(), state.second.contiguous()
        state.step += 1
        rate = self.rate / (1 - keep_first**state.step)
        root_bias = math.sqrt(1 - keep_second**state.step)
        result = torch.empty_like(image)
        rows = [t.flatten() for t in (image, evaluation.gradient)]
        rows += [t.view(-1) for t in (state.first, state.second, result)]
        for start, stop in spans(image.numel(), block_size(image.device) // 8):
            x, g, first, second, out = (row[start:stop] for row in rows)
            first.lerp_(g, 1 - keep_first)
            second.mul_(keep_second).addcmul_(g, g, value=1 - keep_second)
            root = second.sqrt().div_(root_bias).add_(self.epsilon)
            torch.addcdiv(x, first, root, value=-rate, out=out).clamp_(0, 1)
        return result

    def restart(self, rate: float) -> None:
        self.rate = rate
        self.state.first = self.state.second = None
        self.state.step = 0.0

    def tensors(self) -> dict[str, LateTensor]:
        first, second = self.state.first, self.state.second
        if first is None or second is None:
            return {}
        return {"first": first, "second": second}

    def numbers(self) -> dict[str, Any]:
        return {"step": self.state.step}

    def restore(
        self, image: Tensor, tensors: Mapping[str, Tensor], numbers: Mapping[str, Any]
    ) -> None:
        self.state.take_up(image, tensors, numbers)

    def close(self) -> None:
        """The moments stay: the next scale takes them up."""
