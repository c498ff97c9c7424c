"""What a study shows as pictures: the sheet of its cells with labelled axes, and curves.

matplotlib draws them; it is an extra (`gramarye[studies]`).
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, final

import numpy as np

from gramarye.figures import matplotlib_there, write_figure
from gramarye.pictures.picture import load_picture, picture_size
from gramarye.studies.results import Place, Result, Results
from gramarye.studies.study import Study
from gramarye.units import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDE = 6  # cells in a line of a study of one row
CELL = 2.1  # inches that a cell of the sheet is wide
TITLE = 0.25  # inches of the label above it
LABEL = 22  # characters of a line of a label
MISSING, EDGE = "#f0f0f0", "#cccccc"


@final
@dataclass(frozen=True)
class Shown:
    """A cell as it is shown: what it is called, its picture, or why there is none."""

    label: str
    picture: Path | None = None
    failure: str | None = None


@final
@dataclass(frozen=True)
class Section:
    """Rows of cells below one row of labels; a study of one long row is several sections."""

    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[Shown]]]


def sections_of(results: Results) -> list[Section]:
    """All cells as they are laid out: at most WIDE in a line where there is one row."""
    study = results.study
    columns, rows = study.columns.values, study.rows.values
    single = len(columns) == 1 and not study.shown_after
    if single and len(rows) == 1:  # seeds are the columns
        cells = [pictures_at(results, Place(0, 0, s))[0] for s in range(len(study.seeds))]
        labels = [columns[0].label] if len(cells) == 1 else [f"seed {s}" for s in study.seeds]
        return wrapped(labels, "", cells)
    found = []
    for row, value in enumerate(rows):
        for seed, number in enumerate(study.seeds):
            labels = [value.label, f"seed {number}" if len(study.seeds) > 1 else ""]
            shown = [
                cell
                for column in range(len(columns))
                for cell in pictures_at(results, Place(row, column, seed))
            ]
            found.append((", ".join(filter(None, labels)), shown))
    titles = [counted(step, "step") for step in study.shown_after] or [v.label for v in columns]
    if len(found) == 1:
        return wrapped(titles, *found[0])
    return [Section(titles, found)]


def column_label(study: Study) -> str:
    """What the columns are: the axis, steps of a run, or seeds where all else is one."""
    if study.shown_after:
        return "steps"
    one = len(study.columns.values) == len(study.rows.values) == 1
    return "seed" if one and len(study.seeds) > 1 else study.columns.label


def wrapped(titles: Sequence[str], label: str, cells: Sequence[Shown]) -> list[Section]:
    """One row as several, of about the same length."""
    lines = -(-len(cells) // WIDE)
    each = -(-len(cells) // lines)
    return [
        Section(titles[i : i + each], [(label, cells[i : i + each])])
        for i in range(0, len(cells), each)
    ]


def pictures_at(results: Results, place: Place) -> list[Shown]:
    """A cell, or the pictures of its run after so many steps."""
    result, label = results[place], results.label(place)
    failure = None if result is None else result.failure
    after = results.study.shown_after
    if not after:
        picture = None if result is None else result.picture
        return [Shown(label, results.folder / picture if picture else None, failure)]
    shown = {} if result is None else result.shown
    return [
        Shown(
            f"{label}, {counted(step, 'step')}".strip(", "),
            results.folder / shown[step] if step in shown else None,
            failure,
        )
        for step in after
    ]


def draw_sheet(results: Results, paths: Sequence[Path]) -> None:
    """Write all cells in rows and columns, their axes labelled, to each path (PNG, PDF)."""
    sections = sections_of(results)
    lines = [(section, row) for section in sections for row in range(len(section.rows))]
    wide = max(len(section.columns) for section in sections)
    study, tall = results.study, tallest(sections)
    with matplotlib_there() as make_figure:
        each = CELL * tall + TITLE
        figure = make_figure(figsize=(CELL * wide + 0.8, each * len(lines) + 0.7))
        axes = figure.subplots(len(lines), wide, squeeze=False)
        for ax in axes.flat:
            ax.set_axis_off()
        for line, (section, row) in enumerate(lines):
            label, cells = section.rows[row]
            for number, cell in enumerate(cells):
                ax = axes[line, number]
                draw_cell(ax, cell, tall)
                if row == 0:
                    ax.set_title(textwrap.fill(section.columns[number], LABEL), fontsize=8)
                if number == 0 and label:
                    ax.set_ylabel(textwrap.fill(label, LABEL), fontsize=8)
        figure.supxlabel(column_label(study), fontsize=9)
        if study.rows.label:
            figure.supylabel(study.rows.label, fontsize=9)
        for path in paths:
            write_figure(figure, path)


def tallest(sections: Sequence[Section]) -> float:
    """The height of the tallest picture, as a multiple of its width; 1 where there is none."""
    cells = [cell for section in sections for _, row in section.rows for cell in row]
    sizes = [picture_size(cell.picture) for cell in cells if cell.picture is not None]
    return max((height / width for width, height in sizes), default=1.0)


def draw_cell(ax: Axes, cell: Shown, tall: float) -> None:
    ax.set_axis_on()
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():  # so that a white picture is seen to be one
        spine.set(visible=True, color=EDGE, linewidth=0.5)
    if cell.picture is not None:
        ax.imshow(np.asarray(load_picture(cell.picture).to_pil().convert("RGB")))
        return
    text = textwrap.fill(cell.failure or "not made yet", LABEL + 6)
    ax.set_facecolor(MISSING)
    ax.set_box_aspect(tall)
    ax.text(0.5, 0.5, text, ha="center", va="center", transform=ax.transAxes, fontsize=6)


def draw_curves(results: Results, of: str, path: Path) -> bool:
    """Write how the total loss falls in every run, over `of` ("steps" or "seconds"); False if none.

    Both axes are logarithmic: losses fall by powers of ten.
    """
    lines = [
        (results.label(place), result.steps)
        for place, result in sorted_results(results)
        if len(result.steps) > 1
    ]
    if not lines:
        return False
    with matplotlib_there() as make_figure:
        figure = make_figure(figsize=(6.4, 3.6))
        ax = figure.subplots()
        for number, (label, steps) in enumerate(lines):
            xs = [s.step if of == "steps" else s.seconds for s in steps]
            ys = [max(s.total, 1e-12) for s in steps]
            style = ("-", "--", ":", "-.")[number // 10 % 4]
            ax.plot(xs, ys, style, label=label, linewidth=1.2)
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xlabel("step" if of == "steps" else "seconds")
        ax.set_ylabel("loss, as it is weighted")
        ax.grid(alpha=0.3)
        if len(lines) > 1:
            ax.legend(
                fontsize=7, ncols=1 + len(lines) // 13, loc="upper left", bbox_to_anchor=(1, 1)
            )
        write_figure(figure, path)
    return True


def sorted_results(results: Results) -> list[tuple[Place, Result]]:
    return [(place, result) for place in results.places if (result := results[place]) is not None]
