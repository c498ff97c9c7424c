"""Large pictures a band of rows at a time, so that no second whole copy of them is made."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from gramarye.threads import core_count

Array = NDArray[Any]
Item = TypeVar("Item")
Result = TypeVar("Result")

# A band of floats is 3 MB, and what is computed of it stays in the processor's caches.
PIXELS_AT_ONCE = 2**18
_MOST_THREADS = 8  # every one works on a band of its own


@dataclass(frozen=True)
class ResultRows:
    """The samples of a picture as a file will hold them, made when asked for."""

    height: int
    width: int
    channels: int  # 3, or 4 with alpha
    bit_depth: int  # 8 or 16
    read: Callable[[int, int], Array]  # the rows from `top` to `bottom`: (rows, W, channels)

    @property
    def row_bytes(self) -> int:
        return self.width * self.channels * self.bit_depth // 8


def row_bands(height: int, width: int, rows: int | None = None) -> Iterator[tuple[int, int]]:
    """The (top, bottom) of every band: of `rows` rows, or of a quarter of a megapixel."""
    rows = rows or max(1, PIXELS_AT_ONCE // width)
    for top in range(0, height, rows):
        yield top, min(top + rows, height)


def in_order(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """The results of `function`, computed in threads a few items ahead of the one yielded.

    numpy and zlib let other threads run while they work.
    """
    threads = min(_MOST_THREADS, core_count())
    with ThreadPoolExecutor(threads) as pool:
        begun: deque[Future[Result]] = deque()
        for item in items:
            begun.append(pool.submit(function, item))
            if len(begun) > threads:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()


def as_bytes(samples: Array, order: Literal["<", ">"]) -> Array:
    """(rows, W, C) samples as (rows, bytes) uint8, their bytes in that order."""
    ordered = np.ascontiguousarray(samples, samples.dtype.newbyteorder(order))
    return ordered.reshape(len(samples), -1).view(np.uint8)
