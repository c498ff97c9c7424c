"""`gramarye resume`: killed at any moment, a run ends at the picture it would have made."""

import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from PIL import Image

from gramarye.cli import main
from gramarye.errors import OutputError
from gramarye.jobs import keeping
from gramarye.jobs.checkpoint import read_checkpoint, write_checkpoint
from gramarye.jobs.running import JobRun
from gramarye.optimize import Iterate
from gramarye.pictures.picture import load_image

FAST = ["--size", "64", "--min-size", "48", "--steps", "12", "--finer-steps", "12", "-q"]


@pytest.fixture
def pair(tmp_path: Path) -> tuple[str, str]:
    names = ("content.png", "style.png")
    for seed, name in enumerate(names):
        generator = torch.Generator().manual_seed(seed)
        blocks = (255 * torch.rand(6, 8, 3, generator=generator)).byte().numpy()
        Image.fromarray(blocks).resize((80, 60), Image.Resampling.BICUBIC).save(tmp_path / name)
    return str(tmp_path / names[0]), str(tmp_path / names[1])


# Imports once, then forks a child per attempt and kills it: an import takes longer than the runs.
KILLER = """
import json, os, random, signal, sys, time
import gramarye.cli.running
from gramarye.cli import main
out, kills, *stylize = sys.argv[1:]
moments = random.Random(7)
counts = {"finished": 0, "resumed": 0, "parts": 0}
checkpoint = out + ".checkpoint"

def gone(child):
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

def stamp(path):
    return os.stat(path).st_ino if os.path.exists(path) else None

def part():
    return any(name.endswith(".part") for name in os.listdir(os.path.dirname(out)))

for attempt in range(int(kills) + 1):
    before = stamp(checkpoint)
    resumes = before is not None
    counts["resumed"] += resumes
    child = os.fork()
    if child == 0:
        os._exit(main(["resume", checkpoint, "-q"] if resumes else stylize))
    if attempt < int(kills):
        for _ in range(moments.randint(1, 3)):  # until it has got some steps further
            while stamp(checkpoint) == before and not gone(child):
                time.sleep(0.001)
            before = stamp(checkpoint)
        while attempt % 2 and not part() and not gone(child):  # and is writing once more
            pass
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    counts["parts"] += part()
    if os.WIFEXITED(status):
        counts["finished"] += 1
        assert os.WEXITSTATUS(status) == 0, status
        if attempt < int(kills):
            os.unlink(out)
import json
print(json.dumps(counts))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
@pytest.mark.parametrize("optimizer", [["--optimizer", "lbfgs"]])
def test_a_run_killed_twenty_times_ends_at_the_same_picture(
    tmp_path: Path, pair: tuple[str, str], optimizer: list[str]
) -> None:
    whole, broken = tmp_path / "whole.png", tmp_path / "broken" / "out.png"
    broken.parent.mkdir()
    options = [*FAST, *optimizer, "--finer-steps", "150"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    # A process of its own: the number of threads decides the last bits.
    subprocess.run(
        [sys.executable, "-m", "gramarye", "stylize", *pair, "-o", str(whole), *options],
        check=True, env=environment, capture_output=True,
    )  # fmt: skip
    stylize = ["stylize", *pair, "-o", str(broken), *options, "--checkpoint-every", "0.001"]
    done = subprocess.run(
        [sys.executable, "-c", KILLER, str(broken), "20", *stylize],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout.splitlines()[-1])
    assert counts["resumed"] >= 18
    assert counts["parts"] >= 1  # killed in the middle of writing a checkpoint
    assert torch.equal(load_image(broken), load_image(whole))
    assert sorted(p.name for p in broken.parent.iterdir()) == ["out.png"]


def stop_after(monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
    """Make the next run behave as if Ctrl-C had been pressed during that step."""
    counted = JobRun.counted

    def interrupted(run: JobRun, iterates: Iterator[Iterate]) -> Iterator[Iterate]:
        for iterate in counted(run, iterates):
            if run.count == steps:
                os.kill(os.getpid(), signal.SIGINT)
            yield iterate

    monkeypatch.setattr(JobRun, "counted", interrupted)


@pytest.mark.parametrize(
    "optimizer",
    [
        [],
        ["--optimizer", "adam", "--learning-rate", "0.02", "--average", "0.9"],
        ["--line-search", "strong-wolfe"],
        ["--memory", "3.5MiB"],  # tiles, and the history on disk
    ],
)
@pytest.mark.parametrize("steps", [5, 12, 17])  # inside a scale, at its end, in the next
def test_a_stopped_run_goes_on_to_the_same_picture(
    tmp_path: Path,
    pair: tuple[str, str],
    optimizer: list[str],
    steps: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole, out = str(tmp_path / "whole.png"), str(tmp_path / "out.png")
    assert main(["stylize", *pair, "-o", whole, *FAST, *optimizer]) == 0
    with pytest.MonkeyPatch.context() as monkeypatch:
        stop_after(monkeypatch, steps)
        assert main(["stylize", *pair, "-o", out, *FAST, *optimizer]) == 130
    assert f"gramarye resume '{out}.checkpoint'" in capsys.readouterr().err
    assert main(["resume", f"{out}.checkpoint", "-q", "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["steps"] == 24
    assert torch.equal(load_image(out), load_image(whole))
    assert not Path(f"{out}.checkpoint").exists()


@pytest.fixture
def checkpoint(tmp_path: Path, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> Path:
    out = tmp_path / "out.png"
    with monkeypatch.context() as patch:
        stop_after(patch, 5)
        assert main(["stylize", *pair, "-o", str(out), *FAST]) == 130
    return Path(f"{out}.checkpoint")


def lose_the_checkpoint(checkpoint: Path, pair: tuple[str, str]) -> None:
    checkpoint.unlink()


def cut_short(checkpoint: Path, pair: tuple[str, str]) -> None:
    checkpoint.write_bytes(checkpoint.read_bytes()[:-2000])


def flip_a_bit(checkpoint: Path, pair: tuple[str, str]) -> None:
    data = bytearray(checkpoint.read_bytes())
    data[data.index(b"tensors/image") + 100] ^= 1
    checkpoint.write_bytes(data)


def change_an_input(checkpoint: Path, pair: tuple[str, str]) -> None:
    Image.new("RGB", (80, 60)).save(pair[0])


def lose_an_input(checkpoint: Path, pair: tuple[str, str]) -> None:
    Path(pair[1]).unlink()


def make_it_a_picture(checkpoint: Path, pair: tuple[str, str]) -> None:
    checkpoint.write_bytes(Path(pair[0]).read_bytes())


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lose_the_checkpoint, "there is no checkpoint"),
        (cut_short, "damaged"),
        (flip_a_bit, "damaged"),
        (make_it_a_picture, "no checkpoint"),
        (change_an_input, "has changed since the run began"),
        (lose_an_input, "is gone"),
    ],
)
def test_what_cannot_be_gone_on_from_is_said_in_a_sentence(
    checkpoint: Path,
    pair: tuple[str, str],
    spoil: Callable[[Path, tuple[str, str]], None],
    says: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    spoil(checkpoint, pair)
    capsys.readouterr()
    assert main(["resume", str(checkpoint), "-q"]) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_a_full_disk_keeps_the_last_good_checkpoint(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good = checkpoint.read_bytes()
    saved = read_checkpoint(checkpoint)
    stopped = checkpoint.with_suffix("").read_bytes()

    def full(self: object, part: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("zipfile._ZipWriteFile.write", full)
        with pytest.raises(OutputError, match="no space left"):
            write_checkpoint(checkpoint, saved.run, saved.snapshot)
    assert checkpoint.read_bytes() == good
    assert [p.name for p in checkpoint.parent.glob(".*")] == []

    real = keeping.write_checkpoint

    def run_with_a_full_disk(*given: object, **named: object) -> None:
        with monkeypatch.context() as patch:
            patch.setattr("zipfile._ZipWriteFile.write", full)
            real(*given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(keeping, "write_checkpoint", run_with_a_full_disk)
    monkeypatch.setattr(keeping.CheckpointKeeper, "due", lambda self: True)
    assert main(["resume", str(checkpoint), "-q"]) == 0
    told = capsys.readouterr().err
    assert "no checkpoint (the one before is kept): no space left" in told
    assert checkpoint.with_suffix("").read_bytes() != stopped  # the run went on to its end


def test_the_picture_in_place_of_its_checkpoint_gets_a_hint(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(["resume", str(checkpoint.with_suffix("")), "-q"]) == 2
    assert f"did you mean '{checkpoint}'?" in capsys.readouterr().err


def test_a_run_that_has_ended_says_so(
    checkpoint: Path, pair: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    out, copy = checkpoint.with_suffix(""), checkpoint.read_bytes()
    assert main(["resume", str(checkpoint), "-q"]) == 0
    made = out.read_bytes()
    capsys.readouterr()
    assert main(["resume", str(checkpoint), "-q"]) == 2
    assert f"its run has ended: the picture is '{out}'" in capsys.readouterr().err
    checkpoint.write_bytes(copy)  # as when the process is killed before it removes it
    assert main(["resume", str(checkpoint), "-q"]) == 0
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == (f"{out}\n", 1) and "has ended" in told.err
    assert out.read_bytes() == made and checkpoint.exists()
    other = out.with_name("other.png")
    assert main(["resume", str(checkpoint), "-q", "-o", str(other)]) == 0
    assert load_image(other).equal(load_image(out))


def test_a_result_that_was_replaced_meanwhile_stays(
    checkpoint: Path, pair: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    out = checkpoint.with_suffix("")
    theirs = Path(pair[0]).read_bytes()
    out.write_bytes(theirs)
    capsys.readouterr()
    assert main(["resume", str(checkpoint), "-q"]) == 2
    assert f"'{out}' has been replaced since the run was interrupted" in capsys.readouterr().err
    assert out.read_bytes() == theirs and checkpoint.exists()
    out.unlink()
    assert main(["resume", str(checkpoint), "-q"]) == 0


def test_what_the_run_was_to_replace_is_replaced(
    tmp_path: Path, pair: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out.png"
    out.write_bytes(Path(pair[0]).read_bytes())

    def killed(run: JobRun) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        stop_after(patch, 5)
        patch.setattr(JobRun, "finish", killed)
        assert main(["stylize", *pair, "-o", str(out), *FAST]) == 130
    assert main(["resume", f"{out}.checkpoint", "-q"]) == 0
    assert load_image(out).shape[-1] == 64
