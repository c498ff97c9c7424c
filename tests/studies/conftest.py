"""A study so small that a cell takes a fraction of a second."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gramarye.studies.making import StudyRun, Wish
from gramarye.studies.study import Study, setting_axis

TINY = {"size": 32, "coarse_to_fine": False, "steps": 3, "color": "free"}


def make_study(**changes: object) -> Study:
    given = {
        "name": "tiny",
        "title": "A <tiny> study",
        "question": "What does the weight do?\n\nAnd what not?",
        "columns": setting_axis("style_weight", [1.0, 100.0]),
        "settings": TINY,
    }
    return Study(**{**given, **changes})  # type: ignore[arg-type]


@pytest.fixture
def open_study(
    photo: Path, painting: Path, tiny_weights: Path, tmp_path: Path
) -> Callable[..., StudyRun]:
    """A function that opens a study of the two pictures, with a tiny network."""

    def open_one(study: Study, **wish: object) -> StudyRun:
        given = {
            "content": photo,
            "style": painting,
            "out": tmp_path / "study",
            "weights": {"vgg19-lite": tiny_weights},
            "jobs": 1,
        }
        return StudyRun(study, Wish(**{**given, **wish}))  # type: ignore[arg-type]

    return open_one
