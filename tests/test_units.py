"""Amounts as people write them."""

import pytest

from gramarye.units import counted, show_bytes, show_seconds, show_text, show_value


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


def test_what_is_not_printable_is_shown_as_its_escape() -> None:
    assert show_text("naïve 画.png") == "naïve 画.png"
    assert show_text("a\x1b[31m\n\u202eb") == "a\\x1b[31m\\n\\u202eb"
    assert show_text("\udcff") == "\\udcff"


def test_values_are_shown_in_one_short_printable_line() -> None:
    assert show_value("a\n") == "'a\\n'"
    assert len(show_value("a" * 1000)) == 100
    assert show_value(10**5000) == "a number too long to show"


def test_one_of_a_thing_is_not_several() -> None:
    assert [counted(n, "style") for n in (0, 1, 2)] == ["0 styles", "1 style", "2 styles"]
