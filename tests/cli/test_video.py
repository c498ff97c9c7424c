"""`gramarye video`, from a clip to a clip."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import gramarye
from gramarye.cli import main
from gramarye.johnson.files import packed_johnson
from gramarye.johnson.network import Johnson
from gramarye.johnson.settings import JohnsonConfig

pytestmark = pytest.mark.usefixtures("in_the_folder", "painting")


@pytest.fixture
def frames() -> Path:
    """A folder of frames: a picture that goes to the left."""
    y, x = np.mgrid[:32, :60]
    wide = np.stack([np.sin(x * f + y * 0.1) for f in (0.2, 0.3, 0.15)], -1) * 90 + 127
    folder = Path("film")
    folder.mkdir()
    for number in range(4):
        pixels = wide[:, number : number + 48].astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03}.png")
    return folder


def video(*arguments: str) -> int:
    return main(["video", *arguments])


def test_a_folder_becomes_a_folder_without_the_extra(
    frames: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    monkeypatch.setattr("gramarye.video.run.has_flow", lambda: False)
    assert video("film", "painting.png", "-q") == 0
    out, err = capsys.readouterr()
    assert out == "film-painting-video\n" and "pip install 'gramarye[video]'" in err
    made = sorted(Path("film-painting-video").iterdir())
    assert [f.name for f in made] == [f"{i:05}.png" for i in (1, 2, 3, 4)]
    painted, film = (gramarye.load_image(f) for f in (made[0], frames / "000.png"))
    assert painted.shape == film.shape and float((painted - film).abs().mean()) > 0.02
    assert not list(Path().glob("*.parts"))


def test_without_the_extra_a_clip_is_answered_with_what_to_do(
    frames: Path, monkeypatch: pytest.MonkeyPatch, told: Callable[..., None]
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    told(lambda: video("film", "painting.png", "-o", "a.mp4"), "pip install 'gramarye[video]'")


def test_a_clip_with_its_strip_and_its_report(
    frames: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("av", "cv2"):
        pytest.importorskip(name, reason="the extra 'video' is not installed")
    assert video("film", "painting.png", "-o", "a.mp4", "--strip", "s.png", "--json") == 0
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert report["output"] == "a.mp4" and report["strip"] == "s.png"
    assert (report["frames"], report["shots"], report["stopped"]) == (4, 1, False)
    assert "frame 1 of 4" in err and "4 frames" in err
    assert gramarye.load_image("s.png").shape[-1] == 1280
    assert video("a.mp4", "painting.png:2", "painting.png", "-q", "--trial") == 0
    assert Path("a-painting-painting-video.mp4").is_file()
    assert video("a.mp4", "painting.png:2", "painting.png", "-q", "--trial") == 0
    assert Path("a-painting-painting-video-2.mp4").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gone.mp4", "painting.png"], "there is no clip 'gone.mp4'"),
        (["painting.png.mp4", "painting.png"], "there is no clip"),
        (["film", "painting.png", "-o", "a.avi"], "no name of a clip"),
        (["film", "painting.png", "--steady", "2"], "--steady is 2.0"),
        (["film", "painting.png", "--start", "-1"], "--start is -1.0"),
        (["film", "painting.png", "--start", "3", "--end", "2"], "--end is 2"),
        (["film", "painting.png", "--fps", "often"], "--fps is 'often'"),
        (["film", "painting.png", "--quality", "0"], "--quality is 0"),
        (["film", "painting.png", "--size", "4"], "--size is 4"),
        (["film", "painting.png", "--color-map", "histogram"], "would flicker"),
        (["film", "gone.png"], "gone.png"),
        (["film", "painting.png", "-o", "film"], "would be written into 'film'"),
        (["film", "painting.png", "--strip", "painting.png"], "one of the inputs"),
        (["film", "painting.png", "--start", "9"], "no frame"),
        (["film"], "there is no style"),
        (["film", "net.safetensors", "painting.png"], "is a network, and not named last"),
    ],
)
def test_mistakes_are_told_in_a_sentence(
    frames: Path, told: Callable[..., None], arguments: list[str], message: str
) -> None:
    told(lambda: video(*arguments), message)


def test_what_is_protected_stays_and_is_in_the_recipe(
    frames: Path, capsys: pytest.CaptureFixture[str], told: Callable[..., None]
) -> None:
    pytest.importorskip("av", reason="PyAV is not installed (the extra 'video')")
    mask = np.zeros((32, 48, 3), np.uint8)
    mask[:, :24] = 255
    Image.fromarray(mask).save("mask.png")
    order = ["film", "painting.png", "-q", "--steady", "0", "--protect", "mask.png"]
    assert video(*order, "-o", "out") == 0
    painted, film = (gramarye.load_image(f) for f in ("out/00001.png", frames / "000.png"))
    assert float((painted - film)[..., :24].abs().max()) < 1e-6
    assert float((painted - film)[..., 24:].abs().mean()) > 0.02
    assert video(*order, "-o", "out.mp4") == 0
    capsys.readouterr()
    assert main(["recipe", "out.mp4"]) == 0
    assert "protect   mask.png" in capsys.readouterr().out
    assert main(["redo", "out.mp4", "-q"]) == 0
    assert Path("out-redo.mp4").read_bytes() == Path("out.mp4").read_bytes()
    told(lambda: video(*order, "-o", "mask.png/%05d.png"), "mask.png")


def test_a_style_too_small_for_the_painter_is_told_without_layers_to_choose(
    frames: Path, told: Callable[..., None]
) -> None:
    Image.new("RGB", (5, 5), "red").save("tiny.png")
    told(
        lambda: video("film", "tiny.png"),
        "of both sides for the layers it looks at: choose a larger picture\n",
    )


@pytest.fixture
def johnson() -> Path:
    """A network that has its style in itself."""
    torch.manual_seed(3)
    network = Johnson(JohnsonConfig(channels=(3, 4, 5), blocks=1, border="everywhere"), 1)
    path = Path("johnson.safetensors")
    path.write_bytes(packed_johnson(network, ("wave.jpg",), 7))
    return path


def test_a_network_with_its_style_paints_a_clip(
    frames: Path, johnson: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert video("film", "johnson.safetensors", "-q", "--steady", "0") == 0
    made = Path(capsys.readouterr().out.strip())
    assert made == Path("film-johnson-video")
    first = gramarye.load_image(made / "00001.png")
    alone = gramarye.instant("film/000.png", painter=str(johnson)).pixels
    assert float((first - alone).abs().max()) < 2 / 255
    shown = list(gramarye.stylize_video("film", painter=str(johnson), steady=0))
    assert len(shown) == 4
    assert float((shown[0].image - alone).abs().max()) < 1e-4


def test_a_film_of_few_pixels_is_told_as_such(told: Callable[..., None]) -> None:
    Path("few").mkdir()
    Image.new("RGB", (8, 6)).save("few/1.png")
    told(lambda: video("few", "painting.png"), "the content has 8 x 6 pixels, too few")


def test_what_cannot_be_with_such_a_network_is_told(
    frames: Path, johnson: Path, told: Callable[..., None]
) -> None:
    told(lambda: video("film", "painting.png", "johnson.safetensors"), "has its style in itself")
    told(lambda: video("film", "johnson.safetensors", "--painter", "instant"), "--painter names")
    told(lambda: video("film"), "there is no style")
    told(
        lambda: video("film", "johnson.safetensors", "--way", "optimize"),
        "painter is not for clips that are optimized",
    )
