"""PyTorch's L-BFGS with its line search."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, final

import torch
from pydantic import Field
from torch import Tensor

from gramarye.objective import Evaluates, Evaluation
from gramarye.optimizers.base import AbstractOptimizer, own
from gramarye.optimizers.snapshot import LateTensor, Misfit, Numbers, take

LISTS = ("old_dirs", "old_stps", "ro")


class RestNumbers(Numbers):
    """What torch remembers besides tensors; t and H_diag may be tensors too."""

    func_evals: int = Field(0, ge=0)
    n_iter: int = Field(0, ge=0)
    t: float | None = None
    H_diag: float | None = None
    prev_loss: float | None = None


class WolfeNumbers(Numbers):
    """What a snapshot holds of torch's L-BFGS."""

    lists: dict[str, Annotated[int, Field(ge=0)]]
    rest: RestNumbers


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
        found = WolfeNumbers.model_validate(numbers)
        rest = found.rest.model_dump(exclude_none=True, exclude_unset=True)
        if not rest:
            return
        state = self.open(image).state[self.pixels]
        state.update(rest)
        if not found.rest.n_iter:
            return
        flat = [image.numel()]
        shapes = {"d": flat, "prev_flat_grad": flat, "t": [], "H_diag": []}
        for key, shape in shapes.items():
            if key not in rest:
                state[key] = own(take(tensors, key, shape, image.dtype), image)
        lengths = {found.lists.get(key, 0) for key in LISTS}
        if len(lengths) > 1 or max(lengths) > self.history:
            raise Misfit("its pairs are not as many as they can be")
        for key in LISTS:
            shape = [] if key == "ro" else flat
            names = (f"{key}/{i}" for i in range(*lengths))
            state[key] = [own(take(tensors, name, shape, image.dtype), image) for name in names]

    def close(self) -> None:
        self.torch = None
