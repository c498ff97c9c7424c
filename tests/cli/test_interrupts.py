"""The first signal asks, the second insists, and afterwards all is as before."""

import os
import signal
import threading

import pytest

from gramarye.cli.interrupts import stop_politely


def test_the_first_signal_asks_to_stop() -> None:
    with stop_politely() as stop:
        assert not stop.asked
        signal.raise_signal(signal.SIGINT)
        assert stop.asked


@pytest.mark.skipif(os.name != "posix", reason="SIGTERM is POSIX's")
def test_sigterm_asks_too() -> None:
    with stop_politely() as stop:
        signal.raise_signal(signal.SIGTERM)
        assert stop.asked


def test_the_second_signal_is_a_keyboard_interrupt() -> None:
    with pytest.raises(KeyboardInterrupt), stop_politely():
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)


def test_the_handlers_are_put_back() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with stop_politely():
        assert signal.getsignal(signal.SIGINT) is not before[0]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_outside_the_main_thread_nothing_is_touched() -> None:
    seen = []

    def work() -> None:
        with stop_politely() as stop:
            seen.append(stop.asked)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [False]
