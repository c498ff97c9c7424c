"""What the tests of several commands share."""

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def in_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The test's folder is the current one: pictures are named as a user names them."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Callable[[Callable[[], int], str], None]:
    """A function that makes a mistake: it is told in one sentence, and no file comes or goes."""

    def check(made: Callable[[], int], message: str) -> None:
        before = sorted(tmp_path.iterdir())
        assert made() == 2
        err = capsys.readouterr().err
        assert message in err and err.count("\n") == 1
        assert sorted(tmp_path.iterdir()) == before

    return check


@pytest.fixture(autouse=True)
def apart(flows_of_the_test: None) -> None:
    """What a test keeps of flows is its own."""
