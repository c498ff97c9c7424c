"""Clips from end to end: painted, scored, painted again, forecast."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gramarye.cli import main
from gramarye.video.reading import open_clip
from gramarye.video.recipe import ClipRecipe

pytestmark = pytest.mark.usefixtures("in_the_folder")

Told = Callable[..., None]
SCORE = ["score", "--video", "film.mkv", "painting.png"]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a clip of four frames, film.mkv, painting.png, and painted.mp4 made of both."""
    for name in ("av", "cv2"):
        pytest.importorskip(name, reason="the extra 'video' is not installed")
    folder = tmp_path_factory.mktemp("clips")
    y, x = np.mgrid[:32, :60]
    wide = np.stack([np.sin(x * f + y * 0.1) for f in (0.2, 0.3, 0.15)], -1) * 90 + 127
    av = __import__("av")
    with av.open(str(folder / "film.mkv"), "w") as output:
        stream = output.add_stream("libx264", rate=10, options={"crf": "8"})
        stream.height, stream.width, stream.pix_fmt = 32, 48, "yuv420p"
        for number in range(4):
            pixels = np.ascontiguousarray(wide[:, number : number + 48]).astype(np.uint8)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        output.mux(stream.encode(None))
    noise = np.random.default_rng(0).integers(0, 255, (12, 12, 3), np.uint8)
    Image.fromarray(noise).resize((48, 48)).save(folder / "painting.png")
    names = [str(folder / name) for name in ("film.mkv", "painting.png", "painted.mp4")]
    assert main(["video", *names[:2], "-q", "-o", names[2]]) == 0
    return folder


@pytest.fixture
def film(kept: Path) -> Path:
    for name in ("film.mkv", "painting.png"):
        shutil.copy(kept / name, name)
    return Path("film.mkv")


@pytest.fixture
def painted(film: Path, kept: Path) -> Path:
    shutil.copy(kept / "painted.mp4", "painted.mp4")
    return Path("painted.mp4")


def frames(path: str) -> list[Any]:
    return [frame.pixels for frame in open_clip(Path(path)).frames()]


def test_redo_paints_a_clip_again(painted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["redo", "painted.mp4", "-q"]) == 0
    assert capsys.readouterr().out.endswith("painted-redo.mp4\n")
    assert ClipRecipe.of_clip("painted-redo.mp4") == ClipRecipe.of_clip("painted.mp4")
    for one, other in zip(frames("painted.mp4"), frames("painted-redo.mp4"), strict=True):
        assert (one == other).all()
    assert main(["redo", "painted.mp4", "-q"]) == 0
    assert Path("painted-redo-2.mp4").is_file()  # nothing is replaced


def test_redo_takes_settings_and_what_is_painted(painted: Path) -> None:
    options = ["--size", "36", "--strength", "0.3", "--steady", "0", "--fps", "5", "--compare"]
    assert main(["redo", "painted.mp4", "-q", *options, "-o", "other.webp"]) == 0
    found = frames("other.webp")
    assert len(found) == 2 and found[0].shape == (24, 72, 3)
    recipe = ClipRecipe.of_clip("other.webp")
    assert (recipe.settings["strength"], recipe.video["steady"]) == (0.3, 0)
    assert recipe.of_video.quality == 80 and recipe.of_video.compare
    # Of an animation, which says what it is, too; a switch can be turned off.
    assert main(["redo", "other.webp", "-q", "--no-compare", "--quality", "70"]) == 0
    assert frames("other-redo.webp")[0].shape == (24, 36, 3)
    assert ClipRecipe.of_clip("other-redo.webp").of_video.quality == 70


def test_recipe_shows_what_made_a_clip(painted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipe", "painted.mp4"]) == 0
    text = capsys.readouterr().out
    assert "clip      film.mkv" in text and "style/0   painting.png" in text
    assert main(["recipe", "painted.mp4", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["clip"]["name"] == "film.mkv"


def test_files_of_a_clip_are_known_by_their_sha256(
    painted: Path, told: Told, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy("film.mkv", "kept.mkv")
    shutil.copy("painting.png", "kept.png")
    Image.new("RGB", (40, 40), "red").save("painting.png")
    told(lambda: main(["redo", "painted.mp4", "-q"]), "has changed since")
    Path("film.mkv").unlink()
    told(lambda: main(["redo", "painted.mp4", "-q"]), "neither beside the clip")
    files = ["--content", "kept.mkv", "--style", "kept.png"]
    assert main(["redo", "painted.mp4", "-q", *files, "-o", "same.mp4"]) == 0
    assert "differ" not in capsys.readouterr().err
    assert (frames("same.mp4")[0] == frames("painted.mp4")[0]).all()
    files = ["--content", "painted.mp4", "--style", "painting.png"]
    assert main(["redo", "painted.mp4", "-q", *files, "-o", "else.mp4"]) == 0
    assert capsys.readouterr().err.count("the result will differ") == 2


def test_a_recipe_names_no_folder_and_opens_none(painted: Path, tmp_path: Path) -> None:
    network = tmp_path / "far" / "own.safetensors"
    network.parent.mkdir()
    shipped = Path(__import__("gramarye").__file__).parent / "feedforward" / "instant.safetensors"
    shutil.copy(shipped, network)
    made = ["video", "film.mkv", "painting.png", "--painter", str(network), "-q", "-o", "own.mp4"]
    assert main(made) == 0
    recipe = ClipRecipe.of_clip("own.mp4")
    assert recipe.settings["painter"] == "own.safetensors" and recipe.painter_sha256 is not None
    shutil.copy(network, "own.safetensors")
    assert main(["redo", "own.mp4", "-q", "-o", "again.mp4"]) == 0
    assert (frames("again.mp4")[3] == frames("own.mp4")[3]).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["redo", "film.mkv"], "holds no recipe"),
        (["recipe", "film.mkv"], "holds no recipe"),
        (["redo", "gone.mp4"], "there is no clip"),
        (["redo", "painted.mp4", "--preview", "a.png"], "--preview is of pictures"),
        (["redo", "painted.mp4", "--content-mask", "painting.png"], "--content-mask is of pict"),
        (["redo", "painted.mp4", "--style", "painting.png", "painting.png"], "2 styles given"),
        (["redo", "painted.mp4", "-o", "painted.mp4"], "one of the inputs"),
        (["redo", "painted.mp4", "--steady", "3"], "--steady is 3"),
        (["redo", "painting.png", "--fps", "3"], "--fps is of clips"),
        (["score", "film.mkv", "painting.png", "painted.mp4"], "add --video"),
        (["score", "painting.png", "painting.png", "painting.png", "--frames", "2"], "add --video"),
        (
            ["score", "--video", "film.mkv", "painting.png", "painted.mp4", "--frames", "x"],
            "--frames",
        ),
        (
            ["score", "--video", "film.mkv", "painting.png", "painted.mp4", "--plot", "a.jpg"],
            "plot",
        ),
        (["score", "--video", "film.mkv", "painting.png", "gone.mp4"], "there is no clip"),
        (["score", "--video", "film.mkv", "painting.png", "painted.mp4", "--flow", "."], ".flo"),
        (["forecast", "film.mkv", "--of", "video"], "no style"),
        (["forecast", "film.mkv", "painting.png", "--of", "video", "--steps", "9"], "--steps"),
        (["forecast", "film.mkv", "painting.png", "--of", "video", "--start", "9"], "no frame"),
        (["forecast", "painting.png", "painting.png", "--fps", "9"], "--of video"),
    ],
)
def test_mistakes_are_told_in_a_sentence(
    painted: Path, told: Told, arguments: list[str], message: str
) -> None:
    told(lambda: main(arguments), message)


def test_a_score_has_both_figures_and_a_plot(
    painted: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib", reason="the extra 'plots' is not installed")
    assert main(["video", "film.mkv", "painting.png", "--steady", "0", "-q", "-o", "one.mp4"]) == 0
    capsys.readouterr()
    command = ["score", "--video", "film.mkv", "painting.png", "painted.mp4"]
    command += ["--judge", str(tiny_weights), "--one-by-one", "one.mp4"]
    assert main([*command, "--json", "--plot", "a.png"]) == 0
    said = capsys.readouterr()
    first, second = json.loads(said.out)["clips"]
    assert [first["result"], second["result"]] == ["one.mp4", "painted.mp4"]
    assert first["frames"] == 4 and first["steadiness"]["times_one_by_one"] == 1
    steady = second["steadiness"]
    assert steady["times_one_by_one"] == steady["short"] / first["steadiness"]["short"]
    assert steady["times_film"] == steady["short"] / steady["film_short"]
    assert second["judged"][0]["levels"]["color"] > 0 and second["judged"][0]["content"] > 0
    with Image.open("a.png") as plot:
        assert plot.width > 900 and len(np.unique(np.array(plot.convert("L")))) > 20
    assert main(command) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "painted.mp4" in text and "content" in text
    assert "one.mp4 4" in text


def test_a_forecast_of_a_clip(film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["forecast", "film.mkv", "painting.png", "--of", "video", "--end", "0.3"]
    assert main([*command, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["frames"], found["width"], found["height"]) == (3, 48, 32)
    assert found["seconds"] > found["frame_seconds"] > 0 and found["memory_mib"] > 100
    assert main(command) == 0
    assert capsys.readouterr().out.startswith("forecast: 48 x 32, 3 frames of ")
    assert sorted(path.name for path in Path().iterdir()) == ["film.mkv", "painting.png"]
