"""L-BFGS without line search, with a limit on how far one step may go, for images of any size."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any, final

import torch
from pydantic import Field
from torch import Tensor

from gramarye.objective import Evaluation
from gramarye.optimizers.base import AbstractOptimizer, Reduce, alone, own
from gramarye.optimizers.history import IN_MEMORY, History, PairStorage
from gramarye.optimizers.snapshot import LateTensor, Misfit, Numbers, take

# The least |y|^2 / |g|^2 at which y = g - g_before may stand for y in a product: float32's error is
# then multiplied by 30 at most.
SOUND = 1e-3
TRUST = 10  # pairs from which on the gradient is clipped at its full bound
CURVATURE = 1e-10  # the least s.y over |s| |y|: as in torch's a guard, not a condition for descent


Row = Annotated[int, Field(ge=0)]  # of the history


class PairNumbers(Numbers):
    """What a snapshot holds of L-BFGS."""

    pairs: list[tuple[Row, Row]]
    waiting: Row | None
    moved: float = Field(ge=0)


@final
class LBFGS(AbstractOptimizer):
    """L-BFGS (Nocedal and Wright 2006, algorithm 7.4) in the vector-free form, with full steps.

    Chen, Wang and Zhou (2014) run the two loops on coefficients: all they need is the inner
    products of the remembered vectors with each other and with the gradient. So a step reads the
    history twice, once for the products with the gradient and once to add up the direction, however
    many pairs there are. The paper keeps all products; the two loops need neither s.s nor the
    products of an s with older y. Those of the new y are the differences of the gradients', as
    long as the subtraction cancels little; else, and for bfloat16 rows, which have other products,
    they are computed from the vectors.

    The first step is the gradient over its 1-norm, like torch's without line search, but as a root
    mean square over the entries no shorter than `first`. Torch's moves all entries together by 1:
    where there are millions, that is less than the rounding of most of them, and the curvature
    measured along it is that of the few left.

    A step longer than `limit`, likewise, is shortened to it: the style loss is of fourth order in
    the features, so that the first curvature measured after a change of scale can send an unlimited
    step a thousand times too far. Remembered are the differences between the images that were,
    after rounding and shortening.

    The direction is that of the clipped gradient: no entry counts for more than `clip` root mean
    squares, and for less while few pairs are known; 0 is no bound. It is lengthened to the
    gradient's own slope, and the pairs are those of the gradient itself. Style losses pull at a
    pixel in proportion to the features there: unclipped, a variance that is missing everywhere
    grows out of few pixels, as specks.

    `reduce` adds up totals over processes that hold a part of the image each.
    """

    def __init__(
        self,
        *,
        rate: float,
        history: int,
        limit: float,
        first: float = 0.0,
        clip: float = 0.0,
        storage: PairStorage = IN_MEMORY,
        reduce: Reduce = alone,
    ) -> None:
        self.rate, self.memory, self.limit, self.first = rate, history, limit, first
        self.clip = clip
        self.storage, self.reduce = storage, reduce
        self.rounds = storage.bfloat16
        self.rows = 2 * history + 1  # the pairs, and the s that waits for its y
        self.history: History | None = None
        self.count = 0.0  # entries of the whole image
        self.restart(rate)

    def restart(self, rate: float) -> None:
        self.rate = rate
        self.pairs: list[tuple[int, int]] = []  # rows of s and y, the oldest first
        self.waiting: int | None = None  # row of the last step's s
        self.moved = 0.0  # that step's square
        self.previous: Tensor | None = None  # gradient before that step, flat
        self.products = torch.zeros(self.rows, self.rows, dtype=torch.float64)  # of the rows
        self.slopes = torch.zeros(self.rows, dtype=torch.float64)  # the rows times that gradient

    @torch.no_grad()
    def move(self, image: Tensor, evaluation: Evaluation) -> Tensor:
        history = self.open(image)
        gradient, here = evaluation.gradient.flatten(), image.flatten()
        bound = self.bound(history, gradient)
        slopes, stretch = self.remember(history, gradient, bound)
        direction, norm = self.direction(history, gradient, bound, slopes)
        length = self.rate * stretch
        if not self.pairs:
            length /= max(
                1.0, float(self.total([g.abs().sum() for g in torch.split(gradient, 1 << 20)]))
            )
        size = length * norm / math.sqrt(self.count)
        if not self.pairs and 0 < size < self.rate * self.first:
            length, size = length * self.rate * self.first / size, self.rate * self.first
        if size > self.limit:
            length *= self.limit / size
        row = self.free_row()
        for start, stop in history.spans:
            before, after = here[start:stop], direction[start:stop]
            torch.add(before, after, alpha=length, out=after)  # the direction becomes the image
            history.write(row, start, stop, after - before)
        self.waiting, self.moved, self.previous = row, (length * norm) ** 2, gradient
        return direction.view_as(image)

    def bound(self, history: History, gradient: Tensor) -> float:
        """What the gradient's entries are clipped to: less while few pairs are known."""
        if not self.clip:
            return math.inf
        parts = (gradient[start:stop] for start, stop in history.spans)
        mean_square = float(self.total([g @ g for g in parts])) / self.count
        known = 1 + len(self.pairs) + (self.waiting is not None)
        return self.clip * min(1.0, known / TRUST) * math.sqrt(mean_square)

    def remember(self, history: History, gradient: Tensor, bound: float) -> tuple[Tensor, float]:
        """Add the last step to the history, if the curvature along it is positive.

        What comes back is the clipped gradient's product with each row (rows,), and how much longer
        it must be for the gradient's own slope.
        """
        if self.waiting is None or self.previous is None:
            return self.slopes, 1.0
        used, before = self.used(), self.slopes
        sums = []
        for start, stop in history.spans:
            block = history.read(start, stop, used)
            g = gradient[start:stop]
            y = history.rounded(g - self.previous[start:stop])
            c = g.clamp(-bound, bound)
            few = torch.stack([block[self.waiting] @ y, y @ y, y @ g, g @ g, y @ c, c @ g])
            parts = [few, *(block @ torch.stack([g, c]).T).T]
            sums.append(torch.cat([*parts, block @ y] if self.rounds else parts))
        totals = self.total(sums)
        curvature, y_y, y_g, g_g, y_c, c_g = totals[:6].tolist()
        slopes, clipped = torch.zeros_like(before), torch.zeros_like(before)
        slopes[:used], clipped[:used], *rest = torch.split(totals[6:], used)
        if self.rounds:
            (with_change,) = rest
        elif y_y > SOUND * g_g:
            with_change = slopes[:used] - before[:used]
        else:
            with_change = self.with_change(history, gradient, used)
        with_change[self.waiting] = curvature
        # Beside both lengths, not the step's alone: the losses are means, so that their curvature
        # falls with the number of pixels.
        if curvature > CURVATURE * math.sqrt(self.moved * y_y):
            if len(self.pairs) == self.memory:
                del self.pairs[0]
            row = self.free_row()
            for start, stop in history.spans:
                history.write(row, start, stop, gradient[start:stop] - self.previous[start:stop])
            self.products[row, :used] = self.products[:used, row] = with_change
            self.products[row, row], slopes[row], clipped[row] = y_y, y_g, y_c
            self.pairs.append((self.waiting, row))
        self.waiting = self.previous = None
        self.slopes = slopes
        return clipped, g_g / c_g if c_g > 0 else 1.0

    def with_change(self, history: History, gradient: Tensor, used: int) -> Tensor:
        """The gradient's change times each row (used,), from the vectors themselves."""
        assert self.previous is not None
        return self.total(
            [
                history.read(start, stop, used) @ (gradient[start:stop] - self.previous[start:stop])
                for start, stop in history.spans
            ]
        )

    def direction(
        self, history: History, gradient: Tensor, bound: float, slopes: Tensor
    ) -> tuple[Tensor, float]:
        """Minus the inverse Hessian's estimate times the clipped gradient (n,), and its norm."""
        direction = torch.empty_like(gradient)
        weights, own_weight = self.weights(slopes)
        weights = weights[: self.used()].to(gradient.dtype).to(gradient.device)
        squares = []
        for start, stop in history.spans:
            part = direction[start:stop]
            torch.clamp(gradient[start:stop], -bound, bound, out=part)
            part *= own_weight
            if self.pairs:
                part.addmv_(history.read(start, stop, len(weights)).T, weights)
            squares.append(part @ part)
        return direction, math.sqrt(self.total(squares))

    def weights(self, slopes: Tensor) -> tuple[Tensor, float]:
        """The direction as a sum: a weight for each row (rows,), and the gradient's."""
        weights = torch.zeros_like(slopes)
        if not self.pairs:
            return weights, -1.0
        s, y = torch.tensor(self.pairs).T
        weights[s], weights[y], gradient = two_loops(
            self.products[s[:, None], y], self.products[y[:, None], y], slopes[s], slopes[y]
        )
        return weights, gradient

    def total(self, parts: list[Tensor]) -> Tensor:
        """The sum over blocks and processes, in float64, on the CPU."""
        return self.reduce(torch.stack(parts).cpu().double().sum(dim=0))

    def used(self) -> int:
        """How many rows there are up to the last one in use."""
        return 1 + max([row for pair in self.pairs for row in pair] + [self.last_waiting()])

    def free_row(self) -> int:
        taken = {row for pair in self.pairs for row in pair} | {self.last_waiting()}
        return min(set(range(self.rows)) - taken)

    def last_waiting(self) -> int:
        return -1 if self.waiting is None else self.waiting

    def open(self, image: Tensor) -> History:
        """The history, made when it is first needed."""
        if self.history is None:
            self.history = History(image, self.rows, self.storage)
            self.count = float(self.reduce(torch.tensor(image.numel(), dtype=torch.float64)))
        return self.history

    def tensors(self) -> dict[str, LateTensor]:
        history, previous, used = self.history, self.previous, self.used()
        if history is None or previous is None:
            return {}
        parts = {
            f"history/{i}": partial(history.pack, part, used)
            for i, part in enumerate(history.parts())
        }
        state = {"previous": previous, "products": self.products, "slopes": self.slopes}
        return {**state, **parts}

    def numbers(self) -> dict[str, Any]:
        return {
            "pairs": [list(pair) for pair in self.pairs],
            "waiting": self.waiting,
            "moved": self.moved,
        }

    def restore(
        self, image: Tensor, tensors: Mapping[str, Tensor], numbers: Mapping[str, Any]
    ) -> None:
        found = PairNumbers.model_validate(numbers)
        rows = [row for pair in found.pairs for row in pair]
        rows += [] if found.waiting is None else [found.waiting]
        twice = len({*rows}) < len(rows)
        if twice or len(found.pairs) > self.memory or max(rows, default=0) >= self.rows:
            raise Misfit("its pairs lie where none can be")
        self.pairs = [(s, y) for s, y in found.pairs]
        self.waiting, self.moved = found.waiting, found.moved
        if self.waiting is None:
            if self.pairs:
                raise Misfit("its pairs have no last step")
            return
        square = (self.rows, self.rows)
        self.previous = own(take(tensors, "previous", [image.numel()], image.dtype), image)
        self.products = take(tensors, "products", square, torch.float64).clone()
        self.slopes = take(tensors, "slopes", square[:1], torch.float64).clone()
        history, used = self.open(image), self.used()
        for i, part in enumerate(history.parts()):
            size = [used * (part[-1][1] - part[0][0])]
            history.unpack(take(tensors, f"history/{i}", size, history.stored), part, used)

    def close(self) -> None:
        if self.history is not None:
            self.history.close()
            self.history = None


def two_loops(
    s_y: Tensor, y_y: Tensor, s_gradient: Tensor, y_gradient: Tensor
) -> tuple[Tensor, Tensor, float]:
    """The weights of the s (k,), of the y (k,) and of the gradient in the L-BFGS direction.

    Given are inner products: s_i.y_j for i <= j (k, k), y_i.y_j (k, k), and those with the
    gradient (k,), the oldest first. Each of the two loops solves a triangular system, row after
    row (Byrd, Nocedal and Schnabel 1994, theorem 2.2, has the same matrices).
    """
    upper = s_y.triu()  # what an s has with younger y
    curvature = upper.diagonal()
    scale = float(curvature[-1] / y_y[-1, -1])
    # First loop: alpha_i y_i.s_i = s_i.q, where q = -g - sum of alpha_j y_j over younger j.
    alpha = torch.linalg.solve_triangular(upper, -s_gradient[:, None], upper=True)[:, 0]
    # Second: w_i = alpha_i - y_i.r / y_i.s_i, where r = scale q + sum of w_j s_j over older j.
    y_q = -y_gradient - y_y @ alpha
    right = curvature * alpha - scale * y_q
    w = torch.linalg.solve_triangular(upper.T, right[:, None], upper=False)[:, 0]
    return w, -scale * alpha, -scale
