"""Our L-BFGS: torch's steps where no limit is met, the limit, the curvature condition."""

import math
from itertools import pairwise

import torch
from torch import Tensor
from torch.testing import assert_close

from gramarye.lbfgs import LimitedLBFGS

STIFFNESS = torch.linspace(0.5, 4.0, 12, dtype=torch.float64)


def rosenbrock_like(x: Tensor) -> Tensor:
    """A curved valley: neighbors are coupled and the curvature changes along the way."""
    return ((x[1:] - x[:-1] ** 2) ** 2).sum() + (STIFFNESS * (x - 0.8) ** 2).sum()


def run(optimizer: torch.optim.Optimizer, x: Tensor, steps: int) -> list[Tensor]:
    path = []

    def closure() -> Tensor:
        leaf = x.detach().clone().requires_grad_(True)
        value = rosenbrock_like(leaf)
        (x.grad,) = torch.autograd.grad(value, leaf)
        return value.detach()

    for _ in range(steps):
        optimizer.step(closure)  # type: ignore[arg-type]
        path.append(x.clone())
    return path


def test_without_a_limit_it_takes_torchs_steps() -> None:
    mine, theirs = (torch.zeros(12, dtype=torch.float64) for _ in range(2))
    reference = torch.optim.LBFGS(
        [theirs], lr=1, max_iter=1, history_size=5, tolerance_grad=0, tolerance_change=0
    )
    ours = run(LimitedLBFGS(mine, rate=1.0, history=5, limit=math.inf), mine, 15)
    expected = run(reference, theirs, 15)
    for a, b in zip(ours, expected, strict=True):
        assert_close(a, b, rtol=1e-7, atol=1e-10)


def test_no_step_is_longer_than_the_limit() -> None:
    x = torch.zeros(12, dtype=torch.float64)
    path = [x.clone(), *run(LimitedLBFGS(x, rate=1.0, history=5, limit=0.01), x, 20)]
    lengths = [float((b - a).square().mean().sqrt()) for a, b in pairwise(path)]
    assert max(lengths) <= 0.01 * (1 + 1e-9)
    assert max(lengths) > 0.0099


def test_it_still_arrives_with_a_limit() -> None:
    free, bound = (torch.zeros(12, dtype=torch.float64) for _ in range(2))
    run(LimitedLBFGS(free, rate=1.0, history=8, limit=math.inf), free, 60)
    run(LimitedLBFGS(bound, rate=1.0, history=8, limit=0.02), bound, 120)
    assert_close(free, bound, rtol=1e-4, atol=1e-5)


def test_negative_curvature_is_not_remembered() -> None:
    optimizer = LimitedLBFGS(torch.zeros(2), rate=1.0, history=5, limit=1.0)
    optimizer.remember(torch.tensor([1.0, 0.0]), torch.tensor([-1.0, 0.0]))
    optimizer.remember(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]))
    assert not optimizer.pairs
    optimizer.remember(torch.tensor([1.0, 0.0]), torch.tensor([2.0, 0.0]))
    assert len(optimizer.pairs) == 1


def test_one_pair_scales_a_gradient_along_it_by_the_inverse_curvature() -> None:
    optimizer = LimitedLBFGS(torch.zeros(2), rate=1.0, history=5, limit=1.0)
    optimizer.remember(torch.tensor([1.0, 0.0]), torch.tensor([4.0, 0.0]))
    assert_close(optimizer.direction(torch.tensor([8.0, 4.0])), torch.tensor([-2.0, -1.0]))


def test_where_there_is_no_slope_it_stays() -> None:
    x = torch.full((4,), 0.5)
    optimizer = LimitedLBFGS(x, rate=1.0, history=5, limit=0.1)
    for _ in range(3):
        x.grad = torch.zeros_like(x)
        optimizer.step(lambda: torch.tensor(0.0))
    assert x.tolist() == [0.5] * 4
