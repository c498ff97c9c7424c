"""From the first step on, whatever happens, the picture or a checkpoint remains and is named."""

import errno
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from gramarye.errors import GramaryeError, ImageError, OutputError, RunError
from gramarye.jobs import intermediates, reading, running
from gramarye.jobs.checkpoint import read_checkpoint
from gramarye.jobs.job import Job
from gramarye.jobs.keeping import job_of
from gramarye.jobs.names import checkpoint_path
from gramarye.jobs.opening import open_job
from gramarye.jobs.output import Output
from gramarye.optimize import Iterate
from gramarye.pictures.picture import load_image, load_picture, save_picture
from gramarye.recipe import Recipe
from tests.jobs.doing import MakeJob, do, go

NO_CHECKPOINT = Output(checkpoint_every=0)


def raising(error: Exception) -> Callable[..., Any]:
    def fail(*given: object, **named: object) -> object:
        raise error

    return fail


FAILURES = {
    "full": OutputError("no space left"),
    "format": ValueError("cannot encode"),
    "memory": MemoryError(),
}


@pytest.mark.parametrize("output", [Output(), NO_CHECKPOINT])
@pytest.mark.parametrize("failure", FAILURES)
def test_a_last_write_that_fails_names_a_checkpoint_of_which_only_it_is_left(
    make_job: MakeJob, output: Output, failure: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(output=output)
    whole = load_image(do(job).output)
    job.out.unlink()
    with monkeypatch.context() as patch:
        patch.setattr(running, "save_picture", raising(FAILURES[failure]))
        with pytest.raises(GramaryeError) as caught:
            do(job)
    saved = checkpoint_path(job.out)
    assert f"gramarye resume '{saved}'" in str(caught.value)
    report = do(job_of(read_checkpoint(saved)))
    assert report.steps == 7 and torch.equal(load_image(job.out), whole)


def fail_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can be written into the folder any more."""
    opened = Path.open

    def full(path: Path, mode: str = "r", *given: Any, **named: Any) -> Any:
        if "x" in mode and path.parent == folder:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return opened(path, mode, *given, **named)

    monkeypatch.setattr(Path, "open", full)


def test_where_no_checkpoint_can_be_written_the_picture_goes_elsewhere(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    job = make_job()
    whole = load_image(do(job).output)
    job.out.unlink()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "elsewhere"))
    run = open_job(job)
    go(run)
    fail_in(job.out.parent, monkeypatch)
    with pytest.raises(OutputError, match="no space left") as caught:
        run.finish()
    found = re.search(r"the picture is in '(.*)'", str(caught.value))
    assert found is not None and torch.equal(load_image(found[1]), whole)
    if os.name == "posix":
        assert Path(found[1]).parent.stat().st_mode & 0o77 == 0  # others may not look


def test_an_older_checkpoint_is_named_where_a_newer_one_cannot_be_written(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(output=Output(checkpoint_every=1e-9))
    run = open_job(job)
    go(run)
    fail_in(job.out.parent, monkeypatch)
    with pytest.raises(OutputError, match="gramarye resume"):
        run.finish()
    assert read_checkpoint(checkpoint_path(job.out)).run.steps == 6


def test_a_run_that_went_on_names_the_checkpoint_it_came_from(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job()
    do(job, stop_after=2)
    saved = checkpoint_path(job.out)
    run = open_job(job_of(read_checkpoint(saved)))
    fail_in(job.out.parent, monkeypatch)
    go(run)
    with pytest.raises(OutputError, match=f"gramarye resume '{saved}'"):
        run.finish()
    assert read_checkpoint(saved).run.steps == 2


def test_a_checkpoint_that_cannot_be_removed_is_a_note(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(output=Output(checkpoint_every=1e-9))
    removed = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".checkpoint":
            raise PermissionError(errno.EACCES, "Permission denied")
        removed(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    notes = do(job).notes
    assert f"'{checkpoint_path(job.out)}' could not be removed (Permission denied)" in notes


def breaking(after: int, error: Exception) -> Callable[..., Iterator[Iterate]]:
    real = running.steps

    def steps(*given: Any, **named: Any) -> Iterator[Iterate]:
        for number, iterate in enumerate(real(*given, **named), start=1):
            yield iterate
            if number == after:
                raise error

    return steps


@pytest.mark.parametrize(
    ("error", "kind", "told"),
    [
        (RuntimeError("[enforce fail] not enough: out of memory"), RunError, "out of memory: cho"),
        (ZeroDivisionError("1/0"), RunError, "a mistake of ours, ZeroDivisionError"),
        (ImageError("'c.png' has changed"), ImageError, "'c.png' has changed; the picture"),
    ],
)
def test_a_run_that_breaks_off_leaves_its_picture(
    make_job: MakeJob,
    error: Exception,
    kind: type[Exception],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = make_job()
    monkeypatch.setattr(running, "steps", breaking(5, error))
    with pytest.raises(kind, match=told) as caught:
        do(job)
    assert f"the picture so far is in '{job.out}'" in str(caught.value)
    assert Recipe.of_picture(job.out).stopped_after == 5


def test_what_fails_before_the_first_step_is_raised_as_it_is(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "steps", raising(ZeroDivisionError("1/0")))
    with pytest.raises(ZeroDivisionError):
        do(make_job())


@pytest.mark.parametrize("error", [OutputError("full"), ValueError("odd"), MemoryError("much")])
def test_a_side_jobs_failure_is_a_note(
    make_job: MakeJob, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job()
    output = Output(preview=job.out.with_name("p.png"), save_every=3, checkpoint_every=1e-9)
    monkeypatch.setattr(intermediates, "save_picture", raising(error))
    monkeypatch.setattr("gramarye.jobs.keeping.write_checkpoint", raising(OutputError("full")))
    run = open_job(replace(job, output=output))
    notes = go(run)
    assert notes.count(f"no preview: {error}") == 1
    assert notes.count(f"step not saved: {error}") == 2
    assert notes.count("no checkpoint: full") == 6
    assert run.finish() is not None
    assert load_image(job.out).shape == (1, 3, 48, 64)


def test_a_stopped_run_tells_that_it_has_no_checkpoint(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gramarye.jobs.keeping.write_checkpoint", raising(OutputError("full")))
    assert "no checkpoint: full" in do(make_job(), stop_after=2).notes


@pytest.fixture
def large_job(make_job: MakeJob, monkeypatch: pytest.MonkeyPatch) -> Job:
    """A job whose pictures are all read again for each scale."""
    monkeypatch.setattr(reading, "LARGE", 0)
    return make_job()


def remove(photo: Path, other: Path) -> None:
    photo.unlink()


def replace_it(photo: Path, other: Path) -> None:
    photo.unlink()
    photo.write_bytes(other.read_bytes())


def write_into_it(photo: Path, other: Path) -> None:
    photo.write_bytes(other.read_bytes())


def cut_short(photo: Path, other: Path) -> None:
    photo.write_bytes(photo.read_bytes()[:300])


@pytest.mark.parametrize("spoil", [remove, replace_it, write_into_it, cut_short])
@pytest.mark.parametrize("name", ["content", "style/0"])
def test_an_input_that_changes_ends_the_run_where_it_can_be_gone_on_with(
    large_job: Job, name: str, spoil: Callable[[Path, Path], None]
) -> None:
    whole = load_image(do(large_job).output)
    path, other = (large_job.inputs[n] for n in ("content", "style/0"))
    if name != "content":
        path, other = other, path
    before = path.read_bytes()
    run = open_job(large_job)
    for _ in run.steps():
        if run.count == 2:
            spoil(path, other)
    assert run.count == 4  # the last that need not read it again
    with pytest.raises(ImageError) as caught:
        run.finish()
    saved = checkpoint_path(large_job.out)
    for told in (f"'{path}' is gone or has changed", f"'{large_job.out}'", f"resume '{saved}'"):
        assert told in str(caught.value)
    assert Recipe.of_picture(large_job.out).stopped_after == 4
    path.write_bytes(before)
    do(job_of(read_checkpoint(saved)))
    assert torch.equal(load_image(large_job.out), whole)


def test_an_input_that_changes_as_it_is_read_again_is_never_used(
    large_job: Job, photo: Path, painting: Path
) -> None:
    found = open_job(large_job).pictures.inputs["content"].pixels
    assert isinstance(found, reading.LargePicture)
    assert torch.equal(found().pixels, load_picture(photo).pixels)
    os.utime(photo)  # another time of change, the same picture
    found.check()
    assert torch.equal(found().pixels, load_picture(photo).pixels)
    photo.write_bytes(painting.read_bytes())
    with pytest.raises(ImageError, match="has changed since the run began"):
        found.check()
    with pytest.raises(ImageError, match="has changed since the run began"):
        found()


def test_a_file_that_is_written_to_while_it_is_read_is_not_used(
    large_job: Job, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = open_job(large_job).pictures.inputs["content"].pixels
    assert isinstance(found, reading.LargePicture)

    def disturbed(path: Path) -> object:
        picture = load_picture(path)
        with path.open("ab") as file:
            file.write(b"more")
        return picture

    monkeypatch.setattr(reading, "load_picture", disturbed)
    with pytest.raises(ImageError, match="has changed since the run began"):
        found()


def test_a_content_that_is_gone_when_its_colors_are_asked_for_leaves_a_checkpoint(
    large_job: Job, photo: Path
) -> None:
    config = large_job.config.with_settings(color="content")
    job = replace(large_job, config=config)
    whole = load_image(do(job).output)
    job.out.unlink()
    before = photo.read_bytes()
    run = open_job(job)
    go(run)
    photo.unlink()
    with pytest.raises(ImageError, match=r"is gone or has changed.*gramarye resume"):
        run.finish()
    photo.write_bytes(before)
    do(job_of(read_checkpoint(checkpoint_path(job.out))))
    assert torch.equal(load_image(job.out), whole)


def test_a_picture_that_is_being_written_to_is_not_begun_with(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    def disturbed(path: Path) -> object:
        picture = load_picture(path)
        with path.open("ab") as file:
            file.write(b"more")
        return picture

    monkeypatch.setattr(reading, "load_picture", disturbed)
    with pytest.raises(ImageError, match="is being written to"):
        open_job(make_job())


def test_leaving_the_loop_is_enough_to_stop(make_job: MakeJob) -> None:
    job = make_job()
    run = open_job(job)
    for _ in run.steps():
        if run.count == 3:
            break
    report = run.finish()
    assert report is not None and report.stopped
    assert Recipe.of_picture(job.out).stopped_after == 3


def test_save_picture_is_what_writes_the_result(make_job: MakeJob) -> None:
    assert running.save_picture is save_picture  # which the tests above replace
    assert do(make_job()).output.exists()
