"""`torchrun -m gramarye stylize`: one file, written by the first process."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from gramarye.cli import main
from gramarye.config import make_config
from gramarye.distributed.processes import Processes
from gramarye.errors import CheckpointError, OutputError
from gramarye.jobs.checkpoint import SavedRun, read_checkpoint, read_part, write_checkpoint
from gramarye.jobs.keeping import Parts
from gramarye.networks.registry import load_network
from gramarye.optimizers.snapshot import Snapshot
from gramarye.pictures.picture import Picture, load_image, load_picture
from gramarye.plan import make_plan
from gramarye.recipe import input_file, write_recipe
from tests.drawings.drawn import halves, house, on_paper

LAYERS = ["--style-layers", "relu1_1,relu2_1", "--content-layers", "relu2_2"]
SETTINGS = [*LAYERS, "--precision", "float32", "--size", "72", "--min-size", "36"]


@pytest.fixture
def pictures(make_picture: Callable[..., Path]) -> list[str]:
    return [str(make_picture("photo.png", 50, 72, seed=1)), str(make_picture("art.png", seed=2))]


def start_two(arguments: list[str], command: str = "stylize") -> list[subprocess.Popen[str]]:
    """A command in two processes as torchrun starts them, without torchrun's own three seconds.

    And without its report: what they say is all there is.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    common = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    return [
        subprocess.Popen(
            [sys.executable, "-m", "gramarye", command, *arguments],
            env=os.environ | common | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]


def finish(running: list[subprocess.Popen[str]]) -> list[tuple[int, str, str]]:
    """Exit code, stdout and stderr of each."""
    said = [process.communicate(timeout=60) for process in running]
    return [(process.returncode, *texts) for process, texts in zip(running, said, strict=True)]


def test_torchrun_writes_one_picture_like_that_of_one_process(
    pictures: list[str], tiny_weights: Path, tmp_path: Path
) -> None:
    one, two = tmp_path / "one.png", tmp_path / "out" / "two.png"
    two.parent.mkdir()
    options = [*SETTINGS, "--weights", str(tiny_weights), "--steps", "5", "--finer-steps", "5"]
    options += ["--style-weight", "60"]  # that the bounds below were found with
    assert main(["stylize", *pictures, "-o", str(one), "-q", *options]) == 0
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    command += ["--standalone", "-m", "gramarye", "stylize", *pictures, "-o", str(two), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(two)]
    assert "2 processes, 2 of them at the last scale" in done.stderr
    assert "50 x 72" in done.stderr
    assert [path.name for path in two.parent.iterdir()] == ["two.png"]
    pixels = [np.rint(load_picture(path).pixels.numpy() * 255) for path in (one, two)]
    # Other roundings in float32, ten times amplified: by one of 255 at the rounding's edge.
    assert np.abs(pixels[0] - pixels[1]).max() <= 2
    assert np.mean(pixels[0] != pixels[1]) < 0.02


def test_two_processes_color_a_drawing_like_one(tiny_weights: Path, tmp_path: Path) -> None:
    drawing, art = tmp_path / "drawing.png", tmp_path / "art.png"
    Picture.from_tensor(on_paper(house(72))).save(drawing)
    style = halves((0.4, 0.5, 0.9), (0.9, 0.8, 0.2)) + 0.2 * torch.rand(1, 3, 64, 64) - 0.1
    Picture.from_tensor(style.clamp(0, 1)).save(art)
    options = [*SETTINGS, "--weights", str(tiny_weights), "--steps", "1", "--finer-steps", "1"]
    # A step each: later, the flat areas of a network this small make much of roundings.
    options += ["--canvas", "0.5", "-q", "-o"]
    one, two = (str(tmp_path / name) for name in ("one.png", "two.png"))
    assert main(["sketch", str(drawing), str(art), *options, one]) == 0
    ends = finish(start_two([str(drawing), str(art), *options, two], "sketch"))
    assert [code for code, _, _ in ends] == [0, 0]
    apart = (load_image(Path(one)) - load_image(Path(two))).abs()
    assert float(apart.max()) <= 2.01 / 255 and float((apart > 0).float().mean()) < 0.02


def test_one_process_tells_what_is_wrong_and_all_end(
    pictures: list[str], tiny_weights: Path
) -> None:
    out = pictures[0]  # the content itself: only the process that writes finds fault with it
    options = ["-o", out, "--weights", str(tiny_weights), *SETTINGS]
    (code, _, said), (other, _, silence) = finish(start_two([*pictures, *options]))
    assert (code, other) == (2, 1)
    assert said.startswith("gramarye: ")
    assert said.count("\n") == 1
    assert silence == ""


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (["--line-search", "strong-wolfe"], "line search strong-wolfe needs the whole image"),
        (["--save-every", "3"], "--save-every does not work on several processes"),
    ],
)
@pytest.mark.slow
def test_what_several_processes_cannot_do_is_refused(
    pictures: list[str], tiny_weights: Path, tmp_path: Path, option: list[str], words: str
) -> None:
    options = ["-o", str(tmp_path / "out.png"), "--weights", str(tiny_weights), *SETTINGS, *option]
    ends = finish(start_two([*pictures, *options]))
    assert sorted(code for code, _, _ in ends) == [1, 2]
    assert words in "".join(said for _, _, said in ends)
    assert "".join(said for _, _, said in ends).count("\n") == 1


@pytest.mark.slow
def test_processes_agree_on_the_first_free_name(
    pictures: list[str], tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    monkeypatch.chdir(folder)
    name = f"{Path(pictures[0]).stem}-{Path(pictures[1]).stem}"
    Path(f"{name}.png").touch()
    options = ["--weights", str(tiny_weights), *SETTINGS, "--checkpoint-every", "0.001", "-q"]
    ends = finish(start_two([*pictures, *options]))
    assert [code for code, _, _ in ends] == [0, 0], ends
    assert sorted(path.name for path in folder.iterdir()) == [f"{name}-2.png", f"{name}.png"]


# The coarse scale is one process's, the finer one is shared.
LONGER = [*SETTINGS, "--steps", "12", "--finer-steps", "150"]
KILLS = 6


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="kills processes")
@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_a_run_of_two_that_is_killed_goes_on_to_the_same_picture(
    pictures: list[str], tiny_weights: Path, tmp_path: Path, optimizer: str
) -> None:
    whole, broken = tmp_path / "whole.png", tmp_path / "broken" / "out.png"
    options = ["--weights", str(tiny_weights), *LONGER, "--optimizer", optimizer, "-q"]
    ends = finish(start_two([*pictures, "-o", str(whole), *options]))
    assert [code for code, _, _ in ends] == [0, 0]
    checkpoint = broken.with_name("out.png.checkpoint")
    often = [*pictures, "-o", str(broken), *options, "--checkpoint-every", "0.001"]
    seen = []
    for attempt in range(KILLS):
        begun = checkpoint.exists()
        running = start_two([str(checkpoint), "-q"], "resume") if begun else start_two(often)
        before = checkpoint.stat().st_ino if begun else None
        while not checkpoint.exists() or checkpoint.stat().st_ino == before:
            assert running[0].poll() is None, finish(running)
            time.sleep(0.01)
        time.sleep(0.05 * attempt)
        running[attempt % 2].kill()
        finish(running)
        seen.append(read_checkpoint(checkpoint).run)
    assert {(run.processes, run.scale) for run in seen} == {(2, 0), (2, 1)}
    assert len({run.steps for run in seen}) == KILLS
    ends = finish(start_two([str(checkpoint), "-q"], "resume"))
    assert [code for code, _, _ in ends] == [0, 0]
    assert torch.equal(load_image(broken), load_image(whole))
    assert [path.name for path in broken.parent.iterdir()] == ["out.png"]


@pytest.fixture
def of_two(tmp_path: Path, pictures: list[str]) -> tuple[Path, SavedRun, Snapshot]:
    """Where two processes keep a checkpoint, and a run and a snapshot to write there."""
    config = make_config(size=72)
    network = load_network("vgg19-lite")
    inputs = {"content": pictures[0], "style/0": pictures[1]}
    plan = make_plan(config, network, dict.fromkeys(inputs, (72, 50)), torch.device("cpu"))
    files = {name: input_file(Path(path)) for name, path in inputs.items()}
    run = SavedRun(
        recipe=write_recipe(plan, files, network), inputs=inputs, output={},
        out=str(tmp_path / "out.png"), memory=10**9, scale=0, step=3, steps=3, seconds=1.0,
        processes=2,
    )  # fmt: skip
    path = tmp_path / "saved" / "out.png.checkpoint"
    return path, run, Snapshot(3, {"image": torch.rand(1, 3, 4, 5)}, {"last": False})


def test_a_part_is_read_again_and_older_ones_go(
    of_two: tuple[Path, SavedRun, Snapshot], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, run, snapshot = of_two
    keeper = Parts(Processes(0, 1))
    assert keeper.save(path, run, snapshot)
    assert keeper.save(path, run.model_copy(update={"steps": 4}), snapshot)
    assert sorted(p.name for p in path.parent.iterdir()) == [path.name, f"{path.name}.4.0"]
    whole = read_checkpoint(path)
    assert torch.equal(read_part(whole, 0).tensors["image"], snapshot.tensors["image"])
    with pytest.raises(CheckpointError, match=r"checkpoint.4.1' is gone, .* process 1"):
        read_part(whole, 1)

    def full(*_: object) -> None:
        raise OutputError("no space left")

    monkeypatch.setattr("gramarye.jobs.keeping.write_checkpoint", full)
    with pytest.raises(OutputError):
        keeper.save(path, run.model_copy(update={"steps": 5}), snapshot)
    assert sorted(p.name for p in path.parent.iterdir()) == [path.name, f"{path.name}.4.0"]
    keeper.remove(path)
    assert list(path.parent.iterdir()) == []


def test_a_checkpoint_of_two_is_for_two(
    of_two: tuple[Path, SavedRun, Snapshot], capsys: pytest.CaptureFixture[str]
) -> None:
    path, run, snapshot = of_two
    write_checkpoint(path, run, snapshot)
    assert main(["resume", str(path), "-q"]) == 2
    said = capsys.readouterr().err
    assert "was written by 2 processes, and as many must go on from it: torchrun" in said
    assert said.count("\n") == 1


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT to one process")
def test_ctrl_c_in_one_process_leaves_the_picture(
    pictures: list[str], tiny_weights: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.png"
    options = ["-o", str(out), "--weights", str(tiny_weights), *SETTINGS, "--steps", "100000"]
    running = start_two([*pictures, *options])
    assert running[0].stderr is not None
    while "step" not in (line := running[0].stderr.readline()):
        assert line, "the run has ended"
    time.sleep(0.2)
    running[1].send_signal(signal.SIGINT)
    ends = finish(running)
    assert [code for code, _, _ in ends] == [130, 0]
    assert re.search(r"stopped: the picture so far, 32 x 46", ends[0][2])
    assert load_picture(out).pixels.shape == (1, 3, 46, 32)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="kills a process")
def test_a_process_that_is_killed_ends_all_with_one_sentence(
    pictures: list[str], tiny_weights: Path, tmp_path: Path
) -> None:
    options = ["-o", str(tmp_path / "out.png"), "--weights", str(tiny_weights), *SETTINGS]
    running = start_two([*pictures, *options, "--steps", "100000"])
    assert running[0].stderr is not None
    while "step" not in (line := running[0].stderr.readline()):
        assert line, "the run has ended"
    running[1].kill()
    (code, _, said), (killed, _, _) = finish(running)
    assert (code, killed) == (1, -signal.SIGKILL)
    last = said.splitlines()[-1]
    assert last.startswith("gramarye: another process has ended or cannot be reached")
