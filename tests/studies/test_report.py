"""The report: every picture has a text, nothing is loaded from elsewhere, what failed is shown."""

from __future__ import annotations

import csv
import json
import shlex
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import pytest

from gramarye.errors import InputError
from gramarye.figures import DOTS
from gramarye.pictures.picture import load_image
from gramarye.samples import sample_path
from gramarye.studies import report, study, words
from gramarye.studies.drawing import CELL, column_label
from gramarye.studies.formulas import FORMULAS
from gramarye.studies.making import StudyRun, Wish, command_of
from gramarye.studies.papers import course, extremes
from gramarye.studies.study import Axis, Value, layers_axis, setting_axis
from tests.studies.conftest import TINY, make_study

Open = Callable[..., StudyRun]
Make = Callable[..., Path]


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


def test_what_could_not_be_made_is_not_said_to_be_missing(open_study: Open) -> None:
    columns = Axis("weight", (Value("bad", first="no.png"), Value("good"), Value("late")))
    run = open_study(make_study(columns=columns))
    for progress in run.steps():
        if progress.cells == 2:
            run.stop()
    page = Page(run.finish()[0].read_text("utf-8"))
    assert "1 of 3 cells made; 1 could not be made, and the reason stands in place" in page.text
    assert "; 1 not made yet: the same command goes on." in page.text


LIKE_PAPER = {"style_layers": {"relu1_1": 1.0}, "size": 48}


@pytest.mark.parametrize(
    ("settings", "wish", "said", "unsaid"),
    [
        (LIKE_PAPER, {}, [words.LITE, words.NO_CONV5, words.SMALLER], []),
        (LIKE_PAPER, {"size": 64, "steps": 4}, [words.NO_CONV5], [words.SMALLER]),
        (
            {"style_layers": {"relu1_1": 1.0, "relu5_1": 1.0}},
            {"size": 64},
            [words.LITE, words.SMALLER],
            [words.NO_CONV5],
        ),
        ({}, {}, [words.LITE, words.SMALLER], [words.NO_CONV5]),
    ],
)
def test_a_report_says_how_its_own_cells_differ_from_the_papers(
    open_study: Open,
    settings: dict[str, object],
    wish: dict[str, object],
    said: list[str],
    unsaid: list[str],
) -> None:
    columns = setting_axis("style_weight", [1.0])
    paper = {"size": 64, "steps": 4}
    run = open_study(
        make_study(columns=columns, settings={**TINY, **settings}, paper=paper), settings=wish
    )
    for _ in run.steps():
        pass
    text = words.differs(run.results)
    assert [part in text for part in said] == [True] * len(said)
    assert [part in text for part in unsaid] == [False] * len(unsaid)


def test_layers_of_the_axes_count_for_how_it_differs(open_study: Open) -> None:
    columns = layers_axis("style_layers", {"low": ["relu1_1"], "all": ["relu1_1", "relu5_1"]}, "l")
    run = open_study(make_study(columns=columns, settings={**TINY, "size": 64}))
    for _ in run.steps():
        pass
    assert len(run.results.made) == 2
    assert words.differs(run.results) == words.LITE


def test_the_legend_tells_of_the_columns_that_are_there() -> None:
    assert words.legend(["loss", "loss style/relu1_1"]) == [f"loss: {words.MEANINGS['loss']}."]
    lines = words.legend(["style, color", "style, stroke", "seconds"])
    assert [line.split(":")[0] for line in lines[:2]] == ["style", "seconds"]
    assert lines[2:] == [words.JUDGE]


def test_a_picture_that_comes_with_gramarye_is_called_so(tmp_path: Path) -> None:
    assert words.caption("style", sample_path("ink")) == (
        "style: ink, a picture that comes with gramarye"
    )
    assert words.caption("style", tmp_path / "ink.jpg") == "style: ink.jpg"


def test_the_command_makes_the_same_study_again(tmp_path: Path) -> None:
    typed = "relu1_1=8+relu2_1"
    given = {"style_layers": study.typed("style_layers", typed), "tileable": True, "size": 64}
    named = str(tmp_path / "my study.toml")
    wish = Wish(settings=given, named=named, weights={"vgg16": Path("a.pth")})
    command = shlex.split(command_of(make_study(), wish))
    assert command[:3] == ["gramarye", "study", named]
    assert command[-2:] == ["--size", "64"]
    sets = dict(word.split("=", 1) for word in command if "=" in word)
    assert study.typed("style_layers", sets["style_layers"]) == {"relu1_1": 8, "relu2_1": 1}
    assert study.typed("tileable", sets["tileable"]) is True
    assert command_of(make_study(), Wish()) == ""
    assert command_of(make_study(name="seeds"), Wish()) == "gramarye study seeds"


def test_a_sheet_is_as_tall_as_its_pictures(open_study: Open, make_picture: Make) -> None:
    columns = Axis("kinds", (Value("good"), Value("bad", first="no.png")))
    heights = []
    for width, height in ((60, 30), (30, 60)):
        photo = make_picture("photo.png", width, height)
        folder = finished(open_study(make_study(columns=columns, curves=False), content=photo))
        heights.append(load_image(folder / "sheet.png").shape[-2])
    assert heights[1] - heights[0] == pytest.approx(1.5 * CELL * DOTS, abs=3)


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


def test_seeds_are_columns_where_all_else_is_one() -> None:
    one = Axis("start", (Value("noise"),))
    assert column_label(make_study(columns=one, seeds=(0, 1))) == "seed"
    assert column_label(make_study(columns=one)) == "start"
    assert column_label(make_study(seeds=(0, 1))) == "style weight"
    assert column_label(make_study(columns=one, shown_after=(1, 2))) == "steps"


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
        "The error grows from each to the next: a 0.10, b 0.20."
    ]
    assert course([("a", 0.3), ("b", 0.2)], "error")[0].startswith(
        "The error falls from each to the next"
    )
    assert "goes up and down" in course([("a", 1), ("b", 3), ("c", 2)], "error")[0]
    assert course([("a", 1)], "error") == []
    assert extremes([("a", 1), ("b", 3)], "error", digits=1) == [
        "The error is least with a (1.0), and greatest with b (3.0)."
    ]
