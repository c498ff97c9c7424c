"""The folder of a study: another's is left alone, and what no study wrote, too."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from gramarye.errors import GramaryeError, InputError
from gramarye.studies.folder import check_folder, owner_of
from gramarye.studies.making import StudyRun
from tests.studies.conftest import make_study

Open = Callable[..., StudyRun]


def test_another_studys_folder_stays_as_it_is(open_study: Open) -> None:
    run = open_study(make_study())
    for progress in run.steps():
        if progress.finished is not None:
            run.stop()
            break
    # Not even a report is there yet, but the folder is the study's already.
    assert owner_of(run.folder) == "tiny"
    before = {path: path.read_bytes() for path in run.folder.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match="holds the study tiny, not other: name another folder"):
        open_study(make_study(name="other"))
    assert {p: p.read_bytes() for p in run.folder.rglob("*") if p.is_file()} == before
    open_study(make_study())


@pytest.mark.parametrize("name", ["report.html", "sheet.png", "results.csv", "results.json"])
def test_what_no_study_wrote_stays_as_it_is(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(InputError, match=f"{name}' is there, and no study's: name another"):
        check_folder(tmp_path, "tiny", [])
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_an_input_in_the_folder_is_not_replaced(open_study: Open) -> None:
    run = open_study(make_study())
    for _ in run.steps():
        pass
    picture = run.folder / "cells" / "column1.png"
    with pytest.raises(InputError, match="lies in the study's own folder"):
        open_study(make_study(), content=picture)


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(GramaryeError, match=r"is a file, so .* cannot be written"):
        check_folder(tmp_path / "file", "tiny", [])
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "cells").write_text("")
    with pytest.raises(GramaryeError, match=r"folder' cannot be made \(File exists\)"):
        check_folder(tmp_path / "folder", "tiny", [])


@pytest.mark.parametrize("text", ["{", "3", '{"study": "tiny"}', json.dumps({"gramarye": "1"})])
def test_a_record_that_is_none_has_no_owner(tmp_path: Path, text: str) -> None:
    (tmp_path / "results.json").write_text(text)
    assert owner_of(tmp_path) is None
