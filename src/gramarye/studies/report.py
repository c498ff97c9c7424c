"""The report of a study: one page with everything in it, its tables, and its pictures' files."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final

import gramarye
from gramarye.errors import InputError
from gramarye.figures import matplotlib_there
from gramarye.files import write_atomically
from gramarye.pictures.picture import Picture, load_image, save_picture
from gramarye.scales.resizing import resize
from gramarye.scales.sizes import fit
from gramarye.studies.drawing import (
    Section,
    column_label,
    draw_curves,
    draw_sheet,
    sections_of,
)
from gramarye.studies.folder import RECORD
from gramarye.studies.formulas import FORMULAS
from gramarye.studies.results import Results, columns_of, numbers_of
from gramarye.studies.words import caption, differs, how_far, legend

THUMB = 190  # pixels that a cell is wide in the page
LARGEST = 1024  # pixels of a side of a picture in the page; the file beside it has all


@final
@dataclass(frozen=True)
class Extra:
    """A picture made of several cells, such as their mean."""

    label: str
    path: Path


def write_report(
    results: Results,
    folder: Path,
    inputs: Mapping[str, Path],
    *,
    command: str,
    settings: Mapping[str, Any],
    extras: Sequence[Extra] = (),
) -> list[Path]:
    """Write the sheet, the curves, the tables and `report.html` into the folder: their paths.

    Cells that are missing or failed are shown as such. InputError if Jinja2 or matplotlib is not
    there.
    """
    template = page_template()
    sheet = [folder / "sheet.png", folder / "sheet.pdf"]
    draw_sheet(results, sheet)
    curves = []
    for of in ("steps", "seconds") if results.study.curves else ():
        path = folder / f"curves-{of}.svg"
        if draw_curves(results, of, path):
            curves.append(path)
    table = write_table(results, folder / "results.csv")
    data = write_json(results, folder / RECORD, settings)
    page = folder / "report.html"
    text = template.render(
        **context(results, inputs, curves, extras), command=command, settings=shown(settings)
    )
    write_atomically(page, text.encode())
    return [page, *sheet, *curves, table, data]


def check_extras() -> None:
    """Raise InputError if what a report is made with is not there: before any run, not after."""
    page_template()
    with matplotlib_there():
        pass


def page_template() -> Any:
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise InputError(
            "a study's report is written with Jinja2, which is not installed: "
            "pip install 'gramarye[studies]'"
        ) from error
    loader = PackageLoader("gramarye.studies")
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
    environment.policies["json.dumps_kwargs"] = {"sort_keys": True}
    return environment.get_template("report.html.j2")


def context(
    results: Results, inputs: Mapping[str, Path], curves: Sequence[Path], extras: Sequence[Extra]
) -> dict[str, Any]:
    """What the template shows."""
    from markupsafe import Markup

    study, table = results.study, table_of(results)
    sections = [section_of(section) for section in sections_of(results)]
    named = {"steps": "steps", "seconds": "seconds of computing"}
    return {
        "study": study,
        "version": gramarye.__version__,
        "thumb": THUMB,
        "made": len(results.made),
        "how_far": how_far(results),
        "question": paragraphs(study.question),
        "papers": study.papers,
        "differs": differs(results),
        "formulas": [
            {"math": Markup(FORMULAS[name].math), "text": FORMULAS[name].text}
            for name in study.formulas
        ],
        "inputs": [
            {"label": caption(name, path), "alt": f"The {name}", "data": data_of(path)}
            for name, path in inputs.items()
        ],
        "row_label": study.rows.label,
        "column_label": column_label(study),
        "rows_named": any(row["label"] for section in sections for row in section["rows"]),
        "sections": sections,
        "extras": [
            {"label": extra.label, "alt": extra.label, "data": data_of(extra.path)}
            for extra in extras
        ],
        "findings": study.findings(results) if study.findings and results.made else [],
        "curves": [
            {
                "alt": f"The loss of every run over {named[path.stem.removeprefix('curves-')]}, "
                "both axes logarithmic",
                "data": uri("image/svg+xml", path.read_bytes()),
            }
            for path in curves
        ],
        "table": table,
        "legend": legend(table["columns"]),
        "notes": notes_of(results),
        "sources": study.sources,
    }


def section_of(section: Section) -> dict[str, Any]:
    return {
        "columns": section.columns,
        "rows": [
            {
                "label": label,
                "cells": [
                    {
                        "label": cell.label or "the picture",
                        "alt": f"The picture of {cell.label}" if cell.label else "The picture",
                        "data": None if cell.picture is None else data_of(cell.picture),
                        "why": cell.failure or "not made yet",
                    }
                    for cell in cells
                ],
            }
            for label, cells in section.rows
        ],
    }


def paragraphs(text: str) -> list[str]:
    return [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]


def notes_of(results: Results) -> list[str]:
    """What the runs had to say, by their cells; equal notes once."""
    cells: dict[str, list[str]] = {}
    for place in results.places:
        result = results[place]
        for note in [] if result is None else result.notes:
            cells.setdefault(note, []).append(results.label(place))
    return [f"{'; '.join(labels)}: {note}" for note, labels in cells.items()]


def table_of(results: Results) -> dict[str, Any]:
    rows = list(numbers_of(results))
    columns = columns_of([numbers for _, numbers in rows])
    return {
        "columns": columns,
        "rows": [
            {
                "label": results.label(place) or "the run",
                "numbers": [
                    {"value": numbers.get(name, ""), "shown": short(numbers.get(name))}
                    for name in columns
                ],
            }
            for place, numbers in rows
        ],
    }


def short(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def write_table(results: Results, path: Path) -> Path:
    """Write a row of numbers for each cell, as comma-separated values."""
    rows = list(numbers_of(results))
    columns = columns_of([numbers for _, numbers in rows])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["row", "column", "seed", *columns, "failure"])
    study = results.study
    for place in results.places:
        result = results[place]
        if result is None:
            continue
        numbers = dict(rows).get(place, {})
        writer.writerow(
            [
                study.rows.values[place.row].label,
                study.columns.values[place.column].label,
                study.seeds[place.seed],
                *(numbers.get(name, "") for name in columns),
                result.failure or "",
            ]
        )
    write_atomically(path, text.getvalue().encode())
    return path


def write_json(results: Results, path: Path, settings: Mapping[str, Any]) -> Path:
    """Write everything: settings, and of each cell the losses of every step and all numbers."""
    cells = [
        {
            "row": results.study.rows.values[place.row].label,
            "column": results.study.columns.values[place.column].label,
            "seed": results.study.seeds[place.seed],
            **(result.model_dump(mode="json", exclude={"digest"})),
        }
        for place in results.places
        if (result := results[place]) is not None
    ]
    about = {
        "gramarye": gramarye.__version__,
        "study": results.study.name,
        "settings": dict(settings),
        "cells": cells,
    }
    write_atomically(path, json.dumps(about, indent=1, default=str).encode())
    return path


def shown(settings: Mapping[str, Any]) -> str:
    lines = [f"{name} = {value}" for name, value in settings.items()]
    return "\n".join(lines) or "the defaults"


def data_of(path: Path) -> str:
    """A picture as it stands in the page: a JPEG, no larger than the page needs."""
    image = load_image(path)
    height, width = image.shape[-2:]
    if max(height, width) > LARGEST:
        image = resize(image, *fit(height, width, LARGEST)).clamp(0, 1)
    buffer = io.BytesIO()
    Picture.from_tensor(image).to_pil().convert("RGB").save(buffer, "JPEG", quality=90)
    return uri("image/jpeg", buffer.getvalue())


def uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def save_extra(label: str, image: Any, path: Path) -> Extra:
    save_picture(Picture.from_tensor(image), path)
    return Extra(label, path)
