"""Cells: what is there stays, what is changed is made again, what fails is shown."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from gramarye.errors import OutputError
from gramarye.pictures.picture import load_image
from gramarye.recipe import Recipe
from gramarye.studies import running
from gramarye.studies.making import StudyRun, run_study
from gramarye.studies.results import Place, Result
from gramarye.studies.study import Axis, Value, setting_axis
from tests.studies.conftest import TINY, make_study

Open = Callable[..., StudyRun]


def made(run: StudyRun) -> list[str]:
    """Make the cells; the names of those that were made just now."""
    found = [p.finished for p in run.steps() if p.finished is not None]
    return [place.name(run.study) for place in found]


def test_every_cell_is_a_run_of_its_own(open_study: Open) -> None:
    run = open_study(make_study())
    assert made(run) == ["column1", "column2"]
    for column, weight in enumerate((1.0, 100.0)):
        result = run.results.at(column=column)
        assert result is not None
        assert result.picture is not None
        assert [step.step for step in result.steps] == [1, 2, 3]
        recipe = Recipe.of_picture(run.folder / "cells" / result.picture)
        assert recipe.settings.value("style_weight") == weight
        assert {"pixel error", "edges"} <= result.numbers.keys()
        assert result.steps[-1].total == pytest.approx(sum(result.steps[-1].losses.values()))


def test_the_pixel_error_by_hand(open_study: Open, photo: Path) -> None:
    run = open_study(make_study(settings={**TINY, "size": 48}))
    made(run)
    result = run.results.at()
    assert result is not None
    assert result.picture is not None
    image, content = load_image(run.folder / "cells" / result.picture), load_image(photo)
    error = ((image - content) ** 2).mean().sqrt()
    assert result.numbers["pixel error"] == pytest.approx(float(error), abs=1e-6)


def test_what_is_there_stays_and_what_is_changed_is_made_again(open_study: Open) -> None:
    study = make_study()
    made(open_study(study))
    assert made(open_study(study)) == []
    other = make_study(columns=setting_axis("style_weight", [1.0, 50.0]))
    assert made(open_study(other)) == ["column2"]
    assert made(open_study(other, settings={"steps": 2})) == ["column1", "column2"]


def test_a_cell_whose_picture_is_gone_or_whose_input_is_another_is_made_again(
    open_study: Open, photo: Path, make_picture: Callable[..., Path]
) -> None:
    study = make_study()
    run = open_study(study)
    made(run)
    (run.folder / "cells" / "column1.png").unlink()
    assert made(open_study(study)) == ["column1"]
    make_picture(photo.name, 48, 36, seed=77)
    assert made(open_study(study)) == ["column1", "column2"]


def test_a_record_that_was_altered_counts_as_none(open_study: Open) -> None:
    study = make_study()
    run = open_study(study)
    made(run)
    record = run.folder / "cells" / "column1.json"
    record.write_text(record.read_text().replace('"column1.png"', '"../../photo.png"'))
    (run.folder / "cells" / "column2.json").write_text("{")
    assert made(open_study(study)) == ["column1", "column2"]


def test_a_cell_that_fails_does_not_stop_the_rest(open_study: Open) -> None:
    columns = Axis(
        "kinds",
        (
            Value("bad", {"content_layers": {"relu9_9": 1.0}}),
            Value("lost", first="nowhere.png"),
            Value("good"),
        ),
    )
    run = open_study(make_study(columns=columns))
    assert made(run) == ["column1", "column2", "column3"]
    bad, lost, good = (run.results.at(column=column) for column in range(3))
    assert bad is not None
    assert "relu9_9" in (bad.failure or "")
    assert lost is not None
    assert "nowhere.png" in (lost.failure or "")
    assert good is not None
    assert good.failure is None
    assert made(open_study(make_study(columns=columns))) == ["column1", "column2"]


def test_a_record_that_cannot_be_written_does_not_stop_the_rest(
    open_study: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    save = Result.save

    def full(result: Result, path: Path) -> None:
        if path.name == "column1.json":
            raise OutputError("no space left")
        save(result, path)

    monkeypatch.setattr(Result, "save", full)
    run = open_study(make_study())
    assert made(run) == ["column1", "column2"]
    failures = [result.failure for result in run.running.results.values()]
    assert failures == ["no space left", None]


def test_a_network_that_is_not_here_is_not_fetched(
    open_study: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRAMARYE_HOME", str(tmp_path / "home"))
    run = open_study(make_study(columns=setting_axis("network", ["vgg16"])))
    made(run)
    result = run.results.at()
    assert result is not None
    assert "the weights of vgg16 are not here" in (result.failure or "")
    assert "'gramarye networks fetch vgg16'" in (result.failure or "")


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"preset": "gatys2016"}, "vgg19-caffe"),
        ({"network": "squeezenet"}, "squeezenet1_1"),
        ({"network": "squeezenet1_1"}, "squeezenet"),
        ({"preset": "gatys2016", "network": "vgg16"}, "vgg16"),
    ],
)
def test_weights_are_those_of_the_network_that_is_meant(
    open_study: Open, tmp_path: Path, settings: dict[str, object], named: str
) -> None:
    weights = {named: tmp_path / "named.pth", "alexnet": tmp_path / "other.pth"}
    columns = setting_axis("style_weight", [1.0])
    run = open_study(make_study(settings={**TINY, **settings}, columns=columns), weights=weights)
    assert run.cells[0].settings["weights"] == str(tmp_path / "named.pth")


def test_a_look_into_the_network_needs_its_weights_no_deeper(
    open_study: Open, tmp_path: Path
) -> None:
    path = tmp_path / "vgg16.safetensors"
    first = {"features.0.weight": torch.rand(64, 3, 3, 3), "features.0.bias": torch.zeros(64)}
    save_file(first, path)
    columns = Axis("", (Value("", {"content_layers": {"relu1_1": 1.0}}, task="gram of the style"),))
    settings = {**TINY, "network": "vgg16"}
    run = open_study(make_study(columns=columns, settings=settings), weights={"vgg16": path})
    made(run)
    result = run.results.at()
    assert result is not None
    assert result.failure is None


def test_a_study_that_is_asked_to_stop_has_what_it_made(open_study: Open) -> None:
    run = open_study(make_study())
    for progress in run.steps():
        if progress.finished is not None:
            run.stop()
    assert run.stopped
    assert list(run.running.results) == [Place(0, 0, 0)]
    page = run.finish()[0].read_text("utf-8")
    assert "1 of 2 cells" in page
    assert "not made yet" in page


def test_a_long_cell_tells_how_far_it_is(open_study: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "POLL", 0.001)
    columns = setting_axis("style_weight", [1.0])
    run = open_study(make_study(columns=columns, settings={**TINY, "steps": 60}))
    shares = [progress.share for progress in run.steps()]
    assert any(0 < share < 1 for share in shares)
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_a_study_that_is_asked_to_stop_stops_within_a_cell(
    open_study: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "POLL", 0.001)
    run = open_study(make_study(settings={**TINY, "steps": 2000}))
    for progress in run.steps():
        if progress.share > 0:
            run.stop()
    assert run.stopped
    assert not list((run.folder / "cells").glob("*"))


def test_pictures_on_the_way_are_the_columns(open_study: Open) -> None:
    study = make_study(columns=Axis("", (Value(""),)), shown_after=(1, 3))
    run = open_study(study)
    made(run)
    result = run.results.at()
    assert result is not None
    assert list(result.shown) == [1, 3]
    last = load_image(run.folder / "cells" / result.shown[3])
    assert (last - load_image(run.folder / "cells" / "column1.png")).abs().max() == 0
    assert run.folder / "column1.webp" in run.finish()


def test_looks_into_the_network_are_cells_too(open_study: Open) -> None:
    tasks = ("maps of the content", "maps of the style", "gram of the style", "channel")
    rows = Axis("what", tuple(Value(task, task=task) for task in tasks))
    columns = Axis("layer", (Value("conv1_1", {"content_layers": {"relu1_1": 1.0}}),))
    run = open_study(make_study(rows=rows, columns=columns, curves=False))
    made(run)
    for row in range(len(tasks)):
        result = run.results.at(row)
        assert result is not None
        assert result.failure is None
        assert result.picture is not None
        assert load_image(run.folder / "cells" / result.picture).std() > 0


def test_cells_beside_each_other_are_those_of_one_process(open_study: Open, tmp_path: Path) -> None:
    alone = open_study(make_study())
    made(alone)
    beside = open_study(make_study(), jobs=2, out=tmp_path / "beside")
    assert sorted(made(beside)) == ["column1", "column2"]
    for name in ("column1.png", "column2.png"):
        pictures = [load_image(run.folder / "cells" / name) for run in (alone, beside)]
        assert (pictures[0] - pictures[1]).abs().max() < 2 / 255


def test_a_cell_whose_process_is_killed_is_told_so(
    open_study: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "make_beside", killed)
    run = open_study(make_study(), jobs=2)
    made(run)
    failures = [result.failure or "" for result in run.running.results.values()]
    assert len(failures) == 2
    assert all("ended from outside" in failure for failure in failures)


def killed(cell: object, number: int) -> Result:
    os._exit(1)


def test_a_study_in_ten_lines_of_python(
    photo: Path, painting: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    seen = []
    results = run_study(
        make_study(),
        content=photo,
        style=painting,
        out=tmp_path / "mine",
        weights={"vgg19-lite": tiny_weights},
        jobs=1,
        watch=seen.append,
    )
    assert len(results.made) == 2
    assert seen[-1].share == 1
    assert (tmp_path / "mine" / "report.html").is_file()
