"""Flows kept on disk: the same as found, bounded, and nothing of them is trusted."""

from __future__ import annotations

import errno
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gramarye.errors import OutputError, SettingsError
from gramarye.video import flow_cache
from gramarye.video.flow import STEPS, Flow, in_steps
from gramarye.video.flow_cache import HEAD, LARGEST, MAGIC, FlowCache, packed, unpacked
from gramarye.video.flows import FlowFolder, FoundFlows
from gramarye.video.frames import FilmFrame, Pixels
from gramarye.video.settings import VideoSettings, make_video_settings
from gramarye.video.ways import flow_source

pytest.importorskip("cv2", reason="OpenCV is not installed (the extra 'video')")

Scene = Callable[..., list[Pixels]]
SIZE = (32, 48)


class Counting:
    """Stands where DIS does: noise of up to ten pixels, in steps."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, frame: FilmFrame, other: FilmFrame) -> Flow:
        self.asked += 1
        rng = np.random.default_rng(100 * frame.number + other.number)
        shape = (*frame.pixels.shape[:2], 2)
        return in_steps(rng.uniform(-10, 10, shape).astype(np.float32))


def film(scene: Scene, count: int = 3, **how: Any) -> list[FilmFrame]:
    return [FilmFrame(i, x) for i, x in enumerate(scene(count, moved=2, **how), 1)]


def test_a_flow_is_packed_without_loss() -> None:
    rng = np.random.default_rng(0)
    wild = in_steps(rng.uniform(-511, 511, (17, 23, 2)).astype(np.float32))
    wild[0, 0], wild[-1, -1] = (LARGEST - 1 / STEPS, -LARGEST + 1 / STEPS), (0, 1 / STEPS)
    data = packed(wild)
    assert data is not None and np.array_equal(unpacked(data, (17, 23)), wild)  # type: ignore[arg-type]
    smooth = in_steps(np.fromfunction(lambda y, x, c: x / 9 + c, (64, 64, 2)).astype(np.float32))
    assert len(packed(smooth) or b"") < 64 * 64  # far below the 4 bytes of what is not packed


@pytest.mark.parametrize("wrong", [np.nan, np.inf, LARGEST + 1])
def test_what_does_not_fit_is_not_packed(wrong: float) -> None:
    flow = np.zeros((*SIZE, 2), np.float32)
    flow[3, 4, 1] = wrong
    assert packed(flow) is None


def test_a_second_run_finds_nothing_anew(tmp_path: Path, scene: Scene) -> None:
    one, two, _ = film(scene)
    find, notes = Counting(), []
    first = FlowCache(find, tmp_path, notes.append)
    found = [first(two, one), first(one, two)]
    second = FlowCache(find, tmp_path, notes.append)
    renumbered = FilmFrame(9, two.pixels), FilmFrame(8, one.pixels)  # of a part of the clip
    assert np.array_equal(second(*renumbered), found[0])
    assert np.array_equal(second(*renumbered[::-1]), found[1])
    assert find.asked == 2 and (second.found, second.read) == (0, 2) and not notes


def test_other_pixels_have_another_flow(tmp_path: Path, scene: Scene) -> None:
    one, two, _ = film(scene)
    find = Counting()
    cache = FlowCache(find, tmp_path, print)
    cache(two, one)
    other = one.pixels.copy()
    other[0, 0, 0] += 1
    cache(two, FilmFrame(1, other))
    wide = [FilmFrame(x.number, x.pixels.reshape(16, 96, 3)) for x in (two, one)]  # same bytes
    assert cache(*wide).shape == (16, 96, 2)
    assert find.asked == 3


def forged(size: tuple[int, int], plain: bytes) -> bytes:
    body = zlib.compress(plain)
    return HEAD.pack(MAGIC, *size, zlib.crc32(body)) + body


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:-3],
        lambda data: data[:40] + bytes([data[40] ^ 1]) + data[41:],
        lambda data: b"x" * len(data),
        lambda data: forged((48, 32), bytes(4 * 32 * 48)),  # of another size
        lambda data: forged(SIZE, bytes(4 * 32 * 48 - 1)),
        lambda data: forged(SIZE, bytes(1 << 24)),  # more than there can be
        lambda data: HEAD.pack(MAGIC, *SIZE, zlib.crc32(b"no")) + b"no",
    ],
)
def test_what_is_damaged_is_found_anew_and_told(
    damage: Callable[[bytes], bytes], tmp_path: Path, scene: Scene
) -> None:
    one, two, _ = film(scene)
    find, notes = Counting(), []
    wanted = FlowCache(find, tmp_path, notes.append)(two, one)
    (file,) = tmp_path.iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    found = FlowCache(find, tmp_path, notes.append)(two, one)
    assert np.array_equal(found, wanted) and find.asked == 2
    assert notes == [f"a damaged flow in '{tmp_path}' was found anew"]
    assert file.read_bytes() == whole


def test_a_full_disk_is_told_once_and_costs_no_frame(
    tmp_path: Path, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise OutputError("no space left") from OSError(errno.ENOSPC, "no space left")

    monkeypatch.setattr(flow_cache, "write_atomically", full)
    one, two, three = film(scene)
    notes: list[str] = []
    cache = FlowCache(Counting(), tmp_path, notes.append)
    assert cache(two, one).shape == cache(three, two).shape == (*SIZE, 2)
    assert notes == ["flows are not kept for another run: no space left"]


def test_a_folder_that_is_a_file_costs_no_frame(tmp_path: Path, scene: Scene) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    one, two, _ = film(scene)
    notes: list[str] = []
    assert FlowCache(Counting(), tmp_path / "file", notes.append)(two, one).shape == (*SIZE, 2)
    assert len(notes) >= 1 and (tmp_path / "file").read_bytes() == b"mine"


def test_what_was_used_longest_ago_goes_first(tmp_path: Path, scene: Scene) -> None:
    one, two, three = film(scene)
    find = Counting()
    cache = FlowCache(find, tmp_path, print)
    cache(two, one), cache(three, two)
    for number, file in enumerate(sorted(tmp_path.iterdir())):
        os.utime(file, (1000 + number, 1000 + number))
    FlowCache(find, tmp_path, print)(two, one)  # used again: now the newest
    most = (
        sum(file.stat().st_size for file in tmp_path.iterdir()) + 300
    )  # noise packs a little differently
    small = FlowCache(find, tmp_path, print, most)
    small(three, one)
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= most
    asked = find.asked
    again = FlowCache(find, tmp_path, print)
    again(two, one), again(three, one)
    assert find.asked == asked
    again(three, two)
    assert find.asked == asked + 1


def test_a_clip_larger_than_the_cache_keeps_its_beginning(tmp_path: Path, scene: Scene) -> None:
    frames = film(scene, 6)
    (tmp_path / "mine.txt").write_text("no flow")
    pairs = list(zip(frames[1:], frames, strict=False))
    size = len(packed(Counting()(*pairs[0])) or b"")
    for _ in range(2):
        find, notes = Counting(), []
        cache = FlowCache(find, tmp_path, notes.append, most=2 * size + size // 2)
        for pair in pairs:
            cache(*pair)
        assert "those of the other frames are not kept" in notes[0] and len(notes) == 1
    assert (cache.read, find.asked) == (2, 3)
    assert len(list(tmp_path.glob("*.flow"))) == 2 and (tmp_path / "mine.txt").is_file()


def test_found_flows_are_in_steps_whether_they_are_kept_or_not(scene: Scene) -> None:
    one, two, _ = film(scene)
    flow = FoundFlows()(two, one)
    assert np.array_equal(flow * STEPS, np.rint(flow * STEPS)) and flow.any()


def test_where_flows_come_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gramarye.video.ways.cache_home", lambda: tmp_path)
    usual = flow_source(VideoSettings(), SIZE, print)
    assert isinstance(usual, FlowCache) and usual.folder == tmp_path / "flows"
    own = flow_source(make_video_settings(flow_cache=tmp_path / "own"), SIZE, print)
    assert isinstance(own, FlowCache) and own.folder == tmp_path / "own"
    off = make_video_settings(flow_cache="off")
    assert isinstance(flow_source(off, SIZE, print), FoundFlows)
    assert isinstance(flow_source(VideoSettings(), SIZE, None), FoundFlows)
    (tmp_path / "forward_1_2.flo").write_bytes(b"")
    known = flow_source(make_video_settings(flow=tmp_path), SIZE, print)
    assert isinstance(known, FlowFolder)


def test_a_user_without_a_home_is_told_and_paints(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise SettingsError("no home")

    monkeypatch.setattr("gramarye.video.ways.cache_home", homeless)
    notes: list[str] = []
    assert isinstance(flow_source(VideoSettings(), SIZE, notes.append), FoundFlows)
    assert notes == ["flows are not kept for another run: no home"]


def test_known_flows_have_no_cache_and_are_of_use() -> None:
    with pytest.raises(SettingsError, match="flow_cache is for flows that are found"):
        make_video_settings(flow=Path("a"), flow_cache=Path("b"))
    with pytest.raises(SettingsError, match="flow is of no use with steady 0"):
        make_video_settings(flow=Path("a"), steady=0)
