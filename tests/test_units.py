"""Amounts as people write them."""

import pytest

from gramarye.units import show_bytes, show_seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s"), (8.4, "8 s"), (59.6, "1 min 00 s"), (80, "1 min 20 s"), (7500, "2 h 05 min")],
)
def test_seconds_are_shown_as_people_say_them(seconds: float, text: str) -> None:
    assert show_seconds(seconds) == text


@pytest.mark.parametrize(
    ("amount", "text"), [(512 * 2**20, "512 MiB"), (3.25 * 2**30, "3.2 GiB"), (2**30, "1.0 GiB")]
)
def test_bytes_are_shown_in_mebibytes_or_gibibytes(amount: float, text: str) -> None:
    assert show_bytes(amount) == text
