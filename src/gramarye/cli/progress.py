"""What the terminal shows of a run while it goes on: a loop around its iterates."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, final

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, Task, TaskProgressColumn, TextColumn
from rich.text import Text

from gramarye.units import show_seconds, show_size

if TYPE_CHECKING:
    from gramarye.optimize import Iterate
    from gramarye.plan import Plan
    from gramarye.scales.sizes import Scale

REFRESH = 0.1  # seconds between two pictures of the bar
LINE_EVERY = 5.0  # seconds between two lines where there is no bar
PERIOD = 60.0  # seconds whose mean speed says how long the rest takes
# What a scale costs before its first step, in its steps: the inputs go once through the network,
# forward only, and the first step runs on cold memory.
SETUP_STEPS = 2.0
WARM = 5  # steps before the first estimate: the very first also pays for loading and planning


def show_progress(
    iterates: Iterator[Iterate],
    plan: Plan,
    console: Console,
    expected: Sequence[float] | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[Iterate]:
    """The same iterates, shown as they pass: a live bar on a terminal, else a line now and then.

    The time left follows from the work done per second; a step's work is its pixels, or the seconds
    that a forecast expects of a step of each scale.
    """
    live = console.is_terminal and not console.is_dumb_terminal
    scales = [part.scale for part in plan.scales]
    work = expected or [float(scale.pixels) for scale in scales]
    shown = -math.inf
    with make_bar(console, clock, live) as progress:
        task_id = progress.add_task("", total=None, losses="", left="")
        for known, iterate in enumerate(iterates):
            left = work_left(iterate, [scale.steps for scale in scales], work)
            if known == 0:  # a run that goes on where another stopped has those steps behind it
                progress.update(task_id, total=left + work[iterate.scale])
            task = progress.tasks[0]
            progress.update(
                task_id,
                completed=max(0.0, (task.total or 0.0) - left),
                description=describe(iterate, scales[iterate.scale]),
                losses=show_losses(iterate.losses),
            )
            if known >= WARM:
                progress.update(task_id, left=show_left(task))
            for note in iterate.notes:
                progress.console.print(f"note: {note}", markup=False, soft_wrap=True)
            since = clock() - shown
            if live and since >= REFRESH:
                progress.refresh()
                shown = clock()
            elif not live and (iterate.step in (1, iterate.steps) or since >= LINE_EVERY):
                parts = (task.description, task.fields["losses"], task.fields["left"])
                console.print("  ".join(parts).rstrip(), markup=False, soft_wrap=True)
                shown = clock()
            yield iterate
            del iterate  # its image must not live through the next step


@final
class Bar(Progress):
    """Two lines: where the run is and how long it takes; what the losses are."""

    def get_renderables(self) -> Iterator[RenderableType]:
        yield self.make_tasks_table(self.tasks)
        yield from (Text(task.fields["losses"], style="dim") for task in self.tasks)


def make_bar(console: Console, clock: Callable[[], float], live: bool) -> Bar:
    """The bar of a console; where that is no terminal, it only reckons."""
    return Bar(
        TextColumn("{task.description}"),
        BarColumn(28),
        TaskProgressColumn(),
        TextColumn("{task.fields[left]}", style="bold"),
        console=console,
        auto_refresh=False,
        transient=True,
        disable=not live,
        speed_estimate_period=PERIOD,
        get_time=clock,
    )


def work_left(iterate: Iterate, steps: Sequence[int], work: Sequence[float]) -> float:
    """The work of the steps to come; a scale that ends early has none left."""
    later = range(iterate.scale + 1, len(steps))
    here = (iterate.steps - iterate.step) * work[iterate.scale]
    return here + sum((steps[scale] + SETUP_STEPS) * work[scale] for scale in later)


def describe(iterate: Iterate, scale: Scale) -> str:
    return (
        f"scale {iterate.scale + 1}/{iterate.scales}  {show_size(scale.width, scale.height)}  "
        f"step {iterate.step}/{iterate.steps}"
    )


def show_losses(losses: dict[str, float]) -> str:
    """`content/relu4_2 0.41  style/relu1_1 0.0032 ...`, three digits each."""
    return "  ".join(f"{name} {value:.3g}" for name, value in losses.items())


def show_left(task: Task) -> str:
    """The time left, in words; nothing where it is not known."""
    seconds = task.time_remaining
    return "" if seconds is None else f"{show_seconds(seconds)} left"
