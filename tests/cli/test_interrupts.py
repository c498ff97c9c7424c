"""The first signal asks, the second insists, and afterwards all is as before."""

import os
import signal
import threading

import pytest

from gramarye.cli.interrupts import stop_politely


def test_the_first_signal_asks_to_stop() -> None:
    asked: list[bool] = []
    with stop_politely(lambda: asked.append(True)):
        assert not asked
        signal.raise_signal(signal.SIGINT)
        assert asked == [True]


@pytest.mark.skipif(os.name != "posix", reason="SIGTERM is POSIX's")
def test_sigterm_asks_too() -> None:
    asked: list[bool] = []
    with stop_politely(lambda: asked.append(True)):
        signal.raise_signal(signal.SIGTERM)
    assert asked == [True]


def test_the_second_signal_is_a_keyboard_interrupt() -> None:
    with pytest.raises(KeyboardInterrupt), stop_politely(lambda: None):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)


def test_the_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with stop_politely(lambda: None):
        assert signal.getsignal(signal.SIGINT) is not before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_outside_the_main_thread_nothing_is_touched() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def work() -> None:
        with stop_politely(lambda: None):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
