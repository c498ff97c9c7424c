"""Clips from file to file: times, sound, interruptions; the painter changes nothing here."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gramarye.errors import InputError, OutputError
from gramarye.video import flows
from gramarye.video import run as running
from gramarye.video.flow import FLO
from gramarye.video.forecast import forecast_clip
from gramarye.video.frames import Pixels
from gramarye.video.reading import open_clip
from gramarye.video.run import VideoJob, VideoReport, VideoRun, open_video
from gramarye.video.settings import make_video_settings

from .conftest import folder_of_frames

pytestmark = [pytest.mark.usefixtures("plain_painter"), pytest.mark.filterwarnings("error")]
Scene = Callable[..., list[Pixels]]
MakeClip = Callable[..., Path]
TIMES = [0, 4, 6, 30, 31, 50]


def job(clip: Path, painting: Path, out: str, new: bool = False, **video: Any) -> VideoJob:
    settings = make_video_settings(**{"steady": 0.0, "quality": 95, **video})
    return VideoJob(clip, [painting], clip.parent / out, {}, settings, new)


def paint(made: VideoJob, stop_after: int | None = None) -> VideoReport:
    run = open_video(made)
    for step in run.steps():
        if step.done == stop_after:
            run.stop()
    report = run.finish()
    run.clean()
    return report


def streams(av: Any, path: Path, kind: str) -> list[tuple[Fraction, Any]]:
    with av.open(str(path)) as container:
        found = [f for s in getattr(container.streams, kind)[:1] for f in container.decode(s)]
    return [(f.pts * Fraction(f.time_base), f) for f in found]


def seconds(frames: list[tuple[Fraction, Any]]) -> float:
    return sum(f.samples / f.sample_rate for _, f in frames)


@pytest.mark.parametrize(("end", "exact"), [("mp4", True), ("mov", True), ("mkv", False)])
def test_times_are_carried_and_sound_is_kept(
    av: Any, make_clip: MakeClip, scene: Scene, painting: Path, end: str, exact: bool
) -> None:
    clip = make_clip("a.mp4", scene(6, moved=1), TIMES, sound=1.0)
    report = paint(job(clip, painting, f"b.{end}"))
    assert (report.frames, report.stopped, report.notes) == (6, False, ())
    found = [time for time, _ in streams(av, report.output, "video")]
    wanted = [Fraction(t, 60) for t in TIMES]
    close = 0 if exact else Fraction(1, 1000)
    assert all(abs(a - b) <= close for a, b in zip(found, wanted, strict=True))
    before, after = streams(av, clip, "audio"), streams(av, report.output, "audio")
    assert abs(seconds(before) - seconds(after)) <= 0.07
    a, b = (np.concatenate([f.to_ndarray()[0] for _, f in x]) for x in (before, after))
    assert float(np.abs(a[-8000:] - b[-8000:]).mean()) < 1e-3  # the same packets


def test_the_pictures_are_those_of_the_clip(
    make_clip: MakeClip, scene: Scene, painting: Path
) -> None:
    clip = make_clip("a.mp4", scene(6, moved=2))
    report = paint(job(clip, painting, "b.mp4"))
    before, after = (list(open_clip(path).frames()) for path in (clip, report.output))
    for number, frame in enumerate(after):
        apart = [np.abs(one.pixels.astype(int) - frame.pixels).mean() for one in before]
        assert len(before) == 6 and int(np.argmin(apart)) == number
        assert apart[number] < 5  # color is coded at half the size


def test_sound_that_a_container_cannot_hold_is_coded_anew(
    av: Any, make_clip: MakeClip, scene: Scene, painting: Path
) -> None:
    clip = make_clip("a.mp4", scene(8), sound=0.5)
    report = paint(job(clip, painting, "b.webm"))
    assert report.notes == ("the sound was aac, which webm cannot hold: it is opus now",)
    assert abs(seconds(streams(av, report.output, "audio")) - 0.5) < 0.1
    clip = make_clip("c.mkv", scene(8), sound=0.5, sound_codec="pcm_s16le")
    report = paint(job(clip, painting, "d.mp4"))
    assert "it is aac now" in report.notes[0]


def test_a_part_of_a_clip_begins_at_zero_with_its_sound(
    av: Any, make_clip: MakeClip, scene: Scene, painting: Path
) -> None:
    clip = make_clip("a.mp4", scene(30), sound=2.0)
    report = paint(job(clip, painting, "b.mp4", start=0.5, end=1.5))
    times = [time for time, _ in streams(av, report.output, "video")]
    assert times[0] == 0 and report.frames == len(times) == 16
    assert times[-1] == Fraction(15, 15)
    heard = streams(av, report.output, "audio")
    assert abs(seconds(heard) - 1.0) < 0.15


@pytest.mark.parametrize(
    ("sound", "lost"), [(0.2, "neither for sound nor for the recipe"), (0.0, "for no recipe")]
)
def test_a_gif_is_written(
    sound: float, lost: str, make_clip: MakeClip, scene: Scene, painting: Path
) -> None:
    clip = make_clip("a.mp4", scene(6, moved=2), TIMES, sound=sound)
    report = paint(job(clip, painting, "b.gif"))
    found = list(open_clip(report.output).frames())
    assert [round(float(f.time), 2) for f in found] == [round(t / 60, 2) for t in TIMES]
    assert np.abs(found[5].pixels.astype(int) - scene(6, moved=2)[5]).mean() < 12
    assert report.notes == (f"GIF has room {lost}, and shows 256 colors of a frame",)


@pytest.mark.parametrize(("sound", "told"), [(0.2, 1), (0.0, 0)])
def test_a_webp_tells_of_sound_where_there_was_some(
    sound: float, told: int, make_clip: MakeClip, scene: Scene, painting: Path
) -> None:
    clip = make_clip("a.mp4", scene(3), sound=sound)
    report = paint(job(clip, painting, "b.webp"))
    assert report.notes.count("WebP has no room for sound, and it is left out") == told


def test_frames_go_to_a_folder_and_come_from_one(
    make_clip: MakeClip, scene: Scene, painting: Path
) -> None:
    clip = make_clip("a.mp4", scene(3, moved=2))
    folder = paint(job(clip, painting, "frames")).output
    assert [f.name for f in sorted(folder.iterdir())] == [f"{i:05}.png" for i in (1, 2, 3)]
    report = paint(job(folder, painting, "b%02d.jpg"))
    assert (folder.parent / "b03.jpg").is_file() and report.frames == 3
    report = paint(job(folder, painting, "c.mp4", fps=10))
    assert [f.time for f in open_clip(report.output).frames()] == [
        0,
        Fraction(1, 10),
        Fraction(2, 10),
    ]


def test_compared_it_is_twice_as_wide(make_clip: MakeClip, scene: Scene, painting: Path) -> None:
    report = paint(job(make_clip("a.mp4", scene(2)), painting, "b.mp4", compare=True))
    pixels = next(open_clip(report.output).frames()).pixels
    assert pixels.shape == (32, 96, 3)
    assert np.abs(pixels[:, :48].astype(int) - pixels[:, 48:]).mean() < 3


def test_the_recipe_is_in_the_comment(
    av: Any, make_clip: MakeClip, scene: Scene, painting: Path
) -> None:
    for end in ("mp4", "mkv", "webm"):
        report = paint(job(make_clip("a.mp4", scene(2)), painting, f"b.{end}"))
        with av.open(str(report.output)) as container:
            found = {k.lower(): v for k, v in container.metadata.items()}
        recipe = json.loads(found["comment"])
        assert recipe["clip"]["name"] == "a.mp4" and recipe["settings"]["preset"] == "instant"
        assert len(recipe["styles"][0]["sha256"]) == 64


def test_a_stopped_run_leaves_a_clip_and_goes_on(
    make_clip: MakeClip, scene: Scene, painting: Path
) -> None:
    clip = make_clip("a.mp4", scene(12, moved=1), sound=0.8)
    whole = paint(job(clip, painting, "whole.mp4", steady=0.8))
    made = job(clip, painting, "b.mp4", steady=0.8)
    first = paint(made, stop_after=5)
    assert first.stopped and first.frames == 5
    assert len(list(open_clip(first.output).frames())) == 5
    run = open_video(made)
    assert run.resumed == 5
    second = paint(made)
    assert second.frames == 12 and not second.stopped
    assert not run.parts.folder.exists()
    pairs = zip(open_clip(whole.output).frames(), open_clip(second.output).frames(), strict=True)
    for one, other in pairs:
        assert one.time == other.time
        assert np.abs(one.pixels.astype(int) - other.pixels).mean() < 1.5  # coded in two parts


def test_a_killed_run_goes_on_after_its_last_part(
    make_clip: MakeClip, scene: Scene, painting: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "PART_FRAMES", 4)
    clip = make_clip("a.mp4", scene(12, moved=1))
    made = job(clip, painting, "b.mp4")
    run = open_video(made)
    steps = run.steps()
    for _ in range(10):
        next(steps)
    steps.close()  # and nothing is finished
    assert not run.out.exists()
    assert open_video(made).resumed == 8
    assert paint(made).frames == 12
    assert len(list(open_clip(run.out).frames())) == 12


def test_what_another_run_has_left_is_not_taken(
    make_clip: MakeClip, scene: Scene, painting: Path
) -> None:
    clip = make_clip("a.mp4", scene(6))
    paint(job(clip, painting, "b.mp4"), stop_after=2)
    with pytest.raises(InputError, match="is of another run"):
        open_video(job(clip, painting, "b.mp4", steady=0.5))
    assert open_video(job(clip, painting, "b.mp4", steady=0.5, new=True)).out.name == "b-2.mp4"
    assert open_video(job(clip, painting, "b.mp4", new=True)).out.name == "b.mp4"


def test_a_disk_that_is_full_from_the_first_keeps_nothing_and_says_so(
    make_clip: MakeClip, scene: Scene, painting: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(self: Any, pixels: Pixels, time: Fraction) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(running.PartWriter, "write", write)
    made = job(make_clip("a.mp4", scene(6)), painting, "b.mp4")
    with pytest.raises(OutputError, match=r"no space left.*nothing of it could be kept"):
        list(open_video(made).steps())


def test_a_full_disk_is_told_and_loses_nothing(
    make_clip: MakeClip, scene: Scene, painting: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "PART_FRAMES", 2)
    made = job(make_clip("a.mp4", scene(6)), painting, "b.mp4")
    real = running.PartWriter.write
    written: list[int] = []

    def write(self: Any, pixels: Pixels, time: Fraction) -> None:
        written.append(1)
        if len(written) == 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(self, pixels, time)

    with monkeypatch.context() as full:
        full.setattr(running.PartWriter, "write", write)
        with pytest.raises(OutputError, match=r"no space left.*stays in.*the same command goes on"):
            paint(made)
    assert open_video(made).resumed == 4
    assert paint(made).frames == 6


def test_one_frame_is_a_clip_and_none_is_told(
    make_clip: MakeClip, scene: Scene, painting: Path
) -> None:
    clip = make_clip("a.mp4", scene(1))
    assert paint(job(clip, painting, "b.mp4")).frames == 1
    with pytest.raises(InputError, match=r"no frame of .* is from --start to --end"):
        paint(job(clip, painting, "c.mp4", start=5))


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ("b.avi", "no name of a clip"),
        ("b%05d.mp4", "no pattern of pictures"),
        ("a.mp4", "one of the inputs"),
    ],
)
def test_a_name_that_cannot_be_is_told(
    make_clip: MakeClip, scene: Scene, painting: Path, out: str, message: str
) -> None:
    with pytest.raises((InputError, OutputError), match=message):
        open_video(job(make_clip("a.mp4", scene(2)), painting, out))


@pytest.mark.parametrize("way", ["instant", "optimize"])
def test_a_second_run_takes_the_flows_of_the_first(
    way: str,
    scene: Scene,
    painting: Path,
    tiny_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("cv2", reason="OpenCV is not installed (the extra 'video')")
    asked = 0
    find = flows.FoundFlows.__call__

    def counted(*args: Any) -> Any:
        nonlocal asked
        asked += 1
        return find(*args)

    monkeypatch.setattr(flows.FoundFlows, "__call__", counted)
    film = folder_of_frames(tmp_path, scene(4, moved=1))
    how: dict[str, Any] = {"way": way, "frame_steps": 2} if way == "optimize" else {}
    settings = {"size": 48, "weights": str(tiny_weights), "steps": 3} if how else {}

    def made(name: str, cache: Path | str) -> tuple[list[bytes], VideoRun]:
        video = make_video_settings(flow_cache=cache, **how)
        run = open_video(VideoJob(film, [painting], tmp_path / name, settings, video))
        assert len(list(run.steps())) == 4
        return [file.read_bytes() for file in sorted((tmp_path / name).iterdir())], run

    first, _ = made("first", tmp_path / "cache")
    found = asked
    assert found > 0 and len(list((tmp_path / "cache").iterdir())) > 0
    second, run = made("second", tmp_path / "cache")
    assert asked == found and second == first
    without, other = made("third", "off")
    assert without == first and asked > found
    assert run.recipe == other.recipe and "flow_cache" not in run.recipe["video"]


def test_a_forecast_measures_flows_that_are_found(
    scene: Scene, painting: Path, tmp_path: Path
) -> None:
    pytest.importorskip("cv2", reason="OpenCV is not installed (the extra 'video')")
    film = folder_of_frames(tmp_path, scene(3, moved=1))
    video = make_video_settings(flow_cache=tmp_path / "cache")
    forecast_clip(open_video(VideoJob(film, [painting], tmp_path / "out", {}, video)))
    assert not (tmp_path / "cache").exists()


def test_known_flows_are_those_of_a_frames_number_in_one_pass_too(
    scene: Scene, painting: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("cv2", reason="OpenCV is not installed (the extra 'video')")
    monkeypatch.setattr(running, "PART_FRAMES", 2)
    film = folder_of_frames(tmp_path, scene(5, moved=2))
    known = tmp_path / "flows"
    known.mkdir()
    for i in range(1, 5):
        for name, x in ((f"forward_{i}_{i + 1}", -2), (f"backward_{i + 1}_{i}", 2)):
            head = np.float32(FLO).tobytes() + np.array([48, 32], "<i4").tobytes()
            flow = np.full((32, 48, 2), (x, 0), "<f4")
            (known / f"{name}.flo").write_bytes(head + flow.tobytes())
    video = make_video_settings(flow=known, steady=1.0)

    def job(name: str) -> VideoJob:
        return VideoJob(film, [painting], tmp_path / name, {}, video)

    assert len(list((whole := open_video(job("whole"))).steps())) == 5
    steps = open_video(job("killed")).steps()
    for _ in range(3):
        next(steps)
    steps.close()  # type: ignore[attr-defined]
    assert len(list(open_video(job("killed")).steps())) == 3  # frames 3 to 5
    for number in range(1, 6):
        one, other = (tmp_path / name / f"{number:05}.png" for name in ("whole", "killed"))
        assert one.read_bytes() == other.read_bytes()
    assert whole.recipe["video"]["flow"] == "flows"
    (known / "backward_4_3.flo").unlink()
    with pytest.raises(InputError, match=r"backward_4_3.flo' cannot be read"):
        list(open_video(job("missing")).steps())
