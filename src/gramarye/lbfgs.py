"""L-BFGS without line search, with a limit on how far one step may go."""

from __future__ import annotations

import math
from collections import deque
from typing import Any, final

import torch
from torch import Tensor


@final
class LimitedLBFGS(torch.optim.Optimizer):
    """L-BFGS (Nocedal and Wright 2006, algorithm 7.4) on one tensor, with full steps.

    Like torch's without line search: its first step is the gradient over its 1-norm. Two things
    differ. A step longer than `limit`, as a root mean square over the entries, is shortened to it:
    the style loss is of fourth order in the features, so that the first curvature measured after
    a change of scale can send an unlimited step a thousand times too far. And the history
    holds the differences between the tensors that were, so that a shortened step, or an image
    changed from outside, leaves it right.
    """

    def __init__(self, image: Tensor, *, rate: float, history: int, limit: float) -> None:
        super().__init__([image], {})
        self.image, self.rate, self.limit = image, rate, limit
        self.pairs: deque[tuple[Tensor, Tensor, float]] = deque(maxlen=history)  # s, y, 1 / y.s
        self.previous: tuple[Tensor, Tensor] | None = None  # image, gradient

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        with torch.enable_grad():
            total = closure()
        assert self.image.grad is not None
        gradient = self.image.grad.flatten()
        image = self.image.flatten()
        if self.previous is not None:
            self.remember(image - self.previous[0], gradient - self.previous[1])
        self.previous = image.clone(), gradient.clone()
        direction = self.direction(gradient)
        length = self.rate if self.pairs else self.rate / max(1.0, float(gradient.abs().sum()))
        size = length * float(direction.norm()) / math.sqrt(direction.numel())
        if size > self.limit:
            length *= self.limit / size
        self.image.add_(direction.view_as(self.image), alpha=length)
        return total

    def remember(self, moved: Tensor, change: Tensor) -> None:
        """Add a pair to the history, if the curvature along it is positive."""
        curvature = float(moved @ change)
        if curvature > 1e-10 * float(moved @ moved):
            self.pairs.append((moved, change, 1 / curvature))

    def direction(self, gradient: Tensor) -> Tensor:
        """Minus the inverse Hessian's estimate times the gradient (the two-loop recursion)."""
        q = -gradient
        shares: list[float] = []
        for moved, change, inverse in reversed(self.pairs):
            shares.append(inverse * float(moved @ q))
            q.add_(change, alpha=-shares[-1])
        if self.pairs:
            moved, change, inverse = self.pairs[-1]
            q.mul_(1 / (inverse * float(change @ change)))
        for (moved, change, inverse), share in zip(self.pairs, reversed(shares), strict=True):
            q.add_(moved, alpha=share - inverse * float(change @ q))
        return q
