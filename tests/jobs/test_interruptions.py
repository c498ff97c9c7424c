"""Whatever ends a run, at whatever moment: the picture, a good checkpoint, or nothing begun."""

import hashlib
import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from gramarye.cli import main
from gramarye.jobs.checkpoint import read_checkpoint
from gramarye.pictures.picture import load_image
from gramarye.recipe import Recipe

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks, and looks into /proc")

DRIVER = Path(__file__).with_name("interrupting.py")
COMMAND = ["stylize", "content.png", "style.png"]
COMMAND += ["--size", "64", "--min-size", "48", "--steps", "15", "--finer-steps", "60"]
COMMAND += ["--save-every", "10", "--preview", "preview.png", "--checkpoint-every", "0.05"]

# How many runs are ended so, when all are.
KINDS = {
    "SIGKILL": 20,
    "SIGTERM": 12,
    "SIGHUP": 8,
    "SIGINT": 8,
    "SIGINT SIGINT": 10,
    "SIGHUP SIGHUP": 5,
    "terminal closed": 6,
    "pipe closed": 6,
    "full": 8,
    "read-only": 4,
    "broken": 4,
    "removed": 6,
    "replaced": 6,
    "cut short": 6,
}
POLITE = ("SIGTERM", "SIGHUP", "SIGINT", "SIGHUP SIGHUP", "SIGINT SIGINT", "terminal closed")


@dataclass(frozen=True)
class Ended:
    """What a run that was ended has left."""

    kind: str
    moment: float
    folder: Path
    code: int

    @property
    def out(self) -> Path:
        return self.folder / "content-style.png"

    @property
    def checkpoint(self) -> Path:
        return self.folder / "content-style.png.checkpoint"

    @property
    def said(self) -> str:
        return (self.folder / "said.err").read_text()


def make_inputs(folder: Path, photo: Path, painting: Path) -> None:
    (folder / "elsewhere").mkdir(parents=True)
    (folder / "content.png").write_bytes(photo.read_bytes())
    (folder / "style.png").write_bytes(painting.read_bytes())


def end_runs(
    tmp_path: Path, photo: Path, painting: Path, weights: Path, moments: dict[str, list[float]]
) -> tuple[Path, list[Ended]]:
    """The picture of a whole run, and runs that were ended at these shares of its time."""
    wanted = [(kind, moment) for kind, shares in moments.items() for moment in shares]
    cases = [{"kind": "whole", "moment": 0.0, "folder": str(tmp_path / "whole")}]
    for number, (kind, moment) in enumerate(wanted):
        folder = str(tmp_path / f"{number}-{kind.replace(' ', '-')}")
        cases.append({"kind": kind, "moment": moment, "folder": folder})
    for case in cases:
        make_inputs(Path(str(case["folder"])), photo, painting)
    arguments = [*COMMAND, "--weights", str(weights)]
    done = subprocess.run(
        [sys.executable, str(DRIVER)],
        input=json.dumps({"cases": cases, "arguments": arguments}),
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    codes = json.loads(done.stdout)["codes"]
    assert codes[0] == 0, (tmp_path / "whole" / "said.err").read_text()
    ended = [
        Ended(kind, moment, Path(str(case["folder"])), code)
        for (kind, moment), case, code in zip(wanted, cases[1:], codes[1:], strict=True)
    ]
    return tmp_path / "whole" / "content-style.png", ended


def check(run: Ended, whole: Path, photo: Path, painting: Path) -> str:
    """Fail unless nothing is lost; what has been left: "picture", "checkpoint" or "nothing"."""
    where = f"{run.kind} at {run.moment:.2f}: exit code {run.code}, said {run.said!r}"
    files = sorted(path.name for path in run.folder.iterdir())
    assert "Traceback" not in run.said and "mistake of ours" not in run.said, where
    assert run.code in (0, 2, 130) or (run.kind == "SIGKILL" and run.code == -9), where
    assert (run.folder / "style.png").read_bytes() == painting.read_bytes(), where
    if run.kind not in ("removed", "replaced", "cut short"):
        assert (run.folder / "content.png").read_bytes() == photo.read_bytes(), where
    if run.kind != "SIGKILL":
        assert not [name for name in files if name.endswith(".part")], (where, files)
    for path in run.folder.glob("*-step*.png"):
        load_image(path)
    for path in run.folder.glob("preview.png"):
        load_image(path)
    if run.checkpoint.exists():
        for tensor in read_checkpoint(run.checkpoint).snapshot.tensors.values():
            assert tensor.isfinite().all(), where
    if run.out.exists():
        picture = load_image(run.out)
        recipe = Recipe.of_picture(run.out)
        assert recipe.inputs["content"].sha256 == hashlib.sha256(photo.read_bytes()).hexdigest()
        if recipe.stopped_after is None:
            assert torch.equal(picture, load_image(whole)), where
        else:
            assert run.code in (130, 2, -9), where
        return "picture"
    if run.checkpoint.exists():
        if run.code == 2:
            assert "content-style.png.checkpoint" in run.said, where
        return "checkpoint"
    kept = re.search(r"the picture is in '(\S+)'", run.said)
    if kept is not None:
        load_image(kept[1])
        return "picture"
    assert not list(run.folder.glob("*-step*.png")), where  # it had not begun
    assert run.code in (130, 2, -9), where
    return "nothing"


def test_a_run_that_is_ended_leaves_its_picture_or_a_checkpoint_or_has_not_begun(
    tmp_path: Path, photo: Path, painting: Path, tiny_weights: Path
) -> None:
    kinds = ("SIGKILL", "SIGTERM", "SIGINT SIGINT", "terminal closed", "pipe closed", "full")
    moments = {kind: [0.7] for kind in (*kinds, "replaced")} | {"SIGHUP": [0.02, 0.8]}
    whole, ended = end_runs(tmp_path, photo, painting, tiny_weights, moments)
    left = {(run.kind, run.moment): check(run, whole, photo, painting) for run in ended}
    assert left["pipe closed", 0.7] == "picture"


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_runs_that_are_ended_at_all_moments(
    kind: str, tmp_path: Path, photo: Path, painting: Path, tiny_weights: Path
) -> None:
    moments = [(number + 0.5) / KINDS[kind] for number in range(KINDS[kind])]
    whole, ended = end_runs(tmp_path, photo, painting, tiny_weights, {kind: moments})
    left = [check(run, whole, photo, painting) for run in ended]
    assert left.count("nothing") < len(left), left
    if kind == "pipe closed":
        assert set(left) == {"picture"}
        assert {run.code for run in ended} == {0}
    for run, what in zip(ended, left, strict=True):
        if what == "nothing" or not run.checkpoint.exists():
            continue
        (run.folder / "content.png").write_bytes(photo.read_bytes())
        assert main(["resume", str(run.checkpoint), "-q"]) == 0
        assert torch.equal(load_image(run.out), load_image(whole)), (run.kind, run.moment)
        assert not list(run.folder.glob("*.checkpoint")), (run.kind, run.moment)
        assert not list(run.folder.glob(".*.part")) or run.kind == "SIGKILL"


def test_all_together_are_a_hundred_and_more() -> None:
    assert sum(KINDS.values()) >= 100
