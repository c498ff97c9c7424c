"""Clips of a few dozen pixels with known answers, and a painter that changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from torch import Tensor

from gramarye.video.frames import Pixels
from gramarye.video.shot_averages import ShotAverages

RATE = 16_000


@pytest.fixture
def av() -> Any:
    return pytest.importorskip("av", reason="PyAV is not installed (the extra 'video')")


@pytest.fixture
def scene() -> Callable[..., list[Pixels]]:
    """A function that makes frames of a smooth picture that goes to the left by so many pixels."""

    def make(count: int, moved: int = 0, seed: int = 0, size: tuple[int, int] = (32, 48)) -> Any:
        height, width = size
        rng = np.random.default_rng(seed)
        y, x = np.mgrid[:height, : width + count * moved]
        wave = [np.sin(x * rng.uniform(0.08, 0.3) + y * rng.uniform(0.08, 0.3)) for _ in range(3)]
        wide = (127 + 60 * np.stack(wave, -1) + rng.uniform(-60, 60, 3)).clip(0, 255)
        wide = wide.astype(np.uint8)
        return [np.ascontiguousarray(wide[:, i * moved : i * moved + width]) for i in range(count)]

    return make


@pytest.fixture
def make_clip(av: Any, tmp_path: Path) -> Callable[..., Path]:
    """A function that writes frames as a clip: at times in sixtieths of a second, with a tone."""

    def make(
        name: str,
        frames: Sequence[Pixels],
        times: Sequence[int] | None = None,
        *,
        sound: float = 0.0,
        rotation: int = 0,
        aspect: Fraction | None = None,
        codec: str = "libx264",
        pixels: str = "yuv444p",
        transfer: int | None = None,
        sound_codec: str = "aac",
    ) -> Path:
        path, base = tmp_path / name, Fraction(1, 600)
        times = [4 * i for i in range(len(frames))] if times is None else times
        with av.open(str(path), "w") as output:
            options = {"crf": "4", "bf": "2", "g": "5"} if "264" in codec else {}
            video = output.add_stream(codec, rate=15, options=options)
            video.height, video.width = frames[0].shape[:2]
            video.pix_fmt = pixels
            video.time_base = video.codec_context.time_base = base
            if aspect is not None:
                video.sample_aspect_ratio = aspect
            if rotation:
                video.set_display_rotation(rotation)
            if transfer is not None:
                video.codec_context.color_trc = transfer
                video.codec_context.color_primaries = 9
            tone = output.add_stream(sound_codec, rate=RATE, layout="mono") if sound else None
            for time, frame in zip(times, frames, strict=True):
                made = av.VideoFrame.from_ndarray(frame, format="rgb24").reformat(format=pixels)
                made.pts, made.time_base = 10 * time, base
                if transfer is not None:
                    made.color_trc = transfer
                output.mux(video.encode(made))
            output.mux(video.encode(None))
            if tone is not None:
                wave = np.sin(np.arange(int(RATE * sound)) * 0.1).astype(np.float32)[None]
                made = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
                made.sample_rate, made.pts = RATE, 0
                output.mux(tone.encode(made))
                output.mux(tone.encode(None))
        return path

    return make


class PlainPainter:
    """Stands where the network does: what it paints of a frame is the frame."""

    def __init__(self, *_: object) -> None:
        self.averages = ShotAverages()

    def new_shot(self) -> None:
        self.averages.forget()

    def paint(self, frame: Tensor) -> Tensor:
        self.averages.next_frame()
        return frame

    def finished(self, image: Tensor, frame: Tensor) -> Tensor:
        return image


@pytest.fixture
def plain_painter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gramarye.video.ways.FramePainter", PlainPainter)


@pytest.fixture(autouse=True)
def apart(flows_of_the_test: None) -> None:
    """What a test keeps of flows is its own."""


def folder_of_frames(folder: Path, frames: list[Pixels]) -> Path:
    """A folder of a film's frames, in its folder."""
    film = folder / "film"
    film.mkdir()
    for number, pixels in enumerate(frames):
        Image.fromarray(pixels).save(film / f"{number}.png")
    return film
