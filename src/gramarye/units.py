"""Amounts of time and memory as people write them."""

from __future__ import annotations


def show_seconds(seconds: float) -> str:
    """`8 s`, `1 min 20 s`, `2 h 05 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def show_bytes(amount: float) -> str:
    """`3.2 GiB`, or `512 MiB`."""
    return f"{amount / 2**30:.1f} GiB" if amount >= 2**30 else f"{amount / 2**20:.0f} MiB"
