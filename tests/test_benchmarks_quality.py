"""The pairs and their scores: a row a pair, a column a level, nothing hidden in a mean."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from benchmarks import quality
from benchmarks.quality import MEASURES, PAIRS, main, paint, read_pairs
from gramarye.scoring.levels import LEVELS


@pytest.fixture
def data(make_picture: Callable[..., Path]) -> Path:
    """A folder with two pairs and their table."""
    make_picture("data/photos/cat.jpg", 64, 48, seed=1)
    make_picture("data/photos/sea.jpg", 48, 64, seed=2)
    folder = make_picture("data/paintings/wave.png", 60, 60, seed=3).parent.parent
    lines = 'content,style,about\ncat,wave,animal; print\nsea,wave,"sea; print, a wave"\n'
    (folder / "pairs.csv").write_text(lines, "utf-8")
    return folder


def run(data: Path, judge: Path, out: Path, *more: str) -> list[dict[str, Any]]:
    table = ["--pairs", str(data / "pairs.csv"), "--data", str(data), "--out", str(out)]
    main([*table, "--judge", str(judge), "--sizes", "48,64", *more])
    found: list[dict[str, Any]] = json.loads((out / "quality.json").read_text("utf-8"))
    return found


def test_the_table_of_pairs_has_twenty_four_different_ones() -> None:
    with PAIRS.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len({(row["content"], row["style"]) for row in rows}) == 24
    assert all(row["about"] and "; " in row["about"] for row in rows)
    # Only pictures that are held out of training.
    assert {row["content"].rstrip("0123456789_") for row in rows} <= {"nstcnt", "kodak"}
    assert {row["style"].rstrip("0123456789_") for row in rows} == {"nststy"}


def test_ready_pictures_are_judged_at_every_size_they_reach(
    data: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    ready = tmp_path / "reference"
    ready.mkdir()
    with Image.open(data / "photos/cat.jpg") as image:
        image.save(ready / "cat-wave.png")
    with Image.open(data / "photos/sea.jpg") as image:
        image.resize((36, 48)).save(ready / "sea-wave.png")
    rows = run(data, tiny_weights, tmp_path / "out", "--results", str(ready))
    assert [(row["pair"], row["size"]) for row in rows] == [
        ("cat-wave", 48),
        ("cat-wave", 64),
        ("sea-wave", 48),
    ]
    assert rows[1]["levels"] == dict.fromkeys(LEVELS, 1.0)  # the untouched content
    page = (tmp_path / "out/quality.md").read_text("utf-8")
    header, means = "| results | pair | " + " | ".join(LEVELS), "| **reference** | **mean of"
    assert page.count(header) == 2 and page.count(means) == 4
    assert "sea; print, a wave (sea-wave)" in page
    assert all(f" {name.replace('_', ' ')} |" in page for name in MEASURES)
    with Image.open(tmp_path / "out/reference.jpg") as sheet:
        assert sheet.width <= 1600


def test_presets_are_painted_once(
    data: Path, tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = {"size": 64, "min_size": 64, "steps": 2, "weights": str(tiny_weights)}

    def small(pairs: Any, preset: str, folder: Path) -> None:
        paint(pairs, preset, folder, **settings)

    monkeypatch.setattr(quality, "paint", small)
    out = tmp_path / "out"
    rows = run(data, tiny_weights, out, "--preset", "draft", "--only", "cat")
    assert [row["results"] for row in rows] == ["draft"] * 2
    assert all(row["judge_made_it"] for row in rows)
    assert "| draft (made it) |" in (out / "quality.md").read_text("utf-8")
    before = (out / "draft/cat-wave.png").stat().st_mtime_ns
    assert run(data, tiny_weights, out, "--preset", "draft", "--only", "cat") == rows
    assert (out / "draft/cat-wave.png").stat().st_mtime_ns == before
    assert not (out / "draft/sea-wave.png").exists()


def test_what_is_missing_is_told(data: Path, tiny_weights: Path, tmp_path: Path) -> None:
    assert [pair.name for pair in read_pairs(data / "pairs.csv", data)] == ["cat-wave", "sea-wave"]
    with pytest.raises(SystemExit, match="there is nothing to judge"):
        run(data, tiny_weights, tmp_path / "out", "--results", str(tmp_path))
    (data / "photos/sea.jpg").unlink()
    with pytest.raises(SystemExit, match="there is no picture sea"):
        run(data, tiny_weights, tmp_path / "out", "--results", str(tmp_path))
