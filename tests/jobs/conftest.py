"""A job that takes a moment."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gramarye.config import make_config
from gramarye.jobs.job import Job, name_inputs
from tests.jobs.doing import MakeJob


@pytest.fixture
def make_job(photo: Path, painting: Path, tiny_weights: Path, tmp_path: Path) -> MakeJob:
    """A function that makes a job of two scales in a folder of its own, with fields changed."""

    def make(**changes: Any) -> Job:
        settings = {"weights": str(tiny_weights), "size": 64, "min_size": 48, "steps": 4}
        config = make_config(**(settings | {"finer_steps": 3} | changes.pop("settings", {})))
        inputs = name_inputs(photo, [painting], config)
        return replace(Job(inputs, tmp_path / "made" / "a.png", config), **changes)

    return make
