"""What came of the cells of a study, as it lies in their files: checked when it is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

from pydantic import BaseModel, ConfigDict, ValidationError

from gramarye.files import write_atomically
from gramarye.studies.study import Study


@final
class Step(BaseModel):
    """A step of a run: weighted losses by name, and seconds since the first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    step: int
    scale: int
    seconds: float
    losses: dict[str, float]

    @property
    def total(self) -> float:
        return sum(self.losses.values())


@final
class Result(BaseModel):
    """What came of a cell. Files are names in the study's folder of cells.

    `numbers` are what was measured of the picture, by name; `failure` says why there is none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    digest: str  # of all that decides what comes out
    picture: str | None = None
    shown: dict[int, str] = {}  # pictures so far, by the step
    steps: list[Step] = []
    seconds: float = 0.0
    settings: dict[str, Any] = {}
    numbers: dict[str, float] = {}
    notes: list[str] = []
    failure: str | None = None

    def save(self, path: Path) -> None:
        write_atomically(path, self.model_dump_json(indent=1).encode())

    @classmethod
    def of(cls, path: Path) -> Result | None:
        """The result in a file; None if there is none, or none that can be read."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):
            return None


@final
@dataclass(frozen=True)
class Place:
    """Where a cell is: its row, its column and its seed, as numbers of the study's values."""

    row: int
    column: int
    seed: int

    def name(self, study: Study) -> str:
        """The name of the cell's files."""
        parts = []
        if len(study.rows.values) > 1:
            parts.append(f"row{self.row + 1}")
        if len(study.columns.values) > 1 or not parts:
            parts.append(f"column{self.column + 1}")
        if len(study.seeds) > 1:
            parts.append(f"seed{study.seeds[self.seed]}")
        return "-".join(parts)


@final
class Results:
    """The results of a study by place; those that are not there yet are missing."""

    def __init__(self, study: Study, folder: Path, found: Mapping[Place, Result]) -> None:
        self.study, self.folder, self.found = study, folder, dict(found)

    def __getitem__(self, place: Place) -> Result | None:
        return self.found.get(place)

    def at(self, row: int = 0, column: int = 0, seed: int = 0) -> Result | None:
        return self.found.get(Place(row, column, seed))

    @property
    def places(self) -> list[Place]:
        return places_of(self.study)

    @property
    def made(self) -> dict[Place, Result]:
        """Those with a picture."""
        return {place: result for place, result in self.found.items() if result.failure is None}

    def label(self, place: Place) -> str:
        """What a cell is, in words: its row's, column's and seed's."""
        study = self.study
        parts = [study.rows.values[place.row].label, study.columns.values[place.column].label]
        if len(study.seeds) > 1:
            parts.append(f"seed {study.seeds[place.seed]}")
        return ", ".join(filter(None, parts))

    def row(self, read: Callable[[Result], float | None], row: int = 0) -> list[tuple[str, float]]:
        """A number along the columns, by their labels, of the cells that have it."""
        found = []
        for column, value in enumerate(self.study.columns.values):
            result = self.at(row, column)
            number = None if result is None or result.failure else read(result)
            if number is not None:
                found.append((value.label, number))
        return found


def places_of(study: Study) -> list[Place]:
    """All places of a study, row after row."""
    rows, columns, seeds = study.rows.values, study.columns.values, study.seeds
    return [
        Place(row, column, seed)
        for row in range(len(rows))
        for column in range(len(columns))
        for seed in range(len(seeds))
    ]


def measured(name: str) -> Callable[[Result], float | None]:
    """A number that was measured of the picture, by its name."""
    return lambda result: result.numbers.get(name)


def last_loss(result: Result) -> float | None:
    """The total loss at the end of the run."""
    return result.steps[-1].total if result.steps else None


def numbers_of(results: Results) -> Iterator[tuple[Place, dict[str, float]]]:
    """A row of a table for each cell: what was measured, and the losses at the end."""
    for place in results.places:
        result = results[place]
        if result is None:
            continue
        last = result.steps[-1].losses if result.steps else {}
        row = dict(result.numbers)
        if last:
            row["loss"] = sum(last.values())
        row |= {f"loss {name}": value for name, value in last.items()}
        if result.seconds:
            row["seconds"] = result.seconds
        yield place, row


def columns_of(rows: Sequence[Mapping[str, float]]) -> list[str]:
    """The names of all numbers, in the order they come."""
    return list(dict.fromkeys(name for row in rows for name in row))
