"""Amounts of time and memory as people write them, and texts that others have written."""

from __future__ import annotations


def show_seconds(seconds: float) -> str:
    """`8 s`, `1 min 20 s`, `2 h 05 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def show_size(width: int, height: int) -> str:
    """`640 x 480`: in letters that every terminal has."""
    return f"{width} x {height}"


def show_bytes(amount: float) -> str:
    """`3.2 GiB`, or `512 MiB`."""
    if 0 < amount < 2**19:
        return f"{amount / 2**10:.1f} KiB"
    return f"{amount / 2**30:.1f} GiB" if amount >= 2**30 else f"{amount / 2**20:.0f} MiB"


def show_text(text: str) -> str:
    """The text as a terminal may be given it: what is no letter, such as an escape, as `\\x1b`.

    A name or a recipe from elsewhere could else move the cursor, or change what was printed.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def show_value(value: object) -> str:
    """A value as a message may hold it: printable, and no longer than a line."""
    try:
        text = repr(value)
    except ValueError:  # Python writes no number of more than 4300 digits
        return "a number too long to show"
    text = " ".join(text.split("\n"))  # of arrays and tensors
    return text if len(text) <= 100 else f"{text[:97]}..."


def counted(number: int, noun: str) -> str:
    """`1 style`, `2 styles`."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def is_or_are(number: int, noun: str) -> str:
    """`is 1 style`, `are 2 styles`."""
    return ("is " if number == 1 else "are ") + counted(number, noun)
