"""What a measure says, as a table for people and JSON for programs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One number. `value` is None where what it counts did not happen; a goal is "at most"."""

    name: str
    value: float | None
    unit: str = ""
    goal: float | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None if there is none."""
        return None if self.goal is None else self.value is not None and self.value <= self.goal


@dataclass(frozen=True)
class Result:
    """One measure: its figures, and what they were computed from."""

    name: str
    figures: tuple[Figure, ...]
    details: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        figures = [{**asdict(figure), "met": figure.met} for figure in self.figures]
        return {"figures": figures, "details": self.details}


def finite(value: float) -> float | None:
    """The value, or None for infinity, which JSON has not: "never"."""
    return value if math.isfinite(value) else None


def number(value: float, unit: str) -> str:
    """Three digits, and all of them before the point."""
    return f"{value:.0f} {unit}" if abs(value) >= 100 else f"{value:.3g} {unit}".rstrip()


def show(results: Sequence[Result], machine: dict[str, Any], console: Console) -> None:
    """Print the table of all figures."""
    console.print(", ".join(f"{key} {value}" for key, value in machine.items()), markup=False)
    table = Table("measure", "figure", "value", "goal, at most", "met", "note")
    for result in results:
        for i, figure in enumerate(result.figures):
            table.add_row(
                "" if i else result.name,
                figure.name,
                "never" if figure.value is None else number(figure.value, figure.unit),
                "" if figure.goal is None else number(figure.goal, figure.unit),
                {None: "", True: "yes", False: "NO"}[figure.met],
                figure.note,
            )
    console.print(table)
