"""The processes that share a picture, and what they tell each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import final

import torch
import torch.distributed as dist
from torch import Tensor

from gramarye.errors import ProcessError
from gramarye.scales.rows import Rows, cut, length, overlap


@final
@dataclass(frozen=True)
class Processes:
    """`size` processes, and which of them this one is; more than one are a group of torch's."""

    rank: int
    size: int
    group: dist.ProcessGroup | None = None  # None is all

    def __contains__(self, rank: int) -> bool:
        return rank < self.size

    def first(self, count: int) -> Processes:
        """The first `count` processes; all must ask, and the others get a group they are not in."""
        if count == self.size:
            return self
        if count == 1:
            return Processes(self.rank, 1)
        group = dist.new_group(list(range(count)))
        return Processes(self.rank, count, group if self.rank < count else None)

    def total(self, numbers: Tensor) -> Tensor:
        """The sum over the processes, the same bits on each.

        No all-reduce: no backend promises that it gives everybody the same rounding, and processes
        that decide by different numbers would wait for each other for ever.
        """
        if self.size == 1:
            return numbers
        numbers = numbers.detach().clone(memory_format=torch.contiguous_format)
        with connected():
            dist.reduce(numbers, 0, group=self.group)
            dist.broadcast(numbers, 0, group=self.group)
        return numbers

    def totals(self, parts: Sequence[Tensor]) -> list[Tensor]:
        """Each tensor's sum over the processes; they travel as one, so they are of one dtype."""
        if self.size == 1 or not parts:
            return list(parts)
        flat = self.total(torch.cat([part.flatten() for part in parts]))
        pieces = torch.split(flat, [part.numel() for part in parts])
        return [piece.view_as(part) for piece, part in zip(pieces, parts, strict=True)]

    def largest(self, *numbers: int) -> list[int]:
        """The largest that any process has, number by number."""
        found = torch.tensor(numbers, dtype=torch.int64)
        if self.size > 1:
            with connected():
                dist.all_reduce(found, dist.ReduceOp.MAX, group=self.group)
        return found.tolist()

    def regroup(self, rows: Tensor, held: Sequence[Rows], wanted: Sequence[Rows]) -> Tensor:
        """The rows (B, C, H, W) wanted here, of an image whose rows lie with the processes.

        `held` and `wanted` are the rows of each process. What several hold is added up, in the
        order of the processes; what nobody holds is zero.
        """
        here, mine = wanted[self.rank], held[self.rank]
        if self.size == 1:
            return rows if here == mine else cut(rows, mine, here)
        shape = list(rows.shape)
        parts: list[tuple[Rows, Tensor]] = []
        transfers = []
        for other in range(self.size):
            take = overlap(held[other], here)
            if other == self.rank:
                parts.append((take, cut(rows, mine, take)))
                continue
            give = overlap(mine, wanted[other])
            if length(give):
                sent = cut(rows, mine, give).contiguous()
                transfers.append(dist.P2POp(dist.isend, sent, other, self.group))
            if length(take):
                shape[-2] = length(take)
                part = rows.new_empty(shape)
                transfers.append(dist.P2POp(dist.irecv, part, other, self.group))
                parts.append((take, part))
        if transfers:
            with connected():
                for work in dist.batch_isend_irecv(transfers):
                    work.wait()
        shape[-2] = length(here)
        result = rows.new_zeros(shape)
        for take, part in parts:
            if length(take):
                cut(result, here, take).add_(part)
        return result


ALONE = Processes(0, 1)


@contextmanager
def connected() -> Iterator[None]:
    """What torch raises when another process is gone, as a ProcessError."""
    try:
        yield
    except RuntimeError as error:
        raise ProcessError(
            "another process has ended or cannot be reached, and the picture needs all of them; "
            "if it was killed without a word, there was too little memory: start fewer processes "
            "per machine or choose a smaller --size"
        ) from error
