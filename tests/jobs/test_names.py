"""What a run writes: never what it reads, never another's, never twice the same."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gramarye.cli import main
from gramarye.errors import InputError
from gramarye.files import numbered
from gramarye.jobs.checkpoint import part_path, read_checkpoint
from gramarye.jobs.job import Job
from gramarye.jobs.keeping import job_of
from gramarye.jobs.names import checkpoint_path, reserve, step_path
from gramarye.jobs.opening import open_job
from gramarye.jobs.output import Output
from gramarye.networks import download
from gramarye.networks.catalog import NetworkInfo
from tests.jobs.doing import MakeJob, do

WRITTEN = {
    "result": lambda job: job.out,
    "preview": lambda job: job.output.preview,
    "step": lambda job: step_path(job.out, 6),
    "checkpoint": lambda job: checkpoint_path(job.out),
    "part": lambda job: part_path(checkpoint_path(job.out), 5, 1),
}
READ = ("content", "style", "init", "mask", "weights", "kept")


@pytest.fixture
def all_read(make_job: MakeJob, make_picture: Callable[..., Path], tiny_weights: Path) -> Job:
    """A job that reads and writes all there is."""
    first, mask, kept = (make_picture(name) for name in ("first.png", "mask.png", "kept.png"))
    weights = first.with_name("own.safetensors")
    weights.write_bytes(tiny_weights.read_bytes())
    job = make_job(settings={"init": str(first), "weights": str(weights)}, keep=(kept,))
    output = Output(preview=job.out.with_name("preview.png"), save_every=3)
    return replace(job, output=output, inputs=dict(job.inputs) | {"content-mask": mask})


def is_read(job: Job, what: str) -> Path:
    names = {"content": "content", "style": "style/0", "init": "init", "mask": "content-mask"}
    if what in names:
        return job.inputs[names[what]]
    return job.keep[0] if what == "kept" else Path(str(job.config.network.weights))


@pytest.mark.parametrize("link", ["symbolic", "hard"])
@pytest.mark.parametrize("written", WRITTEN)
@pytest.mark.parametrize("read", READ)
def test_nothing_that_is_read_is_written(all_read: Job, read: str, written: str, link: str) -> None:
    target, source = WRITTEN[written](all_read), is_read(all_read, read)
    target.parent.mkdir()
    target.symlink_to(source) if link == "symbolic" else target.hardlink_to(source)
    before = source.read_bytes()
    with pytest.raises(InputError, match="one of the inputs"):
        open_job(all_read)
    assert source.read_bytes() == before
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_what_is_read_may_be_beside_what_is_written(all_read: Job) -> None:
    assert not do(all_read).stopped


def test_a_picture_of_a_step_that_is_not_written_may_be_read(
    make_job: MakeJob, make_picture: Callable[..., Path]
) -> None:
    first = make_picture("made/a-step00007.png")
    job = make_job(settings={"init": str(first)}, output=Output(save_every=3))
    assert open_job(job).plan.scales
    with pytest.raises(InputError, match="one of the inputs"):
        open_job(replace(job, output=Output(save_every=7)))


def test_the_published_weights_are_read_too(make_job: MakeJob) -> None:
    job = make_job(settings={"weights": None})
    job.out.parent.mkdir()
    job.out.symlink_to(Path(download.__file__).with_name("vgg19_lite.safetensors"))
    with pytest.raises(InputError, match="one of the inputs"):
        open_job(job)


def test_a_run_that_goes_on_writes_its_own_checkpoint_and_no_picture_over_it(
    make_job: MakeJob,
) -> None:
    job = make_job()
    do(job, stop_after=2)
    saved = checkpoint_path(job.out)
    job = job_of(read_checkpoint(saved))
    with pytest.raises(InputError, match="one of the inputs"):
        job.out.unlink()
        job.out.symlink_to(saved)
        open_job(job)
    job.out.unlink()
    assert do(job).steps == 7
    assert [path.name for path in job.out.parent.iterdir()] == [job.out.name]


@pytest.mark.parametrize(
    ("out", "preview"),
    [
        ("a.png", "a.png"),
        ("a.png", "A.PNG"),  # one file on many disks
        ("a.png", "a-step00003.png"),
        ("a.png", "a-step00099.png"),
        ("a.png/b.png", "a.png"),
    ],
)
def test_nothing_is_written_twice(make_job: MakeJob, out: str, preview: str) -> None:
    job = make_job()
    folder = job.out.parent
    job = replace(job, out=folder / out, output=Output(preview=folder / preview, save_every=3))
    with pytest.raises(InputError, match="would take the place of"):
        open_job(job)
    assert not folder.exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
@pytest.mark.parametrize("kind", ["pipe", "folder"])
@pytest.mark.parametrize("written", [name for name in WRITTEN if name != "part"])
def test_pipes_and_folders_stay(make_job: MakeJob, written: str, kind: str) -> None:
    job = make_job()
    job = replace(job, output=Output(preview=job.out.with_name("p.png"), save_every=6))
    target = WRITTEN[written](job)
    target.parent.mkdir()
    os.mkfifo(target) if kind == "pipe" else target.mkdir()
    with pytest.raises(InputError, match="a device or a pipe" if kind == "pipe" else "a folder"):
        open_job(job)
    assert target.is_fifo() or target.is_dir()


@pytest.mark.parametrize("length", [255, 250, 240])
@pytest.mark.parametrize("letter", ["x", "é", "漢"])
def test_what_is_kept_beside_the_longest_name_has_a_name(
    make_job: MakeJob, letter: str, length: int
) -> None:
    name = letter * ((length - 4) // len(letter.encode())) + ".png"
    job = make_job()
    job = replace(job, out=job.out.with_name(name), output=Output(save_every=3))
    assert do(job, stop_after=3).stopped
    (saved,) = job.out.parent.glob("*.checkpoint")
    (step,) = job.out.parent.glob("*-step00003.png")
    assert sorted(job.out.parent.iterdir()) == sorted([job.out, saved, step])
    assert do(job_of(read_checkpoint(saved))).steps == 7
    assert not list(job.out.parent.glob("*.checkpoint"))


def test_home_is_where_the_user_is(
    make_job: MakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    output = Output(preview=Path("~/p.png"), save_every=3)
    do(make_job(out=Path("~/a.png"), output=output), stop_after=3)
    names = sorted(path.name for path in (tmp_path / "home").iterdir())
    assert names == ["a-step00003.png", "a.png", "a.png.checkpoint", "p.png"]


def test_a_name_that_is_no_name(make_job: MakeJob) -> None:
    with pytest.raises(InputError, match="no name a file can have"):
        open_job(make_job(out=Path("a\0.png")))


# What no format holds is told before a network is fetched.
@pytest.mark.parametrize(
    ("out", "output", "told"),
    [
        ("a.webp", Output(), "too many for WebP"),
        ("a.heic", Output(), "too many for HEIC"),
        ("a.png", Output(preview=Path("p.webp")), "too many for WebP"),
        ("a.webp", Output(save_every=2), "too many for WebP"),
    ],
)
def test_a_formats_limit_is_told_before_any_work(
    make_job: MakeJob,
    make_picture: Callable[..., Path],
    tmp_path: Path,
    out: str,
    output: Output,
    told: str,
) -> None:
    def fetch(info: NetworkInfo) -> Path:
        pytest.fail("fetched")

    wide = make_picture("wide.png", 16900, 4)
    settings = {"size": 16900, "network": "vgg19", "weights": None}
    job = make_job(settings=settings, output=output, out=tmp_path / out)
    with pytest.raises(InputError, match=told):
        open_job(replace(job, inputs=dict(job.inputs) | {"content": wide}), fetch=fetch)


def test_a_name_is_given_to_one_run_at_a_time(tmp_path: Path) -> None:
    wish = tmp_path / "a.png"
    first, release_first = reserve(wish)
    second, release_second = reserve(wish)
    assert (first, second) == (1, 2)
    release_first()
    assert reserve(wish)[0] == 1
    release_second()
    assert not wish.exists() and not numbered(wish, 2).exists()


def test_a_name_is_free_without_picture_and_checkpoint(tmp_path: Path) -> None:
    wish = tmp_path / "a.png"
    wish.touch()
    (tmp_path / "a-2.png.checkpoint").touch()
    (tmp_path / "a-3.png").symlink_to("nowhere")
    number, release = reserve(wish)
    release()
    assert number == 4
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_killed_process_gives_its_name_free(tmp_path: Path) -> None:
    code = "import pathlib, time\nfrom gramarye.jobs.names import reserve\n"
    code += "held = reserve(pathlib.Path('a.png'))\nprint(held[0], flush=True)\ntime.sleep(60)"
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None and process.stdout.readline() == "1\n"
        number, release = reserve(tmp_path / "a.png")
        release()
        assert number == 2
        process.send_signal(signal.SIGKILL)
    number, release = reserve(tmp_path / "a.png")
    release()
    assert number == 1
    assert list(tmp_path.iterdir()) == []


def test_two_runs_that_begin_at_once_have_names_of_their_own(make_job: MakeJob) -> None:
    job = make_job(new=True)
    job.out.parent.mkdir()
    runs = [open_job(job), open_job(job)]
    steps = [run.steps() for run in runs]
    for _ in zip(*steps, strict=True):
        pass
    reports = [run.finish() for run in runs]
    assert [report and report.output.name for report in reports] == ["a.png", "a-2.png"]
    assert sorted(path.name for path in job.out.parent.iterdir()) == ["a-2.png", "a.png"]


def test_a_run_that_is_given_up_gives_its_name_free(make_job: MakeJob) -> None:
    job = make_job(new=True)
    job.out.parent.mkdir()
    run = open_job(job)
    assert run.job.out == job.out and list(job.out.parent.iterdir())
    del run
    assert list(job.out.parent.iterdir()) == []


def test_a_new_result_does_not_replace_what_has_appeared_meanwhile(make_job: MakeJob) -> None:
    job = make_job(new=True)
    run = open_job(job)
    for _ in run.steps():
        pass
    job.out.write_bytes(b"another's")
    report = run.finish()
    assert report is not None and report.output.name == "a-2.png"
    assert job.out.read_bytes() == b"another's"


@pytest.mark.parametrize("name", ["~photo.png", "~/photo.png", "x" * 300, "photo.png/x", "."])
@pytest.mark.parametrize("command", ["resume", "redo", "recipe", "stylize"])
def test_odd_paths_are_one_sentence(
    command: str,
    name: str,
    painting: Path,
    photo: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("pathlib.Path.expanduser", no_home)
    more = [painting.name] if command == "stylize" else []
    assert main([command, name, *more]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "mistake" not in said, said


def no_home(path: Path) -> Path:
    if str(path).startswith("~"):
        raise RuntimeError("Could not determine home directory.")
    return path
