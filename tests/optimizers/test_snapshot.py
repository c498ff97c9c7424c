"""Tensors that are made when they are asked for."""

import torch

from gramarye.optimizers.snapshot import LateTensors, Snapshot, under


def test_tensors_are_made_when_they_are_asked_for_and_only_then() -> None:
    made = []

    def late() -> torch.Tensor:
        made.append(1)
        return torch.ones(2)

    tensors = LateTensors({"image": torch.zeros(2), "optimizer/history/0": late})
    assert list(tensors) == ["image", "optimizer/history/0"] and len(tensors) == 2
    inner = under("optimizer", tensors)
    assert list(inner) == ["history/0"]
    assert list(under("history", inner)) == ["0"]
    assert not made
    assert torch.equal(under("history", inner)["0"], torch.ones(2))
    assert made == [1]


def test_a_snapshot_says_whether_it_is_the_scales_last() -> None:
    assert Snapshot(3, {}, {"last": True}).last
    assert not Snapshot(3, {}, {"last": False}).last
