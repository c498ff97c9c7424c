"""Those of a layer's positions that count, where others do not: the work is theirs alone.

The regions of a picture share its positions out, so that the statistics of all of them are sums
over as many positions as those of the whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

import torch
from torch import Tensor

CHUNK = 1 << 20  # numbers gathered at a time: they stay in the cache
RUN = 16  # positions of a run, which are copied at once: of fine layers, whose features are short
FINE = 256  # the width from which on a box is one of a fine layer


@final
@dataclass(frozen=True)
class Places:
    """Where positions lie in rows of features, a line of the box after the other."""

    runs: Tensor  # (M,) the first of each run
    singles: Tensor  # (N,)


@final
class Positions:
    """Which positions of a box count, of `weights` (1, 1, h, w), and how much each does.

    Most of a region's count once, and lie in runs.
    """

    def __init__(self, weights: Tensor) -> None:
        plane = weights[0, 0]
        width = plane.shape[1]
        self.run = RUN if width >= FINE else 1
        self.lines = -(-width // self.run)  # runs of a line, the last may be cut
        left = plane.clone()
        runs = plane.new_empty((0, 2), dtype=torch.long)
        if self.run > 1:
            whole = width // self.run
            blocks = left[:, : whole * self.run].view(-1, whole, self.run)
            pure = (blocks == 1).all(2)
            blocks.masked_fill_(pure[:, :, None], 0)
            runs = pure.nonzero()  # (M, 2)
        singles = left.nonzero()
        self.runs, self.singles = runs, singles
        self.weights = left[singles[:, 0], singles[:, 1]]  # of the singles
        self.known: dict[int, Places] = {}

    @property
    def count(self) -> Tensor:
        """The sum of the weights, in float64."""
        return self.weights.sum(dtype=torch.float64) + len(self.runs) * self.run

    def places(self, pitch: int) -> Places:
        """Where they lie if a line begins `pitch` positions after the one before."""
        if pitch not in self.known:
            runs = self.runs[:, 0] * pitch + self.runs[:, 1] * self.run
            singles = self.singles[:, 0] * pitch + self.singles[:, 1]
            self.known[pitch] = Places(runs, singles)
        return self.known[pitch]

    def gathered(self, rows: Rows) -> Iterator[Gathered]:
        """The features at the positions, some (n, C) after others; runs of them first."""
        here, there = (self.places(pitch).runs for pitch in (rows.pitch, self.lines * self.run))
        step = max(1, CHUNK // (rows.channels * self.run))
        for some, target in zip(torch.split(here, step), torch.split(there, step), strict=True):
            if len(some):
                x = rows.windows(self.run).index_select(0, some).view(-1, rows.channels)
                yield Gathered(x, target // self.run, None)
        here, there = (self.places(pitch).singles for pitch in (rows.pitch, self.lines * self.run))
        step = max(1, CHUNK // rows.channels)
        parts = (torch.split(part, step) for part in (here, there, self.weights))
        for some, target, weights in zip(*parts, strict=True):
            if len(some):
                yield Gathered(rows.windows(1).index_select(0, some), target, weights)


@final
@dataclass(frozen=True)
class Gathered:
    """Features (n, C) of some positions, their weights, and where they go in rows without gaps.

    Without weights they are runs that count once, and places are counted in runs.
    """

    features: Tensor
    places: Tensor
    weights: Tensor | None


@final
@dataclass(frozen=True)
class Rows:
    """A picture's features as rows of C, a line `pitch` of them after the other.

    What lies between the lines (a border, another tile's share) is among them.
    """

    picture: Tensor  # (h, w, C), C dense
    pitch: int

    @classmethod
    def of(cls, features: Tensor) -> list[Rows]:
        """Those of features (B, C, h, w), picture by picture."""
        c, width = features.shape[1], features.shape[3]
        if features.stride(1) != 1 or features.stride(3) != c:
            features = features.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
        pitch = features.stride(2) // c if features.shape[2] > 1 else width
        return [cls(picture.permute(1, 2, 0), pitch) for picture in features]

    @property
    def channels(self) -> int:
        return self.picture.shape[2]

    def windows(self, run: int) -> Tensor:
        """For every position, it and those after it (N, run * C), overlapping."""
        height, width, c = self.picture.shape
        count = max(0, (height - 1) * self.pitch + width - run + 1)
        return self.picture.as_strided((count, run * c), (c, 1))


def positions_of(weights: Tensor) -> Tensor | Positions | None:
    """What of weights (1, 1, h, w) costs the least to go by.

    None where all positions count once, the weights themselves where all count at all.
    """
    if bool((weights == 1).all()):
        return None
    return weights if bool((weights != 0).all()) else Positions(weights)


def chosen(features: Tensor, positions: Positions) -> tuple[Tensor, Tensor]:
    """Features (B, C, h, w) at the positions, (B, C, N), and the positions' weights (N,)."""
    pictures = [list(positions.gathered(rows)) for rows in Rows.of(features)]
    found = [[part.features for part in parts] for parts in pictures]
    none = features.new_zeros((0, features.shape[1]))
    weights = [
        part.features.new_ones(len(part.features)) if part.weights is None else part.weights
        for part in pictures[0]
    ]
    gathered = torch.stack([torch.cat([none, *parts]).T for parts in found])
    return gathered, torch.cat([positions.weights[:0], *weights])


def add_chosen(into: Tensor, positions: Positions, values: Tensor) -> None:
    """Add values (B, C, N), in the order of `chosen`, to those of (B, C, h, w)."""
    scattered = Scattered.like(into, positions)
    for number, rows in enumerate(Rows.of(into)):
        start = 0
        for part in positions.gathered(rows):
            end = start + len(part.features)
            scattered.put(number, part, values[number, :, start:end].T.to(into.dtype))
            start = end
    scattered.add_to(into)


def sums_at(features: Tensor, positions: Positions) -> tuple[Tensor, Tensor]:
    """F F^T (B, C, C) and F (B, C), summed over the positions as they count."""
    b, c = features.shape[:2]
    dtype = torch.promote_types(features.dtype, torch.float32)
    second = features.new_zeros((b, c, c), dtype=dtype)
    first = features.new_zeros((b, c), dtype=dtype)
    for number, rows in enumerate(Rows.of(features)):
        for part in positions.gathered(rows):
            x = part.features.to(dtype)  # (n, C)
            weighted = x if part.weights is None else x * part.weights.to(dtype)[:, None]
            second[number].addmm_(weighted.T, x)
            # Long rows first: sums over a handful of channels at a time are slow.
            run = 1 if part.weights is not None else positions.run
            first[number] += weighted.view(-1, run * c).sum(0).view(run, c).sum(0)
    return second, first


def add_gradients_at(
    into: Tensor, features: Tensor, given: Sequence[tuple[Tensor, Tensor, Positions]]
) -> None:
    """Add F M + m to `into` (B, C, h, w) at some positions, as they count; several times.

    M (B, C, C) and m (B, C) are of the dtype of `into`.
    """
    scattered = Scattered.like(into, given[0][2])
    for number, rows in enumerate(Rows.of(features)):
        for matrix, slope, positions in given:
            for part in positions.gathered(rows):
                x = torch.addmm(slope[number], part.features.to(into.dtype), matrix[number])
                if part.weights is not None:
                    x *= part.weights.to(x.dtype)[:, None]
                scattered.put(number, part, x)
    scattered.add_to(into)


@final
class Scattered:
    """What is to be added to features, in lines of whole runs."""

    def __init__(self, values: Tensor, run: int) -> None:
        self.values, self.run = values, run  # (B, h, lines * run, C)

    @classmethod
    def like(cls, into: Tensor, positions: Positions) -> Scattered:
        b, c, h, _ = into.shape
        return cls(into.new_zeros((b, h, positions.lines * positions.run, c)), positions.run)

    def put(self, number: int, part: Gathered, values: Tensor) -> None:
        """Add values (n, C) for some positions of one picture."""
        run = self.run if part.weights is None else 1
        rows = run * values.shape[1]
        self.values[number].view(-1, rows).index_add_(0, part.places, values.reshape(-1, rows))

    def add_to(self, into: Tensor) -> None:
        into += self.values[:, :, : into.shape[3]].permute(0, 3, 1, 2)
