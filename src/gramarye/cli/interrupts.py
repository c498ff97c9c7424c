"""Ctrl-C asks a run to end, so that the picture so far can be saved."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import final

# As Ctrl-C: a request to end from a system that shuts down, and a terminal that was closed.
NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
NUMBERS = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
HANGUP = getattr(signal, "SIGHUP", None)
SOON = 0.01  # seconds


@final
class Interrupts:
    """The first signal calls `stop`; the second is a KeyboardInterrupt, unless it is `saving`.

    A closed terminal may say so several times: that never is one.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self.stop = stop
        self.asked = self.saving = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        again, self.asked = self.asked, True
        if self.saving:
            return
        if again and number != HANGUP:
            raise KeyboardInterrupt
        self.stop()


@contextmanager
def stop_politely(stop: Callable[[], None]) -> Iterator[Interrupts]:
    """Within, the first Ctrl-C, SIGTERM or SIGHUP calls `stop`; the second is a KeyboardInterrupt.

    While what comes out is `saving`, they change nothing.
    """
    interrupts = Interrupts(stop)
    with handled(interrupts):
        yield interrupts


@contextmanager
def as_interrupts() -> Iterator[None]:
    """Within, SIGTERM and SIGHUP are KeyboardInterrupts, as Ctrl-C is: what was begun is undone."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with handled(interrupt):
        yield


@contextmanager
def handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Within, the handler gets the signals; not those of a terminal that `nohup` has let go."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may handle signals
        return
    numbers = [
        number
        for number in NUMBERS
        if number != HANGUP or signal.getsignal(number) != signal.SIG_IGN
    ]
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        with told_again():
            yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextmanager
def told_again() -> Iterator[None]:
    """Within, a KeyboardInterrupt that comes while Python frees an object is raised once more.

    There nobody can catch it: Python would print it with its traceback, and go on.
    """
    timers: list[threading.Timer] = []
    usual = sys.unraisablehook

    def hook(lost: sys.UnraisableHookArgs) -> None:
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            usual(lost)
            return
        # Not here and now, where it would be lost again.
        timers.append(threading.Timer(SOON, _thread.interrupt_main))
        timers[-1].daemon = True
        timers[-1].start()

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = usual
        for timer in timers:
            timer.cancel()
