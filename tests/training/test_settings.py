"""The settings of the three ways: on their page as in the code, and checked."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from gramarye.errors import SettingsError
from gramarye.training.settings import WAYS, JohnsonConfig, LossConfig, TrainConfig, make_settings

PAGE = (Path(__file__).parent.parent.parent / "docs" / "training.md").read_text("utf-8")


PARTS = (TrainConfig, LossConfig, JohnsonConfig)


def test_the_page_has_every_setting_with_its_values() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\S+) \| (\S+) \| (\S+) \| (\S+) \|$", PAGE, re.M)
    assert [name for name, *_ in rows] == list(TrainConfig.model_fields)
    for name, *values in rows:
        for way, value in zip(("minute", "warm", "small", "paper"), values, strict=True):
            assert getattr(make_settings(way).training, name) == float(value), (name, way)  # type: ignore[arg-type]


def test_the_help_names_what_the_other_ways_change() -> None:
    for way, values in WAYS.items():
        for name in values:
            field = next(p.model_fields[name] for p in PARTS if name in p.model_fields)
            assert f"--{way}" in (field.description or ""), (way, name)


def test_the_page_names_the_settings_of_the_paper() -> None:
    for part in (LossConfig, JohnsonConfig):
        for name in set(part.model_fields) - {"device"}:
            assert f"--{name.replace('_', '-')}" in PAGE


@pytest.mark.parametrize(
    ("way", "settings", "words"),
    [
        ("hour", {}, "unknown way 'hour': there are minute, warm, small, video, paper"),
        ("warm", {"stepps": 3}, "unknown setting 'stepps'; did you mean 'steps'"),
        ("warm", {"blocks": 3}, "blocks belongs to Johnson's network"),
        ("minute", {"size": 100}, "size is 100: give at least 128"),
        ("paper", {"size": 8}, "size is 8"),
        ("paper", {"channels": (1, 2)}, "channels"),
        ("paper", {"learning_rate": 0}, "learning_rate is 0"),
        ("warm", {"style_weight": float("inf")}, "style_weight is inf"),
    ],
)
def test_what_cannot_be_is_told(way: Any, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(words)):
        make_settings(way, **settings)
