"""The cells of a study as jobs of their own, each decided wholly before any of them is made."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import gramarye
from gramarye.config import StylizeConfig, make_config
from gramarye.errors import GramaryeError
from gramarye.files import file_sha256
from gramarye.jobs.job import name_inputs
from gramarye.networks.catalog import find_network
from gramarye.studies.results import Place, Result, places_of
from gramarye.studies.starts import first_picture
from gramarye.studies.study import Settings, Study, Value


@final
@dataclass(frozen=True)
class CellJob:
    """What to make in a cell, and where; it goes to another process as it is.

    `problem` says why it cannot be made, where its settings exclude each other.
    """

    place: Place
    name: str
    folder: Path  # of the study's cells
    task: str
    inputs: Mapping[str, Path]
    settings: Mapping[str, Any]
    shown_after: tuple[int, ...]
    digest: str
    problem: str | None = None

    @property
    def picture(self) -> Path:
        return self.folder / f"{self.name}.png"

    @property
    def record(self) -> Path:
        return self.folder / f"{self.name}.json"

    @property
    def config(self) -> StylizeConfig:
        return make_config(**self.settings)

    @property
    def work(self) -> float:
        """Roughly, steps times pixels: how its share of the whole is told."""
        config = self.config
        scales = config.scales
        steps = scales.steps if not scales.coarse_to_fine else scales.finer_steps + scales.steps / 4
        return max(1.0, steps) * config.picture.size**2

    def found(self) -> Result | None:
        """What a run before made of the very same cell, if its picture is still there."""
        result = Result.of(self.record)
        if result is None or result.digest != self.digest or result.failure is not None:
            return None
        files = [*filter(None, [result.picture]), *result.shown.values()]
        inside = all(Path(name).name == name for name in files)
        return result if inside and all((self.folder / name).is_file() for name in files) else None


@final
@dataclass(frozen=True)
class Given:
    """What a user gave for all cells: pictures, settings, and weights of networks by name."""

    content: Path
    style: Path
    settings: Mapping[str, Any]
    weights: Mapping[str, Path]
    paper: bool = False


def make_cells(study: Study, given: Given, folder: Path) -> list[CellJob]:
    """The jobs of a study's cells, row after row; pictures to begin with go into `folder`."""
    return [make_cell(study, place, given, folder) for place in places_of(study)]


def make_cell(study: Study, place: Place, given: Given, folder: Path) -> CellJob:
    row, column = study.rows.values[place.row], study.columns.values[place.column]
    name = place.name(study)
    task = column.task or row.task or "stylize"
    settings = settings_of(study, (row, column), given, study.seeds[place.seed])
    inputs: dict[str, Path] = {}
    problem = None
    try:
        name_weights(settings, given.weights)
        first = column.first or row.first
        if first is not None:
            settings["init"] = str(first_picture(first, folder))
        content = content_of(study, (row, column), given, folder)
        styles = [given.style] if study.needs_style else []
        inputs = name_inputs(content, styles, make_config(**settings))
    except GramaryeError as error:
        problem = str(error)
    digest = digest_of(task, settings, inputs, study.shown_after)
    return CellJob(place, name, folder, task, inputs, settings, study.shown_after, digest, problem)


def content_of(study: Study, values: Sequence[Value], given: Given, folder: Path) -> Path | None:
    if not study.needs_content:
        return None
    other = next((value.content for value in values if value.content is not None), None)
    return given.content if other is None else first_picture(other, folder)


def settings_of(study: Study, values: Sequence[Value], given: Given, seed: int) -> dict[str, Any]:
    """The study's settings, the papers' if they were asked for, the user's, and the place's own."""
    own: Settings = {key: v for value in values for key, v in value.settings.items()}
    shared = study.settings_for(paper=given.paper)
    return {**shared, "seed": seed, **given.settings, **own}


def name_weights(settings: dict[str, Any], weights: Mapping[str, Path]) -> None:
    """Add the user's weights of the network that the settings mean, by another name or a preset."""
    known = {find_network(name).name: path for name, path in weights.items()}
    network = find_network(make_config(**settings).network.name).name
    if network in known and "weights" not in settings:
        settings["weights"] = str(known[network])


def digest_of(
    task: str, settings: Mapping[str, Any], inputs: Mapping[str, Path], shown: Sequence[int]
) -> str:
    """A digest of all that decides what a cell is."""
    files = dict(inputs)
    if settings.get("weights"):
        files["weights"] = Path(settings["weights"])
    known = {name: file_sha256(path) for name, path in files.items() if path.is_file()}
    parts = [gramarye.__version__, task, dict(settings), known, list(shown)]
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
