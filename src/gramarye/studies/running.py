"""The cells of a study, made in processes side by side; what is there already stays."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, final

from gramarye.jobs import several
from gramarye.studies.cells import CellJob
from gramarye.studies.results import Place, Result
from gramarye.threads import core_count

PER_PIXEL = (
    2000  # bytes, in float32, of a run of the default; the plan of each run keeps to its own
)
POLL = 0.2  # seconds


@final
@dataclass(frozen=True)
class Progress:
    """How far the whole study is: cells that are done, and the share of all the work."""

    cells: int
    of: int
    share: float  # 0 to 1
    seconds: float  # since it began
    finished: Place | None = None  # which cell came just now

    @property
    def left(self) -> float | None:
        """Seconds that the rest will take, if it goes on so."""
        return self.seconds * (1 - self.share) / self.share if self.share > 0.02 else None


def processes_for(cells: Sequence[CellJob], wished: int | None = None) -> int:
    """How many cells to make at once, whose largest picture decides what each takes."""
    largest = max((cell.config.picture.size for cell in cells if not cell.problem), default=0)
    return several.processes_for(cells, wished, several.LEAST + PER_PIXEL * largest**2)


@final
class Running:
    """The making of cells that are not there yet. `stop` ends it, `steps` makes it.

    A cell that is stopped begins anew the next time. One that fails is a result, too; those of a
    process that is killed, for want of memory say, are told so.
    """

    def __init__(self, cells: Sequence[CellJob], processes: int) -> None:
        self.cells, self.processes = list(cells), processes
        self.results: dict[Place, Result] = {}
        self.asked = False

    def stop(self) -> None:
        self.asked = True

    def steps(self) -> Iterator[Progress]:
        """Make the cells, telling how far it is every now and then."""
        there = {cell.place: found for cell in self.cells if (found := cell.found()) is not None}
        self.results |= there
        missing = [cell for cell in self.cells if cell.place not in there]
        works = {cell.place: 1.0 if cell.problem else cell.work for cell in missing}
        began, total = time.perf_counter(), sum(works.values())
        made: dict[Place, float] = {}

        def progress(finished: Place | None = None) -> Progress:
            share = sum(works[place] * part for place, part in made.items()) / total
            spent = time.perf_counter() - began
            return Progress(len(self.results), len(self.cells), share, spent, finished)

        if not missing:
            return
        maker = self.beside if self.processes > 1 else self.alone
        for place, part, result in maker(missing):
            made[place] = part
            if result is not None:
                self.results[place] = result
            yield progress(place if result is not None else None)

    def alone(self, cells: Sequence[CellJob]) -> Iterator[tuple[Place, float, Result | None]]:
        """One cell after the other, in a thread of this process, so that one can be told of."""
        from gramarye.studies.tasks import Stopped, make

        done = 0.0

        def watch(part: float) -> bool:
            nonlocal done
            done = part
            return self.asked

        with ThreadPoolExecutor(1) as pool:
            for cell in cells:
                if self.asked:
                    return
                done = 0.0
                making = pool.submit(make, cell, watch)
                try:
                    while not wait([making], POLL).done:
                        yield cell.place, done, None
                    yield cell.place, 1.0, making.result()
                except Stopped:
                    return
                finally:
                    self.asked |= not making.done()

    def beside(self, cells: Sequence[CellJob]) -> Iterator[tuple[Place, float, Result | None]]:
        """Several at once, each in a process with its share of the cores.

        Where a process is killed, all are gone: the cells that were not done are then made one at a
        time, so that it shows which of them it was.
        """
        broken: list[CellJob] = []
        yield from self.pooled(cells, self.processes, broken)
        for cell in broken:
            killed: list[CellJob] = []
            yield from self.pooled([cell], 1, killed)
            if killed and not self.asked:
                why = "its process was ended from outside, mostly for want of memory"
                yield cell.place, 1.0, Result(digest=cell.digest, failure=why)

    def pooled(
        self, cells: Sequence[CellJob], processes: int, broken: list[CellJob]
    ) -> Iterator[tuple[Place, float, Result | None]]:
        """Cells made by so many processes; those whose process is gone are left in `broken`."""
        context = multiprocessing.get_context("spawn")
        parts, asked = context.Array("d", len(cells)), context.Event()
        threads = max(1, core_count() // processes)
        pool = ProcessPoolExecutor(
            processes, context, initializer=begin, initargs=(parts, asked, threads)
        )
        try:
            waiting = {
                pool.submit(make_beside, cell, number): (number, cell)
                for number, cell in enumerate(cells)
            }
            while waiting and not self.asked:
                done, _ = wait(waiting, POLL, FIRST_COMPLETED)
                for future in done:
                    _, cell = waiting.pop(future)
                    try:
                        yield cell.place, 1.0, future.result()
                    except BrokenProcessPool:
                        broken.append(cell)
                for number, cell in waiting.values():
                    yield cell.place, parts[number], None
        finally:
            asked.set()
            pool.shutdown(wait=True, cancel_futures=True)


# in a process of its own

_shared: dict[str, Any] = {}


def begin(parts: Any, asked: Any, threads: int) -> None:
    """What a process needs to know before its first cell; Ctrl-C is the parent's to hear."""
    for name in ("SIGINT", "SIGTERM"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    import torch

    torch.set_num_threads(threads)
    _shared.update(parts=parts, asked=asked)


def make_beside(cell: CellJob, number: int) -> Result:
    from gramarye.studies.tasks import Stopped, make

    def watch(part: float) -> bool:
        _shared["parts"][number] = part
        return bool(_shared["asked"].is_set())

    try:
        return make(cell, watch)
    except Stopped:
        return Result(digest=cell.digest, failure="stopped before it was done")
