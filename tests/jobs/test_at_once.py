"""What ONNX Runtime leaves to PyTorch, by its reason; what it paints is in `tests/graphs`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from gramarye.config import make_config
from gramarye.jobs.at_once import LeftToTorch, check_pictures, check_settings, done_at_once
from gramarye.jobs.job import Job
from gramarye.jobs.output import Output
from gramarye.pictures.decoding import Decoded
from gramarye.pictures.metadata import Metadata
from gramarye.special_configs import make_instant_config

PICTURES = {"content": Path("a.jpg"), "style/0": Path("b.jpg")}


def picture(height: int, width: int, alpha: float | None = None, *, gray: bool = False) -> Decoded:
    color = np.random.default_rng(0).random((3, height, width), np.float32)
    if gray:
        color[:] = color[:1]
    plane = None if alpha is None else np.full((1, height, width), alpha, np.float32)
    return Decoded(color, plane, Metadata(), ())


def job(inputs: dict[str, Path] = PICTURES, **settings: Any) -> Job:
    config = make_instant_config((200, 160), **settings)
    return Job(inputs, Path("out.png"), config, runtime="auto")


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gramarye.jobs.at_once.is_installed", lambda: True)


def test_the_usual_picture_is_left_to_nobody() -> None:
    check_settings(job(strength=0.7, seed=3))
    pictures = {"content": picture(160, 200, 1.0), "style/0": picture(150, 150)}
    check_pictures(pictures, job().config)


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (job(finish="guided"), "no finish"),
        (job({**PICTURES, "content-mask": Path("m.png")}), "no content-mask"),
        (replace(job(), output=Output(preview=Path("p.png"))), "no preview"),
        (job(device="cuda"), "on the processor alone"),
        (replace(job(), resume=cast(Any, "a checkpoint")), "in one pass alone"),
        (replace(job(), config=make_config(size=200)), "in one pass alone"),
        (job({"content": Path("a.jpg")}), "no style is named"),
        (job({"content": Path("a.jpg")}, color="free"), "no style is named"),  # a Johnson network
        (job(style_weights=(1, 2)), "as many styles"),
    ],
)
def test_what_is_asked_for_besides_is_pytorchs(asked: Job, reason: str) -> None:
    with pytest.raises(LeftToTorch, match=reason):
        check_settings(asked)
    assert done_at_once(asked) is None


@pytest.mark.parametrize(
    ("content", "style", "size", "reason"),
    [
        (picture(160, 200, 0.5), picture(150, 150), 200, "content is transparent"),
        (picture(160, 200), picture(150, 150, 0.5), 200, "style/0 is transparent"),
        (picture(127, 200), picture(150, 150), 200, "content has a side of less than 128"),
        (picture(160, 200), picture(127, 150), 200, "style/0 has a side of less than 128"),
        (picture(160, 200), picture(150, 150, gray=True), 200, "the style is gray"),
        # 1024 x 1025 pixels are 1024 x 1088 once both are multiples of 64.
        (picture(1024, 1025), picture(150, 150), 1025, "more than a megapixel"),
    ],
)
def test_pictures_that_it_does_not_know_are_pytorchs(
    content: Decoded, style: Decoded, size: int, reason: str
) -> None:
    config = make_instant_config((size, size))
    with pytest.raises(LeftToTorch, match=reason):
        check_pictures({"content": content, "style/0": style}, config)


def test_a_large_photograph_is_left_to_pytorch_before_it_is_decoded(
    make_picture: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def decode(*_: object) -> None:
        raise AssertionError("it was decoded")

    monkeypatch.setattr("gramarye.jobs.at_once.decode_file", decode)
    inputs = {"content": make_picture("a.png", 1100, 1025), "style/0": make_picture("b.png", 150)}
    large = replace(job(inputs), config=make_instant_config((1100, 1025)))
    assert done_at_once(large) is None
    with pytest.raises(AssertionError, match="it was decoded"):
        done_at_once(job(inputs, size=200))
