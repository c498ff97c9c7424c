"""Adam: PyTorch's steps, in blocks, and clamped to the colors there are."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from gramarye.objective import Evaluation
from gramarye.optimizers import adam
from gramarye.optimizers.adam import Adam, AdamState
from gramarye.optimizers.snapshot import Snapshot


def gradient(image: Tensor) -> Tensor:
    stiffness = torch.linspace(-1.0, 3.0, image.numel(), dtype=image.dtype).view_as(image)
    return stiffness * (image - 0.55) + (image - 0.5) ** 3


def evaluate(image: Tensor) -> Evaluation:
    return Evaluation({}, torch.zeros(len(image)), gradient(image))


@pytest.mark.parametrize("block", [56, 10_000])
def test_it_takes_torchs_steps(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adam, "block_size", lambda device: block)
    x = 0.4 + 0.2 * torch.rand(1, 3, 4, 5, dtype=torch.float64)
    theirs = x.clone()
    reference = torch.optim.Adam([theirs], lr=0.01, betas=Adam.betas, eps=Adam.epsilon)
    optimizer = Adam(0.01, AdamState())
    for _ in range(12):
        x = optimizer.move(x, evaluate(x))
        theirs.grad = gradient(theirs)
        reference.step()
        assert_close(x, theirs, rtol=1e-10, atol=1e-12)
    assert x.min() > 0 and x.max() < 1  # the clamp had nothing to do


def test_an_image_stays_within_the_colors_there_are() -> None:
    x = torch.tensor([0.0, 0.5, 1.0]).view(1, 3, 1, 1)
    away = Evaluation({}, torch.zeros(1), torch.tensor([1.0, 1.0, -1.0]).view(1, 3, 1, 1))
    moved = Adam(0.1, AdamState()).move(x, away)
    assert_close(moved.flatten(), torch.tensor([0.0, 0.4, 1.0]))


def test_restarted_it_forgets() -> None:
    x, state = torch.rand(1, 3, 4, 5), AdamState()
    optimizer = Adam(0.1, state)
    for _ in range(3):
        optimizer.move(x, evaluate(x))
    optimizer.restart(0.02)
    assert state == AdamState()
    assert torch.equal(optimizer.move(x, evaluate(x)), Adam(0.02, AdamState()).move(x, evaluate(x)))


def test_a_snapshot_of_another_optimizer_holds_no_state() -> None:
    assert AdamState.of(Snapshot(3, {}, {"last": True}), torch.empty(0)) == AdamState()
