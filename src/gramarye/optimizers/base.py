"""How the pixels are moved: what every optimizer can do; Adam, gradient descent, strong Wolfe."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, final

import torch
from torch import Tensor

from gramarye.objective import Evaluates, Evaluation
from gramarye.optimizers.history import block_size, spans
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


@dataclass
class AdamState:
    """What Adam carries from one step to the next, and from one scale to the next."""

    first: Tensor | None = None  # running mean of the gradient
    second: Tensor | None = None  # running mean of its square
    step: float = 0.0

    def resized(self, height: int, width: int) -> AdamState:
        """The moments at another size (bilinear: squares stay positive)."""
        if self.first is None or self.second is None:
            return self
        first, second = (
            torch.nn.functional.interpolate(m, size=(height, width), mode="bilinear")
            for m in (self.first, self.second)
        )
        return AdamState(first, second, self.step)


@final
class Adam(AbstractOptimizer):
    """Adam (Kingma and Ba 2015, algorithm 1), its images clamped to [0, 1].

    The moments are those of `state`, changed in place; block by block, so that nothing else is
    as large as the image.
    """

    epsilon = 1e-8  # the paper's

    def __init__(self, rate: float, betas: tuple[float, float], state: AdamState) -> None:
        self.rate, self.betas, self.state = rate, betas, state

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
        self.state.step = numbers["step"]
        if "first" in tensors:
            self.state.first = own(tensors["first"], image)
            self.state.second = own(tensors["second"], image)

    def close(self) -> None:
        """The moments stay: the next scale takes them up."""


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
            return now.total

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
