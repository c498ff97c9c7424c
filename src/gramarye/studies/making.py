"""A study from its question to its report."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, final

import torch

from gramarye.config import all_settings, find_setting
from gramarye.files import user_path
from gramarye.pictures.animation import save_animation
from gramarye.pictures.picture import load_image
from gramarye.samples import sample_path
from gramarye.studies.cells import CellJob, Given, make_cells
from gramarye.studies.folder import RECORD, check_folder
from gramarye.studies.report import Extra, check_extras, save_extra, write_json, write_report
from gramarye.studies.results import Results
from gramarye.studies.running import Progress, Running, processes_for
from gramarye.studies.shipping import study_names
from gramarye.studies.study import Axis, Study, setting_axis, typed
from gramarye.studies.words import option_words

FRAME = 0.25  # seconds of an animation


@final
@dataclass(frozen=True)
class Wish:
    """What a user wants of a study: its pictures and place, and what is to be different.

    `settings` are those of all cells; `columns` and `rows` are values as they are typed. `named` is
    what the study is called on the command line, where that is a file.
    """

    content: Path | None = None
    style: Path | None = None
    out: Path | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    columns: Sequence[str] = ()
    rows: Sequence[str] = ()
    seeds: Sequence[int] = ()
    weights: Mapping[str, Path] = field(default_factory=dict)
    paper: bool = False
    jobs: int | None = None
    named: str | None = None


@final
class StudyRun:
    """A study on its way: its cells are decided; `steps` makes them, `finish` writes the report."""

    def __init__(self, study: Study, wish: Wish) -> None:
        check_extras()
        self.study, self.wish = wished(study, wish), wish
        self.folder = user_path(wish.out or Path(f"study-{study.name}"))
        content, style = (
            given or sample_path(sample)
            for given, sample in zip((wish.content, wish.style), self.study.pictures, strict=True)
        )
        check_folder(self.folder, study.name, (content, style))
        self.given = Given(content, style, wish.settings, wish.weights, wish.paper)
        self.cells: list[CellJob] = make_cells(self.study, self.given, self.folder / "cells")
        self.running = Running(self.cells, processes_for(self.cells, wish.jobs))

    def stop(self) -> None:
        """Ask it to end; the report then has what is there."""
        self.running.stop()

    def steps(self) -> Iterator[Progress]:
        """Make the cells that are not there yet, telling now and then how far it is."""
        if not (self.folder / RECORD).exists():  # from here on the folder is this study's
            write_json(self.results, self.folder / RECORD, self.shared_settings)
        yield from self.running.steps()

    @property
    def stopped(self) -> bool:
        return len(self.running.results) < len(self.cells)

    @property
    def results(self) -> Results:
        return Results(self.study, self.folder / "cells", self.running.results)

    @property
    def inputs(self) -> dict[str, Path]:
        found = {}
        if self.study.needs_content:
            found["content"] = self.given.content
        if self.study.needs_style:
            found["style"] = self.given.style
        return found

    def finish(self) -> list[Path]:
        """Write sheet, curves, tables and report of what is there: their paths, the page first."""
        results = self.results
        written = write_report(
            results,
            self.folder,
            self.inputs,
            command=command_of(self.study, self.wish),
            settings=self.shared_settings,
            extras=extras_of(results, self.folder),
        )
        return written + animations_of(results, self.folder)

    @property
    def shared_settings(self) -> dict[str, Any]:
        return {**self.study.settings_for(paper=self.wish.paper), **self.wish.settings}


def wished(study: Study, wish: Wish) -> Study:
    """The study with the axes and seeds that a user asked for."""
    columns, rows = study.columns, study.rows
    if wish.paper:
        columns, rows = (
            replace(axis, values=axis.paper) if axis.paper else axis for axis in (columns, rows)
        )
    if wish.columns:
        columns = wished_axis(study.columns, wish.columns)
    if wish.rows:
        rows = wished_axis(study.rows, wish.rows)
    seeds = tuple(wish.seeds) or study.seeds
    return replace(study, columns=columns, rows=rows, seeds=seeds)


def wished_axis(axis: Axis, texts: Sequence[str]) -> Axis:
    """The study's axis with other values, or of `SETTING=VALUE,VALUE` one of that setting."""
    name, equals, first = texts[0].partition("=")
    option = name.strip().replace("-", "_")
    if equals and option in all_settings():
        return setting_axis(option, [typed(option, text) for text in (first, *texts[1:])])
    if equals and option.isidentifier() and not user_path(Path(texts[0])).exists():
        find_setting(option)  # which says what it may have meant
    return axis.of(texts)


def command_of(study: Study, wish: Wish) -> str:
    """The command that makes the study again; none for one that Python made."""
    named = wish.named or (study.name if study.name in study_names() else None)
    if named is None:
        return ""
    words = ["gramarye", "study", named]
    words += [str(path) for path in (wish.content, wish.style) if path is not None]
    for name in ("columns", "rows", "seeds"):
        if values := getattr(wish, name):
            words += [f"--{name}", ",".join(map(str, values))]
    for name, path in wish.weights.items():
        words += ["--weights", f"{name}={path}"]
    words += option_words(wish.settings)
    if wish.paper:
        words.append("--paper")
    if wish.out is not None:
        words += ["--out", str(wish.out)]
    return shlex.join(words)


def extras_of(results: Results, folder: Path) -> list[Extra]:
    """Where there are several seeds: the mean of their pictures, and how far they spread."""
    if len(results.study.seeds) < 2:
        return []
    found = []
    for row, row_value in enumerate(results.study.rows.values):
        for column, value in enumerate(results.study.columns.values):
            made = [results.at(row, column, s) for s in range(len(results.study.seeds))]
            files = [r.picture for r in made if r is not None and r.picture is not None]
            if len(files) < 2:
                continue
            pictures = torch.cat([load_image(results.folder / name) for name in files])
            spread = pictures.std(0, correction=0, keepdim=True).mean(1, keepdim=True)
            name = ", ".join(filter(None, [row_value.label, value.label])) or "all"
            stem = f"row{row + 1}-column{column + 1}"
            largest = float(spread.max())
            shown = (spread / max(largest, 1e-6)).expand(-1, 3, -1, -1).contiguous()
            text = f"Spread per pixel of {len(files)} seeds ({name}); white is {largest:.2f} of 1"
            mean = pictures.mean(0, keepdim=True)
            found.append(
                save_extra(
                    f"Mean of {len(files)} seeds ({name})", mean, folder / f"mean-{stem}.png"
                )
            )
            found.append(save_extra(text, shown, folder / f"spread-{stem}.png"))
    return found


def animations_of(results: Results, folder: Path) -> list[Path]:
    """Where a run's pictures so far are the columns: each run as an animation."""
    written = []
    for place, result in results.made.items():
        if len(result.shown) > 1:
            frames = [results.folder / result.shown[step] for step in sorted(result.shown)]
            path = folder / f"{place.name(results.study)}.webp"
            written.append(save_animation(frames, path, FRAME, back=False))
    return written


def run_study(
    study: Study, *, watch: Callable[[Progress], None] | None = None, **wish: Any
) -> Results:
    """Make a study and write its report: `run_study(study, content="a.jpg", style="b.jpg")`.

    What else may be given is in `Wish`. Cells that are in the folder already stay.
    """
    paths = {k: Path(v) for k, v in wish.items() if k in ("content", "style", "out")}
    run = StudyRun(study, Wish(**{**wish, **paths}))
    for progress in run.steps():
        if watch is not None:
            watch(progress)
    run.finish()
    return run.results
