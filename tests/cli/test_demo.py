"""`gramarye demo`: every pair, and a contact sheet of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from gramarye.cli import demo, main
from gramarye.config import StylizeConfig, make_config
from gramarye.jobs.running import JobRun
from gramarye.optimize import Iterate
from gramarye.pictures.contact_sheet import GAP, Cell, contact_sheet
from gramarye.pictures.picture import load_picture
from gramarye.samples import CONTENTS, STYLES

PAIRS = [f"{content}-{style}.png" for content, styles in demo.PAIRS.items() for style in styles]


@pytest.fixture
def tiny(tiny_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo with the tiny network and three steps."""

    def make(**settings: object) -> StylizeConfig:
        return make_config(**settings, weights=str(tiny_weights), steps=3)  # type: ignore[arg-type]

    monkeypatch.setattr("gramarye.config.make_config", make)


def test_every_sample_is_shown() -> None:
    assert set(demo.PAIRS) == set(CONTENTS)
    assert {style for styles in demo.PAIRS.values() for style in styles} == set(STYLES)


@pytest.mark.usefixtures("tiny")
def test_demo_writes_every_pair_and_says_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a folder" / "demo"
    assert main(["demo", "--size", "64", "--out", str(out)]) == 0
    told, err = capsys.readouterr()
    written = [*PAIRS, "contact-sheet.jpg"]
    assert told.splitlines() == [str(out / name) for name in written]
    assert sorted(path.name for path in out.iterdir()) == sorted(written)
    assert max(load_picture(out / PAIRS[0]).pixels.shape) == 64
    assert f"1 of {len(PAIRS)}" in err


@pytest.mark.usefixtures("tiny")
def test_demo_works_again_in_the_same_folder(tmp_path: Path) -> None:
    for _ in range(2):
        assert main(["demo", "--size", "64", "-q", "--out", str(tmp_path)]) == 0
    assert len(list(tmp_path.iterdir())) == len(PAIRS) + 1


@pytest.mark.usefixtures("tiny")
def test_a_stopped_demo_ends_with_130(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = JobRun.steps

    def stopped(run: JobRun) -> Iterator[Iterate]:
        run.stop()
        return steps(run)

    monkeypatch.setattr(JobRun, "steps", stopped)
    assert main(["demo", "--size", "64", "-q", "--out", str(tmp_path)]) == 130
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [PAIRS[0], f"{PAIRS[0]}.checkpoint"]


def test_demo_tells_a_size_that_is_too_small(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["demo", "--size", "3", "--out", str(tmp_path)]) == 2
    assert "size" in capsys.readouterr().err


def test_a_contact_sheet_fills_its_width_with_every_row() -> None:
    wide, tall = torch.zeros(1, 3, 20, 40), torch.zeros(1, 3, 40, 20)
    sheet = contact_sheet([[Cell(wide), Cell(wide)], [Cell(tall), Cell(wide)]], 400 + 3 * GAP)
    first, second = 100, 160  # 400 / (2 + 2) and 400 / (1/2 + 2)
    assert sheet.shape == (1, 3, first + second + 3 * GAP, 400 + 3 * GAP)
    white = sheet[0, 0] == 1
    assert white[:GAP].all() and white[:, -GAP:].all()
    assert white[GAP + first : 2 * GAP + first].all()
    assert white[GAP:-GAP, GAP:-GAP].sum() == (first + second) * GAP + GAP * (400 + GAP)


def test_the_style_is_in_the_corner_of_its_result() -> None:
    cell = Cell(torch.zeros(1, 3, 50, 50), torch.full((1, 3, 9, 9), 0.5))
    sheet = contact_sheet([[cell]], width=100 + 2 * GAP)
    inside = sheet[0, 0, GAP : GAP + 100, GAP : GAP + 100]
    assert inside[0, 0] == 0 and inside[-1, -1] == 1 and inside[-15, -15] == pytest.approx(0.5)
