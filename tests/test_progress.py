"""The time left proves right, and what is shown names what happens."""

import io
from collections.abc import Iterator

import pytest
import torch
from rich.console import Console

from gramarye.optimize import Iterate
from gramarye.progress import TimeLeft, show_progress, show_seconds
from gramarye.scales.sizes import Scale

SCALES = [Scale(170, 256, 100), Scale(341, 512, 60), Scale(682, 1024, 60)]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def estimates(
    scales: list[Scale], constant: float, per_pixel: float, setup: float, noise: float = 0.0
) -> Iterator[tuple[float, float]]:
    """(elapsed, estimated total) after each step of a run whose steps cost a + b * pixels."""
    clock = Clock()
    time_left = TimeLeft(scales, clock)
    generator = torch.Generator().manual_seed(0)
    for index, scale in enumerate(scales):
        cost = constant + per_pixel * scale.height * scale.width
        clock.now += setup * cost
        for step in range(1, scale.steps + 1):
            clock.now += cost * (1 + noise * float(torch.randn((), generator=generator)))
            left = time_left.after(index, step)
            if left is not None:
                yield clock.now, clock.now + left


@pytest.mark.parametrize("constant", [0.0, 0.001, 0.004])
@pytest.mark.parametrize("setup", [0.5, 2.0, 4.0])
@pytest.mark.parametrize("scales", [SCALES[:1], SCALES[:2], SCALES])
def test_time_left_proves_right_within_a_quarter(
    constant: float, setup: float, scales: list[Scale]
) -> None:
    told = list(estimates(scales, constant, per_pixel=6e-7, setup=setup, noise=0.1))
    total = told[-1][0]
    for elapsed, estimate in told:
        if elapsed > 0.1 * total:
            assert estimate == pytest.approx(total, rel=0.25)


def test_time_left_is_nothing_at_the_end() -> None:
    elapsed, estimate = list(estimates(SCALES, 0.001, 1e-6, 2.0))[-1]
    assert estimate == elapsed


def test_time_left_is_unknown_at_the_first_step() -> None:
    time_left = TimeLeft(SCALES, Clock())
    assert time_left.after(0, 1) is None


def test_time_left_is_told_for_a_run_of_one_step() -> None:
    time_left = TimeLeft([Scale(10, 10, 1)], Clock())
    assert time_left.after(0, 1) == 0


def iterates() -> Iterator[Iterate]:
    for step in range(1, 4):
        notes = ("the loss exploded: a smaller step",) if step == 2 else ()
        losses = {"content/relu4_2": 0.5, "style/relu1_1": 0.25}
        yield Iterate(step, 3, losses, torch.zeros(1, 3, 20, 30), scale=0, scales=1, notes=notes)


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_passes_every_iterate_on(terminal: bool) -> None:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=100)
    shown = list(show_progress(iterates(), [Scale(20, 30, 3)], console))
    assert [iterate.step for iterate in shown] == [1, 2, 3]


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_names_scale_step_losses_and_notes(terminal: bool) -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=100)
    list(show_progress(iterates(), [Scale(20, 30, 3)], console))
    text = file.getvalue()
    for part in ("scale 1/1", "30 × 20", "step 1/3", "content/relu4_2 0.5", "exploded"):
        assert part in text


def test_lines_have_no_control_characters() -> None:
    file = io.StringIO()
    list(show_progress(iterates(), [Scale(20, 30, 3)], Console(file=file)))
    assert "\x1b" not in file.getvalue()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (8.4, "8 s"), (59.6, "1 min 00 s"), (80, "1 min 20 s"), (7500, "2 h 05 min")],
)
def test_seconds_are_shown_as_people_say_them(seconds: float, text: str) -> None:
    assert show_seconds(seconds) == text
