"""Our L-BFGS: torch's steps where no limit is met, the plain two loops, shards, the limit."""

import errno
import math
import os
import threading
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from gramarye.errors import OutputError
from gramarye.objective import Evaluation
from gramarye.optimizers import history, lbfgs
from gramarye.optimizers.history import PairStorage
from gramarye.optimizers.lbfgs import LBFGS, two_loops


def rosenbrock_like(x: Tensor) -> Tensor:
    """A curved valley: neighbors are coupled and the curvature changes along the way."""
    stiffness = torch.linspace(0.5, 4.0, len(x), dtype=torch.float64).to(x)
    return ((x[1:] - x[:-1] ** 2) ** 2).sum() + (stiffness * (x - 0.8) ** 2).sum()


def evaluate(x: Tensor, scale: float = 1.0) -> Evaluation:
    leaf = x.detach().requires_grad_(True)
    value = scale * rosenbrock_like(leaf)
    (gradient,) = torch.autograd.grad(value, leaf)
    return Evaluation({}, value.detach(), gradient)


def run(optimizer: LBFGS, x: Tensor, steps: int) -> list[Tensor]:
    path = []
    for _ in range(steps):
        x = optimizer.move(x, evaluate(x))
        path.append(x)
    return path


def plain_direction(pairs: list[tuple[Tensor, Tensor]], gradient: Tensor) -> Tensor:
    """Nocedal and Wright (2006), algorithm 7.4, as it is printed."""
    q, alphas = -gradient, []
    for s, y in reversed(pairs):
        alphas.append((s @ q) / (s @ y))
        q = q - alphas[-1] * y
    if pairs:
        s, y = pairs[-1]
        q = q * (s @ y) / (y @ y)
    for (s, y), alpha in zip(pairs, reversed(alphas), strict=True):
        q = q + (alpha - (y @ q) / (s @ y)) * s
    return q


def remembered(optimizer: LBFGS) -> list[tuple[Tensor, Tensor]]:
    rows = optimizer.history
    if rows is None or not optimizer.pairs:
        return []
    used = optimizer.used()
    whole = torch.cat([rows.read(a, b, used).clone() for a, b in rows.spans], dim=1).double()
    return [(whole[s], whole[y]) for s, y in optimizer.pairs]


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 64 columns, so that a short vector has many, the last of them cut off."""
    monkeypatch.setattr(history, "CPU_BLOCK", 64)
    monkeypatch.setattr(history, "SHORTEST", 64)
    monkeypatch.setattr(history, "PART", 64 * 40)


def test_without_a_limit_it_takes_torchs_steps() -> None:
    x = torch.zeros(12, dtype=torch.float64)
    theirs = x.clone()
    reference = torch.optim.LBFGS(
        [theirs], lr=1, max_iter=1, history_size=5, tolerance_grad=0, tolerance_change=0
    )

    def closure() -> Tensor:
        evaluation = evaluate(theirs)
        theirs.grad = evaluation.gradient
        return evaluation.total

    for ours in run(LBFGS(rate=1.0, history=5, limit=math.inf), x, 15):
        reference.step(closure)  # type: ignore[no-untyped-call]
        assert_close(ours, theirs, rtol=1e-7, atol=1e-10)


def test_the_first_step_is_no_shorter_than_it_may_be() -> None:
    x = torch.linspace(-1, 1, 200)
    gradient = evaluate(x).gradient
    for first in (0.0, 1e-6, 0.01, 0.05):  # torch's own is 7e-4 here
        moved = LBFGS(rate=1.0, history=5, limit=0.02, first=first).move(x, evaluate(x)) - x
        length = float(moved.square().mean().sqrt())
        torchs = float(gradient.square().mean().sqrt() / gradient.abs().sum())
        assert length == pytest.approx(min(max(torchs, first), 0.02), rel=1e-3)
        assert_close(moved / moved.norm(), -gradient / gradient.norm(), rtol=0, atol=1e-3)


def test_a_smaller_rate_makes_the_first_step_shorter() -> None:
    x = torch.linspace(-1, 1, 200)
    whole, half = (
        LBFGS(rate=rate, history=5, limit=1.0, first=0.01).move(x, evaluate(x)) - x
        for rate in (1.0, 0.5)
    )
    assert_close(half, whole / 2, rtol=1e-3, atol=1e-6)


def test_where_the_gradient_is_zero_there_is_no_first_step() -> None:
    x = torch.ones(20)
    still = Evaluation({}, torch.zeros(()), torch.zeros(20))
    assert torch.equal(LBFGS(rate=1.0, history=5, limit=1.0, first=0.01).move(x, still), x)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize(
    ("dtype", "rounded", "tolerance"),
    [
        (torch.float64, False, 1e-9),
        (torch.float32, False, 1e-4),
        (torch.float32, True, 1e-4),  # the rounded pairs are the pairs
    ],
)
@pytest.mark.parametrize(("memory", "clip"), [(4, 0.0), (30, 0.0), (4, 2.0), (30, 0.5)])
def test_the_direction_is_that_of_the_plain_two_loops(
    dtype: torch.dtype, rounded: bool, tolerance: float, memory: int, clip: float
) -> None:
    storage = PairStorage(rounded)
    optimizer = LBFGS(rate=1.0, history=memory, limit=0.01, clip=clip, storage=storage)
    found: list[Tensor] = []
    plain: Callable[..., tuple[Tensor, float]] = optimizer.direction

    def spy(rows: Any, gradient: Tensor, bound: float, slopes: Tensor) -> tuple[Tensor, float]:
        assert (bound == math.inf) == (clip == 0)
        clipped = gradient.double().clamp(-bound, bound)
        expected = plain_direction(remembered(optimizer), clipped)
        direction, norm = plain(rows, gradient, bound, slopes)
        found.append((direction.double() - expected).norm() / expected.norm())
        assert norm == pytest.approx(float(expected.norm()), rel=tolerance)
        return direction, norm

    optimizer.direction = spy  # type: ignore[method-assign]
    x = torch.full((300,), -0.5, dtype=dtype)
    for step in range(200):
        # A valley that changes, so that the run never comes to rest where all is rounding.
        x = optimizer.move(x, evaluate(x, scale=1 + 0.3 * math.sin(step)))
    assert len(optimizer.pairs) == memory
    assert max(found) < tolerance


def test_the_two_loops_of_one_pair_by_hand() -> None:
    # s = (1, 0), y = (4, 0), g = (8, 4): the direction is -g / 4 across, and -2 along.
    s, y, own = two_loops(*(torch.tensor(x).double() for x in ([[4.0]], [[16.0]], [8.0], [32.0])))
    s_vector, y_vector = torch.tensor([1.0, 0.0]), torch.tensor([4.0, 0.0])
    direction = s * s_vector + y * y_vector + own * torch.tensor([8.0, 4.0])
    assert_close(direction.float(), torch.tensor([-2.0, -1.0]))


def test_a_gradient_is_clipped_by_hand() -> None:
    # Root mean square 5 and clip 2: bound 10 with all trust, 1 before the first of ten pairs, 2
    # where the first pair waits.
    gradient = torch.tensor([10.0, 0.0, 0.0, 0.0], dtype=torch.float64)
    optimizer = LBFGS(rate=1.0, history=20, limit=math.inf, first=0.5, clip=2.0)
    rows = optimizer.open(gradient)
    assert optimizer.bound(rows, gradient) == pytest.approx(1.0)
    optimizer.pairs = [(0, 1)] * 9
    assert optimizer.bound(rows, gradient) == pytest.approx(10.0)
    optimizer.pairs = [(0, 1)] * 15
    assert optimizer.bound(rows, gradient) == pytest.approx(10.0)
    optimizer.pairs = []
    # The first step: all entries count the same, and it is 0.5 root mean square long.
    steep = torch.tensor([10.0, -3.0, 4.0, -20.0], dtype=torch.float64)
    after = optimizer.move(torch.zeros_like(steep), Evaluation({}, steep.sum(), steep))
    assert_close(after, torch.tensor([-0.5, 0.5, -0.5, 0.5], dtype=torch.float64))
    assert optimizer.bound(rows, gradient) == pytest.approx(2.0)


def test_a_clipped_gradient_is_lengthened_to_its_own_slope() -> None:
    optimizer = LBFGS(rate=1.0, history=5, limit=0.02, clip=1.0)
    x = run(optimizer, torch.linspace(-1, 1, 300, dtype=torch.float64), 4)[-1]
    gradient = evaluate(x).gradient
    rows = optimizer.open(x)
    bound = optimizer.bound(rows, gradient)
    clipped = gradient.clamp(-bound, bound)
    assert float(clipped @ gradient) < 0.9 * float(gradient @ gradient)
    _, stretch = optimizer.remember(rows, gradient, bound)
    assert stretch * float(clipped @ gradient) == pytest.approx(float(gradient @ gradient))


def test_with_a_clipped_gradient_it_arrives_too() -> None:
    x = torch.zeros(12, dtype=torch.float64)
    free = run(LBFGS(rate=1.0, history=8, limit=math.inf), x, 60)[-1]
    clipped = run(LBFGS(rate=1.0, history=8, limit=math.inf, clip=1.0), x, 120)[-1]
    assert_close(free, clipped, rtol=1e-4, atol=1e-5)


def test_no_step_is_longer_than_the_limit() -> None:
    x = torch.zeros(12, dtype=torch.float64)
    path = [x, *run(LBFGS(rate=1.0, history=5, limit=0.01), x, 20)]
    lengths = [float((b - a).square().mean().sqrt()) for a, b in pairwise(path)]
    assert max(lengths) <= 0.01 * (1 + 1e-9)
    assert max(lengths) > 0.0099


def test_it_still_arrives_with_a_limit() -> None:
    x = torch.zeros(12, dtype=torch.float64)
    free = run(LBFGS(rate=1.0, history=8, limit=math.inf), x, 60)[-1]
    bound = run(LBFGS(rate=1.0, history=8, limit=0.02), x, 120)[-1]
    assert_close(free, bound, rtol=1e-4, atol=1e-5)


def test_a_shortened_step_is_remembered_as_it_was() -> None:
    optimizer = LBFGS(rate=1.0, history=3, limit=0.01)
    x = torch.zeros(12, dtype=torch.float64)
    path = [x, *run(optimizer, x, 3)]
    for (s, y), (a, b) in zip(remembered(optimizer), pairwise(path), strict=False):
        assert torch.equal(s, b - a)
        assert torch.equal(y, evaluate(b).gradient - evaluate(a).gradient)


def test_negative_curvature_is_not_remembered_and_costs_no_pair() -> None:
    optimizer = LBFGS(rate=1.0, history=2, limit=1.0)
    x = run(optimizer, torch.zeros(12, dtype=torch.float64), 4)[-1]
    gradient = evaluate(x).gradient
    after = optimizer.move(x, Evaluation({}, torch.tensor(0.0), gradient))
    kept = remembered(optimizer)
    assert len(kept) == 2
    uphill = gradient - (after - x)  # y = -s
    last = optimizer.move(after, Evaluation({}, torch.tensor(0.0), uphill))
    assert torch.isfinite(last).all()
    for pair, expected in zip(remembered(optimizer), kept, strict=True):
        assert torch.equal(pair[0], expected[0]) and torch.equal(pair[1], expected[1])


def test_where_there_is_no_slope_it_stays() -> None:
    x = torch.full((4,), 0.5)
    optimizer = LBFGS(rate=1.0, history=5, limit=0.1)
    for _ in range(3):
        x = optimizer.move(x, Evaluation({}, torch.tensor(0.0), torch.zeros_like(x)))
    assert x.tolist() == [0.5] * 4


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("rounded", [False, True])
def test_on_disk_the_steps_are_the_same(rounded: bool, tmp_path: Path) -> None:
    x = torch.zeros(300)
    here = run(LBFGS(rate=1.0, history=5, limit=0.02, storage=PairStorage(rounded)), x, 20)
    storage = PairStorage(rounded, str(tmp_path))
    on_disk = LBFGS(rate=1.0, history=5, limit=0.02, storage=storage)
    for a, b in zip(here, run(on_disk, x, 20), strict=True):
        assert torch.equal(a, b)
    on_disk.close()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="Windows removes the file when it is closed")
def test_the_file_has_no_name_even_while_it_is_used(tmp_path: Path) -> None:
    optimizer = LBFGS(rate=1.0, history=5, limit=0.02, storage=PairStorage(folder=str(tmp_path)))
    run(optimizer, torch.zeros(300), 4)
    assert list(tmp_path.iterdir()) == []
    optimizer.close()


def test_a_bfloat16_history_is_half_as_large() -> None:
    sizes = []
    for rounded in (False, True):
        optimizer = LBFGS(rate=1.0, history=5, limit=0.02, storage=PairStorage(rounded))
        run(optimizer, torch.zeros(300), 2)
        assert optimizer.history is not None
        sizes.append(optimizer.history.store.numbers.nbytes)  # type: ignore[attr-defined]
    assert sizes == [11 * 300 * 4, 11 * 300 * 2]


def test_a_disk_too_small_is_refused_before_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history.shutil, "disk_usage", lambda folder: SimpleNamespace(free=1000))
    optimizer = LBFGS(rate=1.0, history=5, limit=0.02, storage=PairStorage(folder=str(tmp_path)))
    with pytest.raises(OutputError, match=r"GiB are free; make room there, name another folder"):
        run(optimizer, torch.zeros(300), 1)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    optimizer = LBFGS(
        rate=1.0, history=5, limit=0.02, storage=PairStorage(folder=str(tmp_path / "no"))
    )
    with pytest.raises(OutputError, match=r"no: No such file or directory"):
        run(optimizer, torch.zeros(300), 1)


def test_a_disk_that_fills_up_is_told(tmp_path: Path) -> None:
    optimizer = LBFGS(rate=1.0, history=5, limit=0.02, storage=PairStorage(folder=str(tmp_path)))
    run(optimizer, torch.zeros(300), 2)
    assert optimizer.history is not None
    store: Any = optimizer.history.store

    class Full:
        def __init__(self, file: Any) -> None:
            self.file = file

        def write(self, data: memoryview) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def __getattr__(self, name: str) -> Any:
            return getattr(self.file, name)

    store.file = Full(store.file)
    with pytest.raises(OutputError, match=f"{os.strerror(errno.ENOSPC)}; make room"):
        run(optimizer, torch.zeros(300), 3)
    optimizer.close()


def shared_sum(parties: int) -> Iterator[Callable[[Tensor], Tensor]]:
    """One `reduce` per thread: each call adds up what all of them brought."""
    barrier = threading.Barrier(parties, timeout=20)
    brought: dict[int, Tensor] = {}

    def make(rank: int) -> Callable[[Tensor], Tensor]:
        def reduce(totals: Tensor) -> Tensor:
            brought[rank] = totals
            barrier.wait()
            total = torch.stack([brought[r] for r in range(parties)]).sum(dim=0)
            barrier.wait()
            return total

        return reduce

    return (make(rank) for rank in range(parties))


@pytest.mark.parametrize(("limit", "clip"), [(0.02, 0.0), (math.inf, 0.0), (0.02, 1.0)])
def test_two_halves_in_two_threads_take_the_steps_of_the_whole(limit: float, clip: float) -> None:
    # A quadratic with a stiffness per entry: each half's gradient needs nothing of the other.
    stiffness = torch.linspace(0.5, 4.0, 301, dtype=torch.float64)
    start = torch.linspace(-1, 1, 301, dtype=torch.float64)

    def descend(part: slice, **settings: Any) -> Tensor:
        optimizer = LBFGS(rate=1.0, history=5, limit=limit, clip=clip, **settings)
        x = start[part]
        for _ in range(25):
            x = optimizer.move(x, Evaluation({}, x.sum(), stiffness[part] * (x - 0.7)))
        return x

    whole = descend(slice(0, 301))
    halves, found = (slice(0, 100), slice(100, 301)), {}

    def work(rank: int, reduce: Callable[[Tensor], Tensor]) -> None:
        found[rank] = descend(halves[rank], reduce=reduce)

    threads = [threading.Thread(target=work, args=(i, r)) for i, r in enumerate(shared_sum(2))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert_close(torch.cat([found[0], found[1]]), whole, rtol=1e-9, atol=1e-11)


def test_products_derived_and_computed_give_the_same_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = []
    for sound in (0.0, math.inf):  # always derived, never derived
        monkeypatch.setattr(lbfgs, "SOUND", sound)
        paths.append(run(LBFGS(rate=1.0, history=5, limit=0.02), torch.zeros(300).double(), 30))
    for derived, computed in zip(*paths, strict=True):
        assert_close(derived, computed, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize(("clip", "expected"), [(0.0, 2), (2.0, 3)])
def test_a_step_takes_two_reductions_and_one_for_the_bound(clip: float, expected: int) -> None:
    calls = []

    def count(totals: Tensor) -> Tensor:
        calls.append(totals.shape)
        return totals

    optimizer = LBFGS(rate=1.0, history=5, limit=0.02, clip=clip, reduce=count)
    x = run(optimizer, torch.zeros(300), 5)[-1]
    calls.clear()
    run(optimizer, x, 1)
    assert len(calls) == expected
