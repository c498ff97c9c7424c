"""Bands: the rows of an image that each process owns, and those it must see.

A band begins at a multiple of the deepest layer's stride, as tiles do, and its process looks at the
rows of a window around it. What a tile is to an image in one piece, a band is to an image on
several machines, and a band may be taken in tiles itself. A picture on one process is one band.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import final

from torch import Tensor

from gramarye.distributed.processes import ALONE, Processes
from gramarye.networks.features import PerceptualNetwork
from gramarye.scales.rows import NO_ROWS, Kernel, Rows, cut, length, resize_rows, source_rows
from gramarye.tiles.plan import TilePlan
from gramarye.tiles.regions import Sums
from gramarye.tiles.tiling import Layout, splits


@final
@dataclass(frozen=True)
class Bands:
    """Whose rows are whose, by process; those without a share own no rows."""

    height: int
    width: int
    owned: tuple[Rows, ...]
    windows: tuple[Rows, ...]  # what they must see of the image

    @property
    def size(self) -> tuple[int, int]:
        return self.height, self.width

    @property
    def count(self) -> int:
        """How many processes own rows: always the first ones."""
        return sum(length(rows) > 0 for rows in self.owned)


@final
@dataclass(frozen=True)
class Band:
    """This process's band of an image, and the processes that have the others.

    A picture on one process is one band, and nothing here does anything.
    """

    bands: Bands
    team: Processes  # those that own rows; this process may not be one of them

    @property
    def owned(self) -> Rows:
        return self.bands.owned[self.team.rank]

    @property
    def window(self) -> Rows:
        """The rows it must see to compute what it owns."""
        return self.bands.windows[self.team.rank]

    @property
    def idle(self) -> bool:
        """Whether the process has no share of this image."""
        return not length(self.owned)

    def widen(self, rows: Tensor) -> Tensor:
        """The rows it must see of an image, from those that each process owns."""
        return self.team.regroup(rows, self.bands.owned, self.bands.windows)

    def fold(self, gradient: Tensor) -> Tensor:
        """The gradient in its own rows, from what each process has for the rows it sees."""
        return self.team.regroup(gradient, self.bands.windows, self.bands.owned)

    def own(self, seen: Tensor) -> Tensor:
        """The rows it owns of those it sees, as a view."""
        return cut(seen, self.window, self.owned)

    def share(self, sums: Mapping[str, Sums]) -> dict[str, Sums]:
        """Sums of every process's positions, added up."""
        totals = iter(self.team.totals([part for parts in sums.values() for part in parts]))
        return {name: tuple(next(totals) for _ in parts) for name, parts in sums.items()}

    def here(self, tiles: TilePlan) -> TilePlan:
        """Tiles of the whole image, for a tensor of the rows that this process sees."""
        top, _ = self.window
        if top == 0:
            return tiles
        return replace(tiles, tiles=tuple(tile.seen_from(top) for tile in tiles.tiles))


def whole(height: int, width: int) -> Band:
    """An image in one piece, on one process."""
    return Band(Bands(height, width, ((0, height),), ((0, height),)), ALONE)


def plan_bands(
    network: PerceptualNetwork,
    layers: Collection[str],
    height: int,
    width: int,
    processes: int,
    smallest: int | None = None,
) -> Bands:
    """The rows in equal bands over as many of the processes as get `smallest` rows each.

    By default, twice the margin: in smaller bands, most of the work would be done twice.
    """
    layout = Layout.of(network, layers, height, width)
    least = 2 * max(layout.margins) if smallest is None else smallest
    count = max(1, min(processes, height // least))
    owned = list(splits(0, height, count, layout.stride))
    windows = [layout.window(*rows, height) for rows in owned]
    idle = [NO_ROWS] * (processes - len(owned))
    return Bands(height, width, (*owned, *idle), (*windows, *idle))


def gather(rows: Tensor, bands: Bands, processes: Processes) -> Tensor:
    """The whole image (1, 3, H, W) on the first process; no rows elsewhere."""
    wanted = [(0, bands.height)] + [NO_ROWS] * (processes.size - 1)
    return processes.regroup(rows, bands.owned, wanted)


def rescale(
    rows: Tensor, old: Bands, new: Bands, processes: Processes, kernel: Kernel = "bicubic"
) -> Tensor:
    """This process's rows (1, 3, h, W) of an image at another size; nobody holds it as a whole."""
    if old.size == new.size:
        return processes.regroup(rows, old.owned, new.owned)
    wanted = [source_rows(old.height, new.height, rows, kernel) for rows in new.owned]
    source = processes.regroup(rows, old.owned, wanted)
    top = wanted[processes.rank][0]
    return resize_rows(
        source, top, old.height, new.height, new.width, new.owned[processes.rank], kernel
    )
