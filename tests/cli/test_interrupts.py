"""The first signal asks, the second insists, and afterwards all is as before."""

import os
import signal
import threading
import time

import pytest

from gramarye.cli.interrupts import NUMBERS, as_interrupts, stop_politely


def test_the_first_signal_asks_to_stop() -> None:
    asked: list[bool] = []
    with stop_politely(lambda: asked.append(True)):
        assert not asked
        signal.raise_signal(signal.SIGINT)
        assert asked == [True]


posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


@posix
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_others_ask_too(name: str) -> None:
    asked: list[bool] = []
    with stop_politely(lambda: asked.append(True)):
        signal.raise_signal(getattr(signal, name))
    assert asked == [True]


@posix
def test_a_terminal_that_says_twice_that_it_is_closed_does_not_insist() -> None:
    asked: list[bool] = []
    with stop_politely(lambda: asked.append(True)):
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGHUP)
    assert asked == [True, True]


@posix
def test_nohup_is_heeded() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with as_interrupts(), stop_politely(lambda: pytest.fail("asked")):
            signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_nothing_interrupts_the_saving() -> None:
    with stop_politely(lambda: pytest.fail("asked")) as interrupts:
        interrupts.saving = True
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)


@posix
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_before_a_run_others_are_as_ctrl_c(name: str) -> None:
    with pytest.raises(KeyboardInterrupt), as_interrupts():
        signal.raise_signal(getattr(signal, name))


def test_the_second_signal_is_a_keyboard_interrupt() -> None:
    with pytest.raises(KeyboardInterrupt), stop_politely(lambda: None):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)


def test_the_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in NUMBERS]
    with as_interrupts(), stop_politely(lambda: None):
        assert all(
            signal.getsignal(number) is not handler
            for number, handler in zip(NUMBERS, before, strict=True)
        )
    assert [signal.getsignal(number) for number in NUMBERS] == before


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


def test_an_interrupt_while_an_object_is_freed_is_not_lost(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Last:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    with stop_politely(lambda: None):
        signal.raise_signal(signal.SIGINT)
        last = Last()
        with pytest.raises(KeyboardInterrupt):
            del last
            for _ in range(500):
                time.sleep(0.01)
    assert capsys.readouterr().err == ""
