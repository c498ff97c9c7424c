"""A run writes, replaces and removes its own checkpoint, and no other."""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gramarye.cli import main
from gramarye.errors import CheckpointError
from gramarye.jobs.checkpoint import (
    path_of,
    path_text,
    read_checkpoint,
    run_id,
    write_checkpoint,
)
from gramarye.jobs.keeping import job_of
from gramarye.jobs.names import checkpoint_path
from gramarye.jobs.opening import open_job
from gramarye.jobs.output import Output
from gramarye.pictures.picture import load_image
from tests.jobs.doing import MakeJob, do, go

OFTEN = Output(checkpoint_every=1e-9)


def test_another_runs_checkpoint_is_left_and_named(make_job: MakeJob) -> None:
    job = make_job(output=OFTEN)
    do(job, stop_after=2)
    older = checkpoint_path(job.out)
    before = older.read_bytes()
    run = open_job(job)
    notes = go(run)
    mine = checkpoint_path(job.out, 2)
    assert any(f"'{older}' is another run's" in note and f"'{mine}'" in note for note in notes)
    assert mine.exists()
    run.finish()
    assert older.read_bytes() == before
    assert sorted(path.name for path in job.out.parent.iterdir()) == ["a.png", "a.png.checkpoint"]
    with pytest.raises(CheckpointError, match=r"the run has ended, and .* is its picture"):
        do(job_of(read_checkpoint(older)))  # the other run has made the same
    job.out.unlink()
    assert do(job_of(read_checkpoint(older))).steps == 7
    assert not older.exists()


def test_a_run_without_checkpoints_leaves_the_older_one_too(make_job: MakeJob) -> None:
    job = make_job()
    do(job, stop_after=2)
    assert do(replace(job, output=Output(checkpoint_every=0))).steps == 7
    assert checkpoint_path(job.out).exists()


def test_a_checkpoint_that_appears_meanwhile_is_left(make_job: MakeJob) -> None:
    job = make_job()
    run = open_job(job)
    steps = run.steps()
    next(steps)
    path = checkpoint_path(job.out)
    path.parent.mkdir()
    path.write_bytes(b"not ours")
    run.stop()
    assert list(steps) != [] or run.stopped
    report = run.finish()
    assert report is not None and f"gramarye resume '{checkpoint_path(job.out, 2)}'" in str(
        report.notes
    )
    assert path.read_bytes() == b"not ours"


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_two_runs_of_one_name_keep_two_checkpoints(
    make_job: MakeJob, order: tuple[int, int]
) -> None:
    job = make_job(output=OFTEN)
    runs = [open_job(job), open_job(job)]
    for run, until in zip(runs, (3, 2), strict=True):
        go(run, stop_after=until)
    found = [read_checkpoint(checkpoint_path(job.out, number)).run for number in (1, 2)]
    assert [run.steps for run in found] == [3, 2]
    assert found[0].run_id != found[1].run_id
    for number in order:  # each goes on in its own
        saved = checkpoint_path(job.out, number)
        assert do(job_of(read_checkpoint(saved))).steps == 7
        assert not saved.exists()
        job.out.unlink()


def test_a_run_that_went_on_elsewhere_leaves_the_checkpoint_it_came_from(
    make_job: MakeJob, tmp_path: Path
) -> None:
    job = make_job()
    do(job, stop_after=2)
    saved = checkpoint_path(job.out)
    report = do(replace(job_of(read_checkpoint(saved)), out=tmp_path / "b.png"))
    assert report.output.name == "b.png" and saved.exists()


def test_what_is_no_checkpoint_belongs_to_nobody(tmp_path: Path, photo: Path) -> None:
    assert run_id(photo) is None
    assert run_id(tmp_path) is None
    assert run_id(tmp_path / "none") is None


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
def test_a_run_whose_files_names_are_no_text_goes_on(
    make_job: MakeJob, photo: Path, tmp_path: Path
) -> None:
    odd = tmp_path / os.fsdecode(b"odd \xff name.png")
    photo.rename(odd)
    job = make_job(out=tmp_path / os.fsdecode(b"made \xfe.png"))
    job = replace(job, inputs=dict(job.inputs) | {"content": odd})
    assert do(job, stop_after=2).stopped
    assert do(job_of(read_checkpoint(checkpoint_path(job.out)))).steps == 7


def test_paths_come_back(tmp_path: Path) -> None:
    for name in ("plain.png", "日本.png", os.fsdecode(b"\xff\xfe.png")):
        assert path_of(path_text(tmp_path / name)) == tmp_path / name
    with pytest.raises(CheckpointError, match="damaged"):
        path_of("\0no digits")


def test_an_input_that_has_changed_is_noticed_from_python_too(
    make_job: MakeJob, photo: Path, painting: Path
) -> None:
    job = make_job()
    do(job, stop_after=2)
    photo.write_bytes(painting.read_bytes())
    with pytest.raises(CheckpointError, match="has changed since the run began"):
        open_job(job_of(read_checkpoint(checkpoint_path(job.out))))


def test_a_run_that_has_only_its_picture_to_write_goes_on(
    make_job: MakeJob, capsys: pytest.CaptureFixture[str]
) -> None:
    job = make_job()
    whole = do(job)
    pixels = load_image(whole.output)
    run = open_job(job)
    go(run)
    assert run.last is not None
    run.checkpoints.write_end(run.last, run.count)
    saved = checkpoint_path(job.out)
    job.out.unlink()
    capsys.readouterr()
    assert main(["resume", str(saved), "-q", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["losses"] == whole.losses
    assert torch.equal(load_image(job.out), pixels)
    assert not saved.exists()


def test_its_image_has_the_shape_of_the_run(make_job: MakeJob) -> None:
    job = make_job()
    run = open_job(job)
    go(run)
    assert run.last is not None
    for other in (torch.rand(1, 3, 48, 63), torch.rand(1, 1, 48, 64), torch.rand(3)):
        run.checkpoints.write_end(replace(run.last, image=other), run.count)
        with pytest.raises(CheckpointError, match="does not fit its own run"):
            do(job_of(read_checkpoint(checkpoint_path(job.out))))


def test_so_does_one_whose_last_scale_has_no_steps(make_job: MakeJob) -> None:
    job = make_job(settings={"finer_steps": 0})
    whole = load_image(do(job).output)
    run = open_job(job)
    go(run)
    assert run.last is not None and not run.stopped
    run.checkpoints.write_end(run.last, run.count)
    assert do(job_of(read_checkpoint(checkpoint_path(job.out)))).steps == 4
    assert torch.equal(load_image(job.out), whole)


def test_a_checkpoint_of_before_runs_had_ids_is_gone_on_from(make_job: MakeJob) -> None:
    job = make_job()
    do(job, stop_after=2)
    saved = checkpoint_path(job.out)
    found = read_checkpoint(saved)
    snapshot = replace(found.snapshot, tensors=dict(found.snapshot.tensors))
    write_checkpoint(saved, found.run.model_copy(update={"run_id": ""}), snapshot)
    job = job_of(read_checkpoint(saved))
    assert do(replace(job, output=OFTEN)).steps == 7
    assert [path.name for path in job.out.parent.iterdir()] == ["a.png"]
