"""What the terminal shows of a run. Each function here is a loop around the iterates."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from statistics import fmean
from typing import TYPE_CHECKING, final

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from gramarye.optimize import Iterate
    from gramarye.scales.sizes import Scale

RECENT = 20  # steps whose mean is the cost of a step: enough to be steady, few enough to follow
WARM = 5  # steps before the first estimate: the very first also pays for loading and planning
# What a new scale costs before its first step, in its steps: content and styles go once through the
# network, forward only, and the first step runs on cold memory. Guessed until a scale has shown it.
SETUP_STEPS = 2.0
REFRESH = 0.1  # seconds between two pictures of the bar
LINE_EVERY = 5.0  # seconds between two lines where there is no bar


@final
class TimeLeft:
    """The seconds a run still takes, from how long its steps took so far.

    A step costs a + b * pixels. The scales to come are foreseen from the last two along the line
    through both; while there is only one, in proportion to the pixels (on a CPU, 512 pixels a side
    cost 4.5 times what 256 do, and 1024 cost 4.1 times what 512 do). Where a forecast has told what
    a step of each scale takes (`expected`, in seconds), they are foreseen in its proportions. A run
    that is resumed may begin with any step of any scale.
    """

    def __init__(
        self,
        scales: Sequence[Scale],
        clock: Callable[[], float] = time.perf_counter,
        expected: Sequence[float] | None = None,
    ) -> None:
        self.pixels = [scale.height * scale.width for scale in scales]
        self.steps = [scale.steps for scale in scales]
        self.expected = expected
        self.first = 0  # the scale the run began with
        self.clock = clock
        self.start = self.last = clock()
        self.recent: deque[float] = deque(maxlen=RECENT)  # seconds of the last steps
        self.costs: list[float] = []  # seconds per step of each scale so far
        self.setup = SETUP_STEPS
        self.fraction = 0.0  # of the whole time, for the bar; never falls

    def after(self, scale: int, step: int) -> float | None:
        """The seconds left, now that this step (from 1) of this scale (from 0) is done.

        None while too few steps are done to tell.
        """
        now = self.clock()
        if not self.costs:
            self.first = scale
        if scale - self.first >= len(self.costs):
            self.begin_scale(now - self.last)
        else:
            self.recent.append(now - self.last)
            self.costs[-1] = fmean(self.recent)
        self.last = now
        if scale == self.first and step < self.steps[scale] and len(self.recent) < WARM:
            return None
        left = (self.steps[scale] - step) * self.costs[-1]
        for later in range(scale + 1, len(self.steps)):
            left += (self.steps[later] + self.setup) * self.foreseen(later)
        elapsed = now - self.start
        self.fraction = max(self.fraction, elapsed / max(elapsed + left, 1e-9))
        return left

    def begin_scale(self, seconds: float) -> None:
        """Take up a scale whose first step, with all that came before it, took so long."""
        self.recent.clear()
        if not self.costs:
            self.costs.append(seconds / (1 + self.setup))
            return
        cost = self.foreseen(self.first + len(self.costs))
        self.setup = min(max(seconds / cost - 1, 0.0), 2 * SETUP_STEPS)
        self.recent.append(cost)  # stands in until the scale has steps of its own
        self.costs.append(cost)

    def foreseen(self, later: int) -> float:
        """Seconds per step of a scale to come."""
        now = self.first + len(self.costs) - 1
        if self.expected is not None:
            return self.costs[-1] * self.expected[later] / self.expected[now]
        pixels, here, cost = self.pixels[later], self.pixels[now], self.costs[-1]
        slope = cost / here
        if len(self.costs) > 1:
            before = self.pixels[now - 1]
            line = (cost - self.costs[-2]) / max(here - before, 1)
            slope = min(max(line, slope / 2), 1.5 * slope)  # one slow moment must not bend it away
        return cost + slope * (pixels - here)


def show_progress(
    iterates: Iterator[Iterate],
    scales: Sequence[Scale],
    console: Console,
    expected: Sequence[float] | None = None,
) -> Iterator[Iterate]:
    """The same iterates, shown as they pass: a live bar on a terminal, else a line now and then."""
    if console.is_terminal and not console.is_dumb_terminal:
        return show_bar(iterates, TimeLeft(scales, expected=expected), console)
    return show_lines(iterates, TimeLeft(scales, expected=expected), console)


def show_bar(
    iterates: Iterator[Iterate], time_left: TimeLeft, console: Console
) -> Iterator[Iterate]:
    shown = -REFRESH
    with Live(console=console, auto_refresh=False, transient=True) as live:
        for iterate in iterates:
            left = time_left.after(iterate.scale, iterate.step)
            for note in iterate.notes:
                live.console.print(f"note: {note}", style="yellow")
            if (now := time.perf_counter()) - shown >= REFRESH:
                live.update(bar(iterate, time_left.fraction, left), refresh=True)
                shown = now
            yield iterate


def bar(iterate: Iterate, fraction: float, left: float | None) -> Group:
    """Two lines: where the run is and how long it takes; what the losses are."""
    height, width = iterate.image.shape[-2:]
    line = Table.grid(padding=(0, 2))
    line.add_row(
        f"scale {iterate.scale + 1}/{iterate.scales}",
        f"{width} × {height}",
        f"step {iterate.step}/{iterate.steps}",
        ProgressBar(total=1.0, completed=fraction, width=28),
        f"{fraction:.0%}",
        Text(show_left(left), style="bold"),
    )
    return Group(line, Text(show_losses(iterate.losses), style="dim"))


def show_lines(
    iterates: Iterator[Iterate], time_left: TimeLeft, console: Console
) -> Iterator[Iterate]:
    shown = time.perf_counter()
    for iterate in iterates:
        left = time_left.after(iterate.scale, iterate.step)
        for note in iterate.notes:
            console.print(f"note: {note}", markup=False, soft_wrap=True)
        now = time.perf_counter()
        if iterate.step in (1, iterate.steps) or now - shown >= LINE_EVERY:
            height, width = iterate.image.shape[-2:]
            line = (
                f"scale {iterate.scale + 1}/{iterate.scales}  {width} × {height}  "
                f"step {iterate.step}/{iterate.steps}  {show_losses(iterate.losses)}  "
                f"{show_left(left)}"
            )
            console.print(line.rstrip(), markup=False, soft_wrap=True)
            shown = now
        yield iterate


def show_losses(losses: dict[str, float]) -> str:
    """`content/relu4_2 0.41  style/relu1_1 0.0032 ...`, three digits each."""
    return "  ".join(f"{name} {value:.3g}" for name, value in losses.items())


def show_left(seconds: float | None) -> str:
    return "" if seconds is None else f"{show_seconds(seconds)} left"


def show_seconds(seconds: float) -> str:
    """`8 s`, `1 min 20 s`, `2 h 05 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
