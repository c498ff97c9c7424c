"""Statistics of a shot's frames, smoothed over time: what is made of them does not flicker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor

from gramarye.losses.statistics import Moments, mix_moments
from gramarye.wanted import Own

FRAMES = 24  # that a running mean looks back over


@final
class ShotAverages:
    """Running means of the moments of a shot's frames, by step, region and layer."""

    def __init__(self) -> None:
        self.frames = 0
        self.kept: dict[str, Moments] = {}

    def forget(self) -> None:
        """A new shot begins."""
        self.frames = 0
        self.kept.clear()

    def next_frame(self) -> None:
        self.frames += 1

    def averaged(self, name: str, found: Moments) -> Moments:
        """The mean over the shot so far, its last frames above all.

        Raw moments are averaged: the mean of two frames' is that of both together.
        """
        share = max(1 / max(self.frames, 1), 1 / FRAMES)
        before = self.kept.get(name)
        parts = [found] if before is None else [before, found]
        weights = [1.0] if before is None else [1 - share, share]
        self.kept[name] = mix_moments(parts, weights)
        return self.kept[name]

    def of_step(self, step: int, own: Own) -> Own:
        """The same of every region's layers, for a step of the painter."""
        return [
            {
                layer: self.averaged(f"{step}/{number}/{layer}", found)
                for layer, found in region.items()
            }
            for number, region in enumerate(own)
        ]

    def state(self) -> dict[str, Tensor]:
        found = {"frames": torch.tensor(self.frames)}
        for name, kept in self.kept.items():
            found |= {f"{name}|second": kept.second, f"{name}|first": kept.first}
        return found

    def restore(self, state: Mapping[str, Tensor]) -> None:
        self.frames = int(state["frames"])
        names = sorted(name.removesuffix("|first") for name in state if name.endswith("|first"))
        self.kept = {}
        for name in names:
            first = state[f"{name}|first"]
            self.kept[name] = Moments(state[f"{name}|second"], first, torch.ones_like(first[:, 0]))
