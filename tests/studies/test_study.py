"""Studies as values: axes, what is typed, what is wrong with a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from gramarye.config import make_config
from gramarye.errors import GramaryeError, SettingsError
from gramarye.studies.shipping import find_study, read_study, shipped_studies
from gramarye.studies.study import Axis, Study, Value, layers_axis, setting_axis, shown, typed
from tests.studies.conftest import make_study


def test_a_value_is_read_as_its_setting_is() -> None:
    assert typed("style_weight", "30") == 30
    assert typed("style_loss", "swd") == "swd"
    assert typed("content_layers", "relu1_1=2+relu3_1") == {"relu1_1": 2, "relu3_1": 1}
    assert typed("tileable", "on") is True


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.5, "0.5"),
        ({"relu1_1": 1.0, "relu2_1": 1.0}, "relu1_1 relu2_1"),
        ({"relu1_1": 8.0, "relu2_1": 1.0}, "relu1_1=8 relu2_1=1"),
        ((3, 2), "3 2"),
        ("swd", "swd"),
    ],
)
def test_values_are_shown_shortly(value: object, text: str) -> None:
    assert shown(value) == text


def test_an_axis_takes_other_values_of_its_setting() -> None:
    axis = setting_axis("style_weight", [1.0]).of(["5", "1"])
    assert [value.settings for value in axis.values] == [{"style_weight": 5}, {"style_weight": 1.0}]


def test_an_axis_of_names_knows_its_names_only() -> None:
    axis = Axis("optimizer", (Value("Adam", {"optimizer": "adam"}), Value("other")))
    assert axis.of(["Adam"]).values == axis.values[:1]
    with pytest.raises(SettingsError, match=r"optimizer knows no 'Adan': choose from Adam, other"):
        axis.of(["Adan"])
    with pytest.raises(SettingsError, match="optimizer has 'Adam' twice: give each one once"):
        make_study(columns=axis.of(["Adam", "Adam"]))


def test_layers_are_joined_by_a_plus() -> None:
    axis = layers_axis("style_layers", {"a": ["relu1_1"]}, "layers").of(["relu1_1+relu2_1"])
    assert axis.values[0].settings == {"style_layers": {"relu1_1": 1.0, "relu2_1": 1.0}}


def test_a_study_of_too_many_cells_is_refused() -> None:
    with pytest.raises(SettingsError, match="500 cells: give from 1 to 400"):
        make_study(seeds=tuple(range(250)))


@pytest.mark.parametrize("study", shipped_studies().values(), ids=lambda study: study.name)
def test_every_shipped_study_has_settings_that_go_together(study: Study) -> None:
    for paper in (False, True):
        shared = study.settings_for(paper=paper)
        for row in study.rows.values:
            for column in study.columns.values:
                make_config(**{**shared, **row.settings, **column.settings})
    assert study.question.endswith((".", "?", "wait longer."))


def test_the_studies_of_the_papers_are_there() -> None:
    wanted = (
        "content-reconstruction style-reconstruction trade-off content-layer style-layers start "
        "seeds pooling optimizers networks losses progress features photoreal hyperparameters"
    )
    assert list(shipped_studies()) == wanted.split()


TOML = """
title = "Weights"
seeds = [1, 2]
[settings]
size = 64
[columns]
label = "style weight"
setting = "style_weight"
values = [10, 60]
[rows]
setting = "style_loss"
values = ["gram", "swd"]
"""


def test_a_study_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "My weights.toml"
    path.write_text(TOML)
    study = find_study(str(path))
    assert study.name == "my-weights"
    assert study.title == "Weights"
    assert study.seeds == (1, 2)
    assert [value.settings for value in study.columns.values] == [
        {"style_weight": 10},
        {"style_weight": 60},
    ]
    assert [value.label for value in study.rows.values] == ["gram", "swd"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sources = 3\n[columns]\nsetting = 'size'\nvalues = [32]", "sources that are no list"),
        ("seeds = [-1]\n[columns]\nsetting = 'size'\nvalues = [32]", "no whole numbers from 0"),
        ("seeds = [1, 1]\n[columns]\nsetting = 'size'\nvalues = [32]", "seeds has 1 twice"),
        ("[columns]\nsetting = 'size'\nvalues = [32, 32]", "size has '32' twice"),
        ("[settings]\nsizee = 1\n[columns]\nsetting = 'size'\nvalues = [1]", "mean 'size'"),
        ("title = ", "is no TOML"),
        ("title = 3\n[columns]\nsetting = 'size'\nvalues = [32]", "title in .* is 3: write a text"),
        ("title = 'x'", r"has no \[columns\]"),
        ("colums = 1", "did you mean 'columns'"),
        ("[columns]\nsetting = 'styel_weight'\nvalues = [1]", "did you mean 'style_weight'"),
        ("[columns]\nsetting = 'style_weight'\nvalues = []", "wants a setting and its values"),
        ("columns = 3", "is no table"),
        ("seeds = ['a']\n[columns]\nsetting = 'size'\nvalues = [32]", "no whole numbers"),
    ],
)
def test_what_is_wrong_in_a_file_is_told(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(GramaryeError, match=message):
        read_study(path)


def test_a_study_that_there_is_not() -> None:
    with pytest.raises(GramaryeError, match="did you mean 'trade-off'"):
        find_study("tradeoff")
    with pytest.raises(GramaryeError, match="cannot be read"):
        find_study("nowhere.toml")
