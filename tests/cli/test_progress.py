"""The time left proves right, and what is shown names what happens."""

import io
import re
from collections.abc import Iterator

import pytest
import torch
from rich.console import Console

from gramarye.cli.progress import show_progress
from gramarye.config import make_config
from gramarye.distributed.bands import whole
from gramarye.optimize import Iterate
from gramarye.plan import Plan, ScalePlan
from gramarye.scales.sizes import Scale

SCALES = [Scale(170, 256, 100), Scale(341, 512, 60), Scale(682, 1024, 60)]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def plan_of(scales: list[Scale]) -> Plan:
    """A plan of which the scales matter only."""
    config = make_config()
    parts = tuple(ScalePlan(scale, config, whole(*scale.size).bands, None) for scale in scales)
    return Plan(config, torch.device("cpu"), "float32", 0, {}, parts)


def seconds_of(text: str) -> float | None:
    """What `1 min 20 s left` at the end of a line says."""
    found = re.search(r"(?:(\d+) h )?(?:(\d+) min ?)?(?:(\d+) s )?left$", text)
    if found is None:
        return None
    hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return 3600 * hours + 60 * minutes + seconds


def estimates(
    scales: list[Scale], constant: float, per_pixel: float, setup: float, noise: float = 0.0
) -> Iterator[tuple[float, float]]:
    """(elapsed, estimated total) at every line of a run whose steps cost a + b * pixels."""
    clock = Clock()
    generator = torch.Generator().manual_seed(0)

    def steps() -> Iterator[Iterate]:
        for index, scale in enumerate(scales):
            cost = constant + per_pixel * scale.pixels
            clock.now += setup * cost
            for step in range(1, scale.steps + 1):
                clock.now += cost * (1 + noise * float(torch.randn((), generator=generator)))
                yield Iterate(
                    step, scale.steps, {}, torch.empty(0), scale=index, scales=len(scales)
                )

    file = io.StringIO()
    console = Console(file=file, width=200)
    for _ in show_progress(steps(), plan_of(scales), console, clock=clock):
        left = seconds_of(file.getvalue().rstrip("\n"))
        if left is not None:
            yield clock.now, clock.now + left
        file.truncate(file.seek(0))


@pytest.mark.parametrize("constant", [0.0, 0.01, 0.04])
@pytest.mark.parametrize("setup", [0.5, 2.0, 4.0])
@pytest.mark.parametrize("scales", [SCALES[:1], SCALES[:2], SCALES])
def test_time_left_proves_right_within_a_quarter(
    constant: float, setup: float, scales: list[Scale]
) -> None:
    told = list(estimates(scales, constant, per_pixel=6e-6, setup=setup, noise=0.1))
    assert len(told) > 3
    total = told[-1][0]
    for elapsed, estimate in told:
        if elapsed > 0.1 * total:
            assert estimate == pytest.approx(total, rel=0.25)


def test_time_left_is_nothing_at_the_end() -> None:
    elapsed, estimate = list(estimates(SCALES, 0.01, 1e-5, 2.0))[-1]
    assert estimate == elapsed


def iterates() -> Iterator[Iterate]:
    for step in range(1, 4):
        notes = ("the loss exploded: a smaller step",) if step == 2 else ()
        losses = {"content/relu4_2": 0.5, "style/relu1_1": 0.25}
        yield Iterate(step, 3, losses, torch.zeros(1, 3, 20, 30), notes)


def test_a_run_that_goes_on_where_another_stopped_begins_with_no_estimate() -> None:
    file = io.StringIO()
    late = [Iterate(step, 60, {}, torch.empty(0), scale=2, scales=3) for step in (59, 60)]
    list(show_progress(iter(late), plan_of(SCALES), Console(file=file)))
    assert "left" not in file.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_passes_every_iterate_on(terminal: bool) -> None:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=100)
    shown = list(show_progress(iterates(), plan_of([Scale(20, 30, 3)]), console))
    assert [iterate.step for iterate in shown] == [1, 2, 3]


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_names_scale_step_losses_and_notes(terminal: bool) -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=100)
    list(show_progress(iterates(), plan_of([Scale(20, 30, 3)]), console))
    text = file.getvalue()
    for part in ("scale 1/1", "30 x 20", "step 1/3", "content/relu4_2 0.5", "exploded"):
        assert part in text


def test_lines_have_no_control_characters() -> None:
    file = io.StringIO()
    list(show_progress(iterates(), plan_of([Scale(20, 30, 3)]), Console(file=file)))
    assert "\x1b" not in file.getvalue()
