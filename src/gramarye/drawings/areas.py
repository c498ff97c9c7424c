"""The closed areas between the lines of a drawing, by a ball that is too large for the gaps.

After Zhang, Chen, Zhang, Chen and Gao, "Vectorizing Cartoon Animations" (2009): a ball rolls where
there is no ink; what it covers without passing a gap is an area. Theirs shrinks until it is a
pixel; here it has three sizes, of three pixels at least. What is dense with lines, where no ball
fits, is an area, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

INKED = 0.15  # of ink: a line, also a faint one, or a thin one that was made smaller
SMALLEST = 4e-4  # of the picture: what is smaller joins a neighbor
HATCHED = 0.012  # of the longest side: how broad a place without room for an area is one itself
MANY, SMALL = 64, 3e-3  # areas of a drawing, beyond which those under this share are hatching
OPEN = 0.5  # of the border of two areas: where more is paper than ink, they are one


@final
@dataclass(frozen=True)
class Areas:
    """Which area each pixel belongs to (H, W), int64 from 0: the lines belong to areas, too."""

    index: Tensor
    count: int

    def sizes(self) -> Tensor:
        """Pixels of each (count,)."""
        return torch.bincount(self.index.flatten(), minlength=self.count)

    def borders(self) -> Tensor:
        """How long a border each pair has (count, count), in pixels."""
        pairs = torch.zeros(self.count, self.count, dtype=torch.int64)
        for one, other in _neighbors(self.index):
            differ = one != other
            places = one[differ] * self.count + other[differ]
            pairs += torch.bincount(places, minlength=self.count**2).view_as(pairs)
        return pairs + pairs.mT

    def background(self) -> int:
        """The area with most of the picture's edge: the paper around what is drawn."""
        edge = torch.cat([self.index[0], self.index[-1], self.index[:, 0], self.index[:, -1]])
        return int(torch.bincount(edge, minlength=self.count).argmax())


def find_areas(ink: Tensor, gaps: float = 0.01) -> Areas:
    """The areas of a drawing whose ink is (1, 1, H, W); `gaps` is a share of the longest side."""
    free = ink[0, 0] <= INKED
    height, width = free.shape
    least = max(4, round(SMALLEST * free.numel()))
    index = torch.zeros(height, width, dtype=torch.int64)  # 0: none yet
    largest = round(gaps * max(height, width) / 2)
    index = _rolled(index, free, max(1, largest), least)
    large = int(index.max())
    for radius in sorted({max(1, largest // 2), 1}, reverse=True):
        index = _rolled(index, free, radius, least)
    rolled = int(index.max())
    index = _with_hatching(index, round(HATCHED * max(height, width)), least)
    index = grown(grown(index, free), torch.ones_like(free))
    index = _merged(index, free, large, rolled)
    sizes = torch.bincount(index.flatten())
    if (sizes > 0).sum() > MANY:
        broad = sizes >= min(SMALL * free.numel(), int(sizes.max()))
        index = grown(torch.where(broad[index], index, 0), torch.ones_like(free))
    found, index = torch.unique(index, return_inverse=True)
    return Areas(index, len(found))


def _rolled(index: Tensor, free: Tensor, radius: int, least: int) -> Tensor:
    """The areas with those that a ball of this radius covers of what has none yet."""
    room = free & (index == 0)
    # The balls around their middles, and what rounding leaves.
    return _numbered(index, ~spread(~room, radius), room, radius + 1, least)


def _with_hatching(index: Tensor, reach: int, least: int) -> Tensor:
    """The areas with what is too full of lines for one, and broad."""
    return _numbered(index, ~spread(index > 0, max(1, reach)), index == 0, reach, 4 * least)


def _numbered(index: Tensor, cores: Tensor, room: Tensor, steps: int, least: int) -> Tensor:
    """The areas with the parts of `cores` that, grown by so many steps, have `least` pixels."""
    parts, count = components(cores)
    for _ in range(steps):
        parts = grown(parts, room, steps=1)
    kept = torch.bincount(parts.flatten(), minlength=count + 1) >= least
    kept[0] = False
    numbers = torch.zeros(count + 1, dtype=torch.int64)
    numbers[kept] = int(index.max()) + 1 + torch.arange(int(kept.sum()))
    return torch.where(index > 0, index, numbers[parts])


def _merged(index: Tensor, free: Tensor, large: int, rolled: int) -> Tensor:
    """The areas, those as one between which there is more paper than ink: a passage is no gap.

    Those of the largest ball, up to the number `large`, are joined by what they have in common;
    each of the others, which may be the gap itself, with one that was there before it. What is
    numbered beyond `rolled` is hatching, which need not have an outline.
    """
    count = max(int(index.max()), rolled) + 1
    all_, open_ = torch.zeros(2, count * count, dtype=torch.int64)
    for (one, other), (a, b) in zip(_neighbors(index), _neighbors(free), strict=True):
        differ = (one != other) & (torch.maximum(one, other) <= rolled)
        low, high = torch.minimum(one, other)[differ], torch.maximum(one, other)[differ]
        places = high * count + low
        all_ += torch.bincount(places, minlength=count * count)
        open_ += torch.bincount(places[(a & b)[differ]], minlength=count * count)
    open_ = open_.where(open_ > OPEN * all_, 0).view(count, count)  # each beside those before it
    high, low = open_[: large + 1].nonzero().unbind(1)
    root = joined(count, high, low)
    longest, before = open_[large + 1 :].max(1)
    later = torch.arange(large + 1, count)
    root[large + 1 :] = torch.where(longest > 0, before, later)
    while not torch.equal(root[root], root):
        root = root[root]
    return root[index]


def spread(mask: Tensor, radius: int) -> Tensor:
    """The mask (H, W) with all that lies within so many steps of it, of every second a diagonal."""
    x = mask.to(torch.uint8)
    for step in range(radius):
        x = _around(x, diagonal=step % 2 == 1)
    return x > 0


def grown(labels: Tensor, allowed: Tensor, steps: int | None = None) -> Tensor:
    """The labels (H, W), 0 for none, grown where it is allowed: ring by ring, each pixel taking
    the largest of its neighbors'.
    """
    x, number = labels.int(), 0
    while steps is None or number < steps:
        more = torch.where((x == 0) & allowed, _around(x, diagonal=number % 2 == 1), x)
        if number % 2 == 1 and torch.equal(more, x):
            break
        x, number = more, number + 1
    return x.long()


def _around(x: Tensor, *, diagonal: bool) -> Tensor:
    """The largest value of each pixel (H, W) and its four neighbors, or of all eight."""
    high = x.clone()
    torch.maximum(high[1:], x[:-1], out=high[1:])
    torch.maximum(high[:-1], x[1:], out=high[:-1])
    wide, from_ = high.clone(), high if diagonal else x
    torch.maximum(wide[:, 1:], from_[:, :-1], out=wide[:, 1:])
    torch.maximum(wide[:, :-1], from_[:, 1:], out=wide[:, :-1])
    return wide


def components(mask: Tensor) -> tuple[Tensor, int]:
    """The connected parts of a mask (H, W), numbered from 1, and how many there are; 0 is none.

    Runs of a row are joined with those they touch in the row above. Diagonals do not join.
    """
    height, width = mask.shape
    cells = F.pad(mask, (1, 1)).to(torch.int8).flatten()
    starts = (cells.diff() == 1).nonzero()[:, 0] + 1
    if not len(starts):
        return torch.zeros(height, width, dtype=torch.int64), 0
    run = torch.zeros(len(cells) + 1, dtype=torch.int64)
    run[starts] = 1
    run = (run.cumsum(0)[:-1] * (cells > 0)).view(height, width + 2)[:, 1:-1]  # from 1
    above, below = run[:-1].flatten(), run[1:].flatten()
    both = (above > 0) & (below > 0)
    pairs = torch.unique(torch.stack([above[both], below[both]]), dim=1)
    root = joined(len(starts) + 1, pairs[0], pairs[1])
    found, number = torch.unique(root[1:], return_inverse=True)
    number = torch.cat([number.new_zeros(1), number + 1])
    return number[run], len(found)


def joined(count: int, one: Tensor, other: Tensor) -> Tensor:
    """For each of `count` things the smallest it is joined with, by pairs of such (N,)."""
    root = torch.arange(count)
    while True:
        a, b = root[one], root[other]
        low, new = torch.minimum(a, b), root.clone()
        new.scatter_reduce_(0, a, low, "amin")
        new.scatter_reduce_(0, b, low, "amin")
        while not torch.equal(new[new], new):
            new = new[new]
        if torch.equal(new, root):
            return root
        root = new


def _neighbors(index: Tensor) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """What lies beside each other, and one above the other, pixel by pixel."""
    return (
        (index[:, :-1].flatten(), index[:, 1:].flatten()),
        (index[:-1].flatten(), index[1:].flatten()),
    )
