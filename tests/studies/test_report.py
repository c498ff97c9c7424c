"""The report: every picture has a text, nothing is loaded from elsewhere, what failed is shown."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from gramarye.errors import InputError
from gramarye.pictures.picture import load_image
from gramarye.studies import report
from gramarye.studies.formulas import FORMULAS
from gramarye.studies.making import StudyRun
from gramarye.studies.papers import course, extremes
from gramarye.studies.study import Axis, Value, setting_axis
from tests.studies.conftest import make_study

Open = Callable[..., StudyRun]


class Page(HTMLParser):
    """The tags of a page with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def finished(run: StudyRun) -> Path:
    for _ in run.steps():
        pass
    run.finish()
    return run.folder


def test_a_report_stands_by_itself(open_study: Open) -> None:
    columns = Axis("weight", (Value("<b>", {"style_weight": 1.0}), Value("bad", first="no.png")))
    folder = finished(open_study(make_study(columns=columns, formulas=tuple(FORMULAS))))
    text = (folder / "report.html").read_text("utf-8")
    page = Page(text)
    images = page.all("img")
    assert len(images) >= 4  # two inputs, a cell, two curves, and the one that opens large
    for image in images[:-1]:
        assert image["alt"]
        assert (image["src"] or "").startswith("data:image/")
    assert not page.all("link")
    assert all("src" not in script for script in page.all("script"))
    assert "<b>" not in text.split("</style>")[1].split("<script>")[0]
    assert "A <tiny> study" in page.text
    assert "there is no first image 'no.png'" in page.text
    assert "1 of 2 cells made" in page.text
    assert len(page.all("math")) == len(FORMULAS)


def test_tables_have_a_row_for_each_cell(open_study: Open) -> None:
    folder = finished(open_study(make_study(seeds=(3, 4))))
    with (folder / "results.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["column"], row["seed"]) for row in rows] == [
        ("1", "3"),
        ("1", "4"),
        ("100", "3"),
        ("100", "4"),
    ]
    assert all(float(row["loss"]) > 0 for row in rows)
    found = json.loads((folder / "results.json").read_text())
    assert len(found["cells"]) == 4
    assert len(found["cells"][0]["steps"]) == 3


def test_the_mean_and_the_spread_of_seeds_by_hand(open_study: Open) -> None:
    study = make_study(
        columns=Axis("", (Value("noise", {"init": "noise"}),)), seeds=(0, 1, 2), curves=False
    )
    folder = finished(open_study(study))
    names = [f"seed{seed}" for seed in (0, 1, 2)]
    pictures = [load_image(p) for p in sorted((folder / "cells").glob("*seed*.png"))]
    assert len(pictures) == len(names)
    mean = sum(pictures) / 3
    assert (load_image(folder / "mean-row1-column1.png") - mean).abs().max() <= 1.01 / 255
    spread = (sum((p - mean) ** 2 for p in pictures) / 3).sqrt().mean(1, keepdim=True)
    shown = load_image(folder / "spread-row1-column1.png")[:, :1]
    assert (shown - spread / spread.max()).abs().max() <= 1.01 / 255


def test_one_study_is_one_report(open_study: Open, tmp_path: Path) -> None:
    study = make_study(curves=False)
    run = open_study(study)
    folder = finished(run)
    before = (folder / "report.html").read_bytes(), (folder / "sheet.png").read_bytes()
    finished(open_study(study))
    assert ((folder / "report.html").read_bytes(), (folder / "sheet.png").read_bytes()) == before


def test_a_long_row_is_wrapped(open_study: Open) -> None:
    weights = [float(n) for n in range(1, 9)]
    run = open_study(make_study(columns=setting_axis("style_weight", weights), curves=False))
    sections = report.sections_of(run.results)
    assert [len(section.columns) for section in sections] == [4, 4]
    assert [cell.label for cell in sections[1].rows[0][1]] == ["5", "6", "7", "8"]


@pytest.mark.parametrize("module", ["jinja2", "matplotlib"])
def test_what_is_not_installed_is_told(
    open_study: Open, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=r"not installed: pip install 'gramarye\[studies\]'"):
        open_study(make_study())  # before a single run


def test_a_course_is_told_by_its_numbers() -> None:
    assert course([("a", 0.1), ("b", 0.2)], "error") == [
        "The error grows all along: a 0.10, b 0.20."
    ]
    assert course([("a", 0.3), ("b", 0.2)], "error")[0].startswith("The error falls all along")
    assert "goes up and down" in course([("a", 1), ("b", 3), ("c", 2)], "error")[0]
    assert course([("a", 1)], "error") == []
    assert extremes([("a", 1), ("b", 3)], "error", digits=1) == [
        "The error is least with a (1.0), and greatest with b (3.0)."
    ]
