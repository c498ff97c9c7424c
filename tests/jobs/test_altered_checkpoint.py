"""A checkpoint that was altered: one sentence or a picture, never a crash."""

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from gramarye.cli import main
from gramarye.errors import OutputError
from gramarye.jobs.running import JobRun
from gramarye.optimize import Iterate
from gramarye.pictures.picture import Saved
from gramarye.recipe import Recipe
from tests.altering import alter_checkpoint, dumps, read_archive, write_archive

FAST = ["--size", "64", "--min-size", "40", "--steps", "6", "--finer-steps", "3", "-q"]
OPTIMIZERS = {
    "lbfgs": ["--history", "3"],
    "adam": ["--optimizer", "adam", "--learning-rate", "0.02", "--average", "0.9"],
    "strong-wolfe": ["--line-search", "strong-wolfe"],
    "on disk": ["--memory", "3MiB"],
    "at its end": ["--finer-steps", "0"],
}
AFTER = {"at its end": 6}
MUTATIONS = 40  # of each of five checkpoints

# A process of its own, which a wrong checkpoint may end; 200 times are as fast as one.
RESUMER = """
import random, sys, time
from pathlib import Path
from gramarye.cli import main
from tests.altering import alter_checkpoint
checkpoint, seeds = Path(sys.argv[1]), range(int(sys.argv[2]), int(sys.argv[3]))
good, out = checkpoint.read_bytes(), checkpoint.with_suffix("")
for seed in seeds:
    checkpoint.write_bytes(good)
    alter_checkpoint(checkpoint, random.Random(seed))
    print(f"SEED {seed}", file=sys.stderr, flush=True)
    start = time.perf_counter()
    code = main(["resume", str(checkpoint), "-q", "-o", str(out)])
    print(f"CODE {code} {time.perf_counter() - start:.1f}", file=sys.stderr, flush=True)
"""


@pytest.fixture
def make_checkpoint(
    tmp_path: Path, photo: Path, painting: Path, tiny_weights: Path
) -> Callable[..., Path]:
    """A function that makes a checkpoint after four steps, or where it is told.

    At its end a run leaves one where its picture could not be written.
    """

    def make(*options: str, after: int = 4) -> Path:
        counted, save = JobRun.counted, JobRun.save

        def full(run: JobRun, image: torch.Tensor) -> tuple[Saved, Recipe]:
            if not run.stopped:
                raise OutputError("no space left")
            return save(run, image)

        def stopped(run: JobRun, iterates: Iterator[Iterate]) -> Iterator[Iterate]:
            for iterate in counted(run, iterates):
                if run.count == after:
                    run.stop()
                yield iterate

        out = tmp_path / "out.png"
        command = ["stylize", str(photo), str(painting), "-o", str(out), *FAST, *options]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(JobRun, "counted", stopped)
            patch.setattr(JobRun, "save", full)
            assert main([*command, "--weights", str(tiny_weights)]) in (130, 2)
        return Path(f"{out}.checkpoint")

    return make


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_altered_checkpoints_are_a_sentence_or_a_picture(
    optimizer: str, make_checkpoint: Callable[..., Path]
) -> None:
    checkpoint = make_checkpoint(*OPTIMIZERS[optimizer], after=AFTER.get(optimizer, 4))
    first = MUTATIONS * list(OPTIMIZERS).index(optimizer)
    done = subprocess.run(
        [sys.executable, "-c", RESUMER, str(checkpoint), str(first), str(first + MUTATIONS)],
        capture_output=True, text=True, check=False, timeout=600, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    told = [part.splitlines() for part in done.stderr.split("SEED ")[1:]]
    assert done.returncode == 0 and len(told) == MUTATIONS, (done.returncode, told[-1:])
    refused = 0
    for seed, *lines, last in told:
        _, code, seconds = last.split()
        errors = [line for line in lines if line.startswith("gramarye: ")]
        assert code in ("0", "1", "2"), (seed, lines, last)
        assert len(errors) == (code != "0"), (seed, lines)
        assert "mistake of ours" not in "".join(lines), (seed, lines)
        assert all(line.isprintable() for line in lines), (seed, lines)
        assert float(seconds) < 30, (seed, last)
        refused += code != "0"
    assert refused > MUTATIONS / 3  # of the rest, the most are of no consequence


def test_the_mutations_are_of_many_kinds(make_checkpoint: Callable[..., Path]) -> None:
    checkpoint = make_checkpoint()
    good = checkpoint.read_bytes()
    found = set()
    for seed in range(40):
        checkpoint.write_bytes(good)
        alter_checkpoint(checkpoint, random.Random(seed))
        found.add(checkpoint.read_bytes())
    assert len(found) == 40 and good not in found


def change(name: str, **parts: Any) -> Callable[[dict[str, bytes]], None]:
    def act(entries: dict[str, bytes]) -> None:
        entries[name] = dumps(json.loads(entries[name]) | parts).encode()

    return act


def of_tensor(name: str, **parts: Any) -> Callable[[dict[str, bytes]], None]:
    def act(entries: dict[str, bytes]) -> None:
        state = json.loads(entries["tensors.json"])
        state["tensors"][name] = [parts["dtype"], parts["shape"]]
        entries["tensors.json"] = json.dumps(state).encode()

    return act


def deep(entries: dict[str, bytes]) -> None:
    entries["tensors.json"] = b"[" * 1_000_000


def of_output(entries: dict[str, bytes]) -> None:
    run = json.loads(entries["run.json"])
    run["output"]["unheard"] = 1
    entries["run.json"] = json.dumps(run).encode()


@pytest.mark.parametrize(
    ("alter", "told"),
    [
        (change("run.json", checkpoint=3), "has format 3, and gramarye 0.1.0 reads up to 2"),
        (change("run.json", checkpoint=3, unheard=1), "install a newer gramarye"),
        (change("run.json", checkpoint=1), "of an older gramarye"),
        (change("run.json", memory=-5), "memory is -5, not a whole number from 1 to"),
        (change("run.json", scale=9), "there are 2 scales and it is of the 10."),
        (change("run.json", inputs={}), "its inputs are not those of its recipe"),
        (of_output, "unheard"),
        (change("tensors.json", step=6), "it is after step 6 of 6"),
        (change("tensors.json", step=10**400), "step is "),
        (change("tensors.json", numbers={}), "moves is missing"),
        (of_tensor("image", dtype="float32", shape=[1, 3, 10**9, 10**9]), "not all there"),
        (of_tensor("image", dtype="float32", shape=[3, 1, 32, 43]), "its image has shape"),
        (
            of_tensor("image", dtype="Tensor", shape=[1, 3, 30, 40]),
            "tensors.image.0 is 'Tensor', not",
        ),
        (of_tensor("image", dtype="float64", shape=[1, 3, 16, 43]), "its image has shape"),
        (deep, "it is no JSON"),
    ],
)
def test_what_was_altered_is_told(
    alter: Callable[[dict[str, bytes]], None],
    told: str,
    make_checkpoint: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    checkpoint = make_checkpoint()
    entries = read_archive(checkpoint)
    alter(entries)
    write_archive(checkpoint, entries)
    capsys.readouterr()
    assert main(["resume", str(checkpoint), "-q"]) == 2
    error = capsys.readouterr().err
    assert told in error and str(checkpoint) in error and error.count("\n") == 1


def without_image(entries: dict[str, bytes]) -> None:
    state = json.loads(entries["tensors.json"])
    del state["tensors"]["image"]
    entries["tensors.json"] = json.dumps(state).encode()


@pytest.mark.parametrize(
    ("alter", "code", "told"),
    [
        (lambda entries: None, 0, ""),
        (without_image, 2, "it has no image"),
        (change("tensors.json", numbers={"last": True, "losses": {"a": "x"}}), 2, "losses.a"),
        (change("run.json", scale=5), 2, "there are 2 scales"),
    ],
)
def test_the_checkpoint_of_a_run_without_steps_left(
    alter: Callable[[dict[str, bytes]], None],
    code: int,
    told: str,
    make_checkpoint: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    checkpoint = make_checkpoint("--finer-steps", "0", after=6)
    entries = read_archive(checkpoint)
    alter(entries)
    write_archive(checkpoint, entries)
    capsys.readouterr()
    assert main(["resume", str(checkpoint), "-q"]) == code
    assert told in capsys.readouterr().err


def test_a_compressed_checkpoint_is_refused_before_it_is_unpacked(
    make_checkpoint: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = make_checkpoint()
    entries = read_archive(checkpoint)
    entries["tensors/image"] = bytes(10**8)  # in 100 KB
    write_archive(checkpoint, entries, compress=True)
    assert main(["resume", str(checkpoint), "-q"]) == 2
    assert "is compressed" in capsys.readouterr().err


def test_other_weights_than_the_runs_are_told(
    make_checkpoint: Callable[..., Path],
    tiny_weights: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    own = tmp_path / "own.safetensors"
    own.write_bytes(tiny_weights.read_bytes())
    checkpoint = make_checkpoint()
    entries = read_archive(checkpoint)
    change("run.json", weights=str(own))(entries)
    write_archive(checkpoint, entries)
    own.write_bytes(own.read_bytes()[:-4] + bytes(4))
    assert main(["resume", str(checkpoint), "-q"]) == 2
    assert f"'{own}' has changed since the run began" in capsys.readouterr().err
    change("run.json", weights=None)(entries)
    write_archive(checkpoint, entries)
    assert main(["resume", str(checkpoint), "-q"]) == 2
    assert "are not those that the run began with" in capsys.readouterr().err
