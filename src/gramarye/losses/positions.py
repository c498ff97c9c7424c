"""Those of a layer's positions that count, where others do not: the work is theirs alone.

The regions of a picture share its positions out, so that the statistics of all of them are sums
over as many positions as those of the whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import final

import torch
from torch import Tensor

CHUNK = 1 << 20  # numbers gathered at a time: they stay in the cache
RUN = 16  # positions of a run, which are copied at once: of fine layers, whose features are short
FINE = 256  # the width from which on a box is one of a fine layer


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
        self.alone = Parts([self])

    @property
    def count(self) -> Tensor:
        """The sum of the weights, in float64."""
        return self.weights.sum(dtype=torch.float64) + len(self.runs) * self.run

    def places(self, pitch: int) -> tuple[Tensor, Tensor]:
        """Where runs and singles lie if a line begins `pitch` positions after the one before."""
        runs = self.runs[:, 0] * pitch + self.runs[:, 1] * self.run
        return runs, self.singles[:, 0] * pitch + self.singles[:, 1]


@final
class Parts:
    """The positions of several regions of one box, one region after the other.

    They are gathered and added together: a call for each region would take longer than its work.
    """

    def __init__(self, positions: Sequence[Positions]) -> None:
        self.positions = positions
        self.known: dict[tuple[int, int, int], list[Batch]] = {}

    def __len__(self) -> int:
        return len(self.positions)

    @property
    def run(self) -> int:
        return self.positions[0].run

    @property
    def lines(self) -> int:
        return self.positions[0].lines

    def batches(self, rows: Rows, pitch: int = 0) -> list[Batch]:
        """What is gathered at a time of such rows, for rows of another pitch; runs first."""
        kind = rows.pitch, pitch, rows.channels
        if kind not in self.known:
            here = [part.places(rows.pitch) for part in self.positions]
            there = [part.places(pitch) for part in self.positions]
            runs = [found for found, _ in here], [found // self.run for found, _ in there]
            singles = [found for _, found in here], [found for _, found in there]
            weights = torch.cat([part.weights for part in self.positions])
            self.known[kind] = [
                *batches_of(*runs, None, self.run, rows.channels),
                *batches_of(*singles, weights, 1, rows.channels),
            ]
        return self.known[kind]


def batches_of(
    here: Sequence[Tensor], there: Sequence[Tensor], weights: Tensor | None, run: int, channels: int
) -> Iterator[Batch]:
    """The places of several regions in batches that stay in the cache."""
    ends = list(accumulate(len(part) for part in here))
    starts = [0, *ends[:-1]]
    places, targets = torch.cat(list(here)), torch.cat(list(there))
    step = max(1, CHUNK // (channels * run))
    for first in range(0, len(places), step):
        last = min(first + step, len(places))
        inside = [
            (max(a, first) - first, min(b, last) - first) for a, b in zip(starts, ends, strict=True)
        ]
        segments = tuple((n, run * a, run * b) for n, (a, b) in enumerate(inside) if a < b)
        some = None if weights is None else weights[first:last, None]
        if some is not None and bool((some == 1).all()):
            some = None
        yield Batch(places[first:last], targets[first:last], run, some, segments)


@final
@dataclass(frozen=True)
class Batch:
    """Some positions of several regions, that are gathered at once."""

    here: Tensor  # where they, or runs of them, begin in rows of features
    there: Tensor  # and in the rows they are added to, counted in runs
    run: int
    weights: Tensor | None  # (n, 1), None where all count once
    segments: tuple[tuple[int, int, int], ...]  # region, first and last of its positions

    def of(self, rows: Rows) -> Tensor:
        """The features (n, C) at the positions."""
        found = rows.windows(self.run).index_select(0, self.here)
        return found.view(-1, rows.channels)


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
        if not in_rows(features):
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


def in_rows(features: Tensor) -> bool:
    """Whether the channels of a position (B, C, h, w) lie side by side, and positions, too."""
    return features.stride(1) == 1 and features.stride(3) == features.shape[1]


def positions_of(weights: Tensor) -> Tensor | Positions | None:
    """What of weights (1, 1, h, w) costs the least to go by.

    None where all positions count once, the weights themselves where all count at all.
    """
    if bool((weights == 1).all()):
        return None
    return weights if bool((weights != 0).all()) else Positions(weights)


def chosen(features: Tensor, positions: Positions) -> tuple[Tensor, Tensor]:
    """Features (B, C, h, w) at the positions, (B, C, N), and the positions' weights (N,)."""
    pictures = Rows.of(features)
    batches = positions.alone.batches(pictures[0])
    none = features.new_zeros((0, features.shape[1]))
    found = [torch.cat([none, *(part.of(rows) for part in batches)]).T for rows in pictures]
    weights = features.new_ones(found[0].shape[1]).to(positions.weights.dtype)
    weights[len(weights) - len(positions.weights) :] = positions.weights  # runs are first
    return torch.stack(found), weights


def add_chosen(into: Tensor, positions: Positions, values: Tensor) -> None:
    """Add values (B, C, N), in the order of `chosen`, to those of (B, C, h, w)."""
    scattered = Scattered.like(into, positions.alone)
    for number, rows in enumerate(Rows.of(into)):
        start = 0
        for part in positions.alone.batches(rows, scattered.pitch):
            end = start + part.run * len(part.here)
            scattered.put(number, part, values[number, :, start:end].T.to(into.dtype))
            start = end
    scattered.add_to(into)


def sums_at(features: Tensor, parts: Parts) -> tuple[Tensor, Tensor]:
    """F F^T (B, R, C, C) and F (B, R, C), summed over each region's positions as they count."""
    b, c = features.shape[:2]
    dtype = torch.promote_types(features.dtype, torch.float32)
    second = features.new_zeros((b, len(parts), c, c), dtype=dtype)
    first = features.new_zeros((b, len(parts), c), dtype=dtype)
    for number, rows in enumerate(Rows.of(features)):
        for batch in parts.batches(rows):
            x, run = batch.of(rows).to(dtype), batch.run  # (n, C)
            weighted = x if batch.weights is None else x * batch.weights.to(dtype)
            for part, start, stop in batch.segments:
                some = weighted[start:stop]
                second[number, part].addmm_(some.T, x[start:stop])
                # Long rows first: sums over a handful of channels at a time are slow.
                first[number, part] += some.view(-1, run * c).sum(0).view(run, c).sum(0)
    return second, first


def add_gradients_at(
    into: Tensor, features: Tensor, matrices: Tensor, slopes: Tensor, parts: Parts
) -> None:
    """Add F M + m to `into` (B, C, h, w) at each region's positions, as they count.

    M (B, R, C, C) and m (B, R, C) are of the dtype of `into`.
    """
    scattered = Scattered.like(into, parts)
    for number, rows in enumerate(Rows.of(features)):
        for batch in parts.batches(rows, scattered.pitch):
            x = batch.of(rows).to(into.dtype)
            product = torch.empty_like(x)
            for part, start, stop in batch.segments:
                torch.addmm(
                    slopes[number, part],
                    x[start:stop],
                    matrices[number, part],
                    out=product[start:stop],
                )
            if batch.weights is not None:
                product *= batch.weights.to(x.dtype)
            scattered.put(number, batch, product)
    scattered.add_to(into)


@final
class Scattered:
    """Where values are added to features: in rows of these, or in lines of whole runs beside them.

    Runs overlap in rows that have no whole number of them in a line.
    """

    def __init__(self, rows: Sequence[Tensor], pitch: int, beside: Tensor | None) -> None:
        self.rows, self.pitch = rows, pitch  # of each picture (N, C)
        self.beside = beside  # (B, h, lines * run, C)

    @classmethod
    def like(cls, into: Tensor, parts: Parts) -> Scattered:
        b, c, h, _ = into.shape
        if parts.run == 1 and in_rows(into):
            rows = Rows.of(into)
            return cls([picture.windows(1) for picture in rows], rows[0].pitch, None)
        beside = into.new_zeros((b, h, parts.lines * parts.run, c))
        return cls([picture.view(-1, c) for picture in beside], beside.shape[2], beside)

    def put(self, number: int, batch: Batch, values: Tensor) -> None:
        """Add values (n, C) for some positions of one picture."""
        rows = batch.run * values.shape[1]
        self.rows[number].view(-1, rows).index_add_(0, batch.there, values.reshape(-1, rows))

    def add_to(self, into: Tensor) -> None:
        if self.beside is not None:
            into += self.beside[:, :, : into.shape[3]].permute(0, 3, 1, 2)
