"""Folders and ZIPs of photographs: what is found, what is held out, what is refused."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from gramarye.errors import ImageError
from gramarye.training import images
from gramarye.training.images import Entry, Photographs, open_collection, split

Make = Callable[..., Path]


def names(photographs: Photographs) -> set[str]:
    return {entry.name for entry in photographs.entries}


def zipped(folder: Path, out: Path) -> Path:
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder).as_posix())
    return out


def test_a_folder_and_its_zip_are_the_same_photographs(photographs: Path, tmp_path: Path) -> None:
    (photographs / "notes.txt").write_text("no picture")
    folder = open_collection(photographs)
    packed = open_collection(zipped(photographs, tmp_path / "all.zip"))
    assert names(folder.train) == names(packed.train) and "deep/1.png" in names(
        folder.train
    ) | names(folder.held_out)
    assert folder.digest == packed.digest
    assert not names(folder.train) & names(folder.held_out)
    assert len(folder.train) + len(folder.held_out) == 7 and len(folder.held_out) == 1
    for one, other in zip(folder.train.first(9), packed.train.first(9), strict=True):
        assert torch.equal(one, other)
    assert "7 photographs are few" in folder.notes[-1]
    before = set(tmp_path.rglob("*"))
    packed.train.draw(5, torch.Generator().manual_seed(0))
    assert set(tmp_path.rglob("*")) == before  # nothing is unpacked to disk


def test_cocos_splits_are_used_as_such(make_picture: Make) -> None:
    for seed in range(2):
        for folder in ("train2017", "val2017", "test2017"):
            make_picture(f"coco/images/{folder}/{seed}.jpg", 40, 40, seed=seed)
    root = make_picture("coco/loose.png", 40, 40, seed=5).parent
    found = open_collection(root)
    assert {n.split("/")[1] for n in names(found.held_out)} == {"val2017"}
    assert {n.split("/")[1] for n in names(found.test)} == {"test2017"}
    assert len(found.train) == 3 and "loose.png" in names(found.train)


def entries(*named: str) -> list[Entry]:
    return [Entry(name, 1, lambda: torch.zeros(1, 3, 8, 8)) for name in named]


def test_one_in_ten_is_held_out_where_nobody_says_which() -> None:
    given = entries(*(f"{i}.jpg" for i in range(40)))
    train, held_out, test = split(given)
    assert (len(train), len(held_out), len(test)) == (36, 4, 0)
    again, _, _ = split(list(reversed(given)))
    assert {e.name for e in again} == {e.name for e in train}
    train, held_out, _ = split(entries("val2017/a.jpg", "val2017/b.jpg"))
    assert len(train) == len(held_out) == 1  # a folder of one split alone is all there is


def test_broken_files_are_left_out_and_counted(photographs: Path) -> None:
    (photographs / "broken.jpg").write_bytes(b"no picture")
    (photographs / "cut.png").write_bytes((photographs / "0.png").read_bytes()[:300])
    found = open_collection(photographs)
    assert any(
        note.startswith("2 pictures cannot be read and are left out") for note in found.notes
    )
    assert len(found.train) + len(found.held_out) == 7


def test_a_broken_file_among_many_is_passed_over_when_it_is_drawn(
    photographs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "SMALL", 2)
    for index in range(3):
        (photographs / f"broken{index}.jpg").write_bytes(b"no picture")
    found = open_collection(photographs)
    assert not found.failed
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        assert all(picture.ndim == 3 for picture in found.train.draw(3, generator))
    assert 1 <= len(found.failed) <= 3


@pytest.mark.parametrize("count", [1, 3])
def test_too_few_photographs_are_refused(make_picture: Make, count: int) -> None:
    for seed in range(count):
        folder = make_picture(f"few/{seed}.png", 40, 40, seed=seed).parent
    with pytest.raises(ImageError, match=f"has {count} pictures, and a training takes at least 4"):
        open_collection(folder)


def test_what_is_no_folder_of_pictures_is_told(tmp_path: Path, photographs: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    text = tmp_path / "text.zip"
    text.write_text("no zip")
    bare = tmp_path / "bare.zip"
    with zipfile.ZipFile(bare, "w") as archive:
        archive.writestr("notes.txt", "no picture")
    cut = zipped(photographs, tmp_path / "cut.zip")
    cut.write_bytes(cut.read_bytes()[:-30])
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "a.jpg").write_bytes(b"no picture")
    for path, words in (
        (empty, "no pictures"),
        (text, "neither a folder nor a ZIP"),
        (bare, "no pictures"),
        (cut, "neither a folder nor a ZIP"),
        (broken, "none of the 1 pictures"),
        (tmp_path / "nowhere", "there is no folder or ZIP"),
    ):
        with pytest.raises(ImageError, match=words):
            open_collection(path)


def test_a_zip_that_lies_or_is_huge_fills_no_memory(
    photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "LARGEST_FILE", 20_000)
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("huge.jpg", b"\0" * 10_000_000)
        for file in sorted(photographs.rglob("*.png")):
            archive.write(file, f"../../{file.name}")
        archive.write(photographs / "last.jpg", "__MACOSX/last.jpg")
    found = open_collection(bomb)
    assert any("'huge.jpg' is larger than" in note for note in found.notes)
    assert len(found.train) + len(found.held_out) == 6
    assert not any("last" in name for name in names(found.train) | names(found.held_out))


def test_the_samples_are_split_within_each_picture() -> None:
    found = open_collection(None)
    assert len(found.train) == len(found.held_out) == 3
    assert "which is meagre" in found.notes[0]
    left, right = found.train.first(1)[0], found.held_out.first(1)[0]
    assert left.shape[1] == right.shape[1] and left.shape[2] > right.shape[2] >= 128


def test_large_photographs_are_kept_small() -> None:
    wide = Photographs([Entry("wide", 1, lambda: torch.rand(1, 3, 300, 3000))])
    assert wide.first(1)[0].shape == (3, 102, 1024)
