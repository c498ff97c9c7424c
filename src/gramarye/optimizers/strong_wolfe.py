"""PyTorch's L-BFGS with its line search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

import torch
from torch import Tensor

from gramarye.objective import Evaluates, Evaluation
from gramarye.optimizers.base import AbstractOptimizer, own
from gramarye.optimizers.snapshot import LateTensor


@final
class StrongWolfe(AbstractOptimizer):
    """torch's L-BFGS with its line search: up to four of its iterations per step.

    For whole images only: its inner products are not added up over processes.
    """

    # Images looked at per step: torch begins no iteration after that many, and a line search seldom
    # needs a second. Six runs of three pairs took 5.05 on the average.
    EVALUATIONS = 5

    def __init__(self, rate: float, history: int, objective: Evaluates) -> None:
        self.rate, self.history, self.objective = rate, history, objective
        self.pixels = torch.empty(0)
        self.torch: torch.optim.LBFGS | None = None

    def open(self, image: Tensor) -> torch.optim.LBFGS:
        if self.torch is None:
            self.pixels = image.clone()
            # Tolerances off: the losses are means over pixels in [0, 1] and would trip them early.
            self.torch = torch.optim.LBFGS(
                [self.pixels],
                lr=self.rate,
                max_iter=4,
                max_eval=self.EVALUATIONS,
                history_size=self.history,
                tolerance_grad=0,
                tolerance_change=0,
                line_search_fn="strong_wolfe",
            )
        return self.torch

    def move(self, image: Tensor, evaluation: Evaluation) -> Tensor:
        optimizer, known = self.open(image), [evaluation]

        def closure() -> Tensor:
            # The first call is for the image itself.
            now = known.pop() if known else self.objective.evaluate(self.pixels)
            self.pixels.grad = now.gradient
            return now.total.sum()

        self.pixels.copy_(image)
        optimizer.step(closure)  # type: ignore[no-untyped-call]
        self.pixels.grad = None
        return self.pixels.clone()

    def restart(self, rate: float) -> None:
        self.rate, self.torch = rate, None

    def state(self) -> dict[str, Any]:
        """What torch remembers, without its scratch list."""
        if self.torch is None:
            return {}
        return {key: x for key, x in self.torch.state[self.pixels].items() if key != "al"}

    def tensors(self) -> dict[str, LateTensor]:
        found: dict[str, LateTensor] = {}
        for key, value in self.state().items():
            if isinstance(value, Tensor):
                found[key] = value
            elif isinstance(value, list):
                found |= {f"{key}/{i}": tensor for i, tensor in enumerate(value)}
        return found

    def numbers(self) -> dict[str, Any]:
        state = self.state()
        lists = {key: len(value) for key, value in state.items() if isinstance(value, list)}
        rest = {key: value for key, value in state.items() if isinstance(value, int | float)}
        return {"lists": lists, "rest": rest}

    def restore(
        self, image: Tensor, tensors: Mapping[str, Tensor], numbers: Mapping[str, Any]
    ) -> None:
        if not numbers["rest"]:
            return
        state = self.open(image).state[self.pixels]
        state.update(numbers["rest"])
        state.update({key: own(tensors[key], image) for key in tensors if "/" not in key})
        for key, length in numbers["lists"].items():
            state[key] = [own(tensors[f"{key}/{i}"], image) for i in range(length)]

    def close(self) -> None:
        self.torch = None
