"""What the tests of several commands share."""

from pathlib import Path

import pytest


@pytest.fixture
def in_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The test's folder is the current one: pictures are named as a user names them."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
