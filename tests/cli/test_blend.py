"""`gramarye blend`: a folder of frames, which goes on where it was stopped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from gramarye.cli import main
from gramarye.errors import InputError
from gramarye.pictures.picture import load_image, load_picture
from gramarye.recipe import Recipe
from tests.stopping import stop_after

pytestmark = pytest.mark.usefixtures("in_the_folder")

FAST = ["--size", "48", "--steps", "3", "--frame-steps", "2", "--frames", "3"]


@pytest.fixture
def run(tiny_weights: Path, photo: Path, painting: Path) -> Callable[..., int]:
    """`gramarye blend` with the tiny network; pictures and further options."""

    def run(*options: str) -> int:
        return main(["blend", *options, "--weights", str(tiny_weights), *FAST])

    return run


@pytest.fixture
def other(make_picture: Callable[..., Path]) -> Path:
    return make_picture("other.png", 40, 40, seed=5)


def test_from_a_photograph_to_a_painting(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("photo.png", "painting.png", "--gif") == 0
    out, err = capsys.readouterr()
    names = ["frame-001.png", "frame-002.png", "frame-003.png", "strip.jpg"]
    assert out.split() == [f"photo-painting-blend/{n}" for n in [*names, "blend.webp", "blend.gif"]]
    assert "3 of 3" in err
    first = load_picture("photo-painting-blend/frame-001.png").pixels
    assert torch.equal(first, load_picture("photo.png").pixels)
    recipe = Recipe.of_picture("photo-painting-blend/frame-003.png")
    assert recipe.settings.value("style_weights") == (0, 1)
    assert [recipe.inputs[name].name for name in ("style/0", "style/1", "init")] == [
        "photo.png", "painting.png", "frame-002.png",
    ]  # fmt: skip
    with Image.open("photo-painting-blend/blend.webp") as image:
        assert image.n_frames == 4 and image.size == (48, 36)  # type: ignore[attr-defined]


def test_between_styles_a_frame_can_be_made_again(
    run: Callable[..., int], other: Path, tiny_weights: Path
) -> None:
    assert run("photo.png", "painting.png", "other.png", "-q", "-o", "way") == 0
    redo = ["redo", "way/frame-002.png", "--weights", str(tiny_weights), "-q", "-o", "again.png"]
    assert main(redo) == 0
    made, again = (load_picture(name).pixels for name in ("way/frame-002.png", "again.png"))
    assert torch.equal(made, again)


def test_the_same_command_goes_on_where_it_was_stopped(
    run: Callable[..., int],
    other: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    ways = ("photo.png", "painting.png", "other.png", "-q")
    assert run(*ways, "-o", "whole") == 0
    with monkeypatch.context() as patch:
        stop_after(patch, 1, run_number=2)
        assert run(*ways, "-o", "part") == 130
    assert "the same command goes on from here" in capsys.readouterr().err
    assert Path("part/frame-002.png.checkpoint").exists()
    stamp = Path("part/frame-001.png").stat().st_mtime_ns
    assert run(*ways, "-o", "part") == 0
    assert Path("part/frame-001.png").stat().st_mtime_ns == stamp
    assert not Path("part/frame-002.png.checkpoint").exists()
    for number in (1, 2, 3):
        a, b = (load_picture(f"{way}/frame-00{number}.png").pixels for way in ("whole", "part"))
        assert torch.equal(a, b)


def test_pictures_of_others_are_left_as_they_are(
    run: Callable[..., int], photo: Path, other: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("way").mkdir()
    frame = Path("way/frame-001.png")
    frame.write_bytes(other.read_bytes())
    for styles in (["painting.png"], ["painting.png", "other.png"]):
        assert run("photo.png", *styles, "-q", "-o", "way") == 2
        assert "'way/frame-001.png' is there and is no picture of this blend" in (
            capsys.readouterr().err
        )
    assert frame.read_bytes() == other.read_bytes()
    frame.unlink()
    assert run("photo.png", "painting.png", "-q", "-o", "way") == 0
    before = Path("way/frame-002.png").read_bytes()
    assert run("photo.png", "painting.png", "-q", "-o", "way", "--seed", "3") == 2
    assert Path("way/frame-002.png").read_bytes() == before


def test_what_is_in_the_way_is_told_before_anything_is_painted(
    run: Callable[..., int], other: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ways = ("photo.png", "painting.png", "other.png", "-q", "-o", "way")
    for name in ("strip.jpg", "blend.webp", "frame-003.png"):
        there = Path("way", name)
        there.parent.mkdir(exist_ok=True)
        there.write_bytes(other.read_bytes())
        assert run(*ways) == 2
        assert f"'way/{name}' is there and is no picture of this blend" in capsys.readouterr().err
        assert list(Path("way").iterdir()) == [there]
        there.unlink()
    Path("way/strip.jpg").mkdir()
    assert run(*ways) == 2
    assert "'way/strip.jpg' is a folder" in capsys.readouterr().err


@pytest.mark.parametrize("wrong", [["missing.png"], ["painting.png", "--style-mask", "wide.png"]])
def test_what_is_wrong_is_told_before_the_photograph_is_written(
    run: Callable[..., int], make_picture: Callable[..., Path], wrong: list[str]
) -> None:
    make_picture("wide.png", 48, 16)
    assert run("photo.png", *wrong, "-q", "-o", "way") == 2
    assert not Path("way").exists()


def test_masks_and_regions_are_those_of_the_style_on_the_way_from_the_photograph(
    run: Callable[..., int], make_picture: Callable[..., Path]
) -> None:
    make_picture("mask.png", 36, 44)
    for name, size in (("of-photo.png", (48, 36)), ("of-style.png", (36, 44))):
        Image.new("RGB", size, "red").save(name)
    options = ["--style-mask", "mask.png", "--content-regions", "of-photo.png"]
    options += ["--style-regions", "of-style.png", "--frames", "2", "-q", "-o", "way"]
    assert run("photo.png", "painting.png", *options) == 0
    inputs = Recipe.of_picture("way/frame-003.png").inputs
    assert "style-mask/0" not in inputs and inputs["style-mask/1"].name == "mask.png"
    assert [inputs[f"style-regions/{number}"].name for number in (0, 1)] == [
        "of-photo.png", "of-style.png",
    ]  # fmt: skip


def test_a_folder_is_its_pictures_one_after_the_other(
    run: Callable[..., int], make_picture: Callable[..., Path]
) -> None:
    for seed, name in enumerate(("b.png", "a.png")):
        make_picture(f"art/{name}", 40, 40, seed=seed)
    assert run("photo.png", "art", "painting.png", "-q", "-o", "way") == 0
    recipe = Recipe.of_picture("way/frame-002.png")
    assert recipe.settings.value("style_weights") == (0, 1, 0)
    assert [recipe.inputs[f"style/{number}"].name for number in range(3)] == [
        "a.png", "b.png", "painting.png",
    ]  # fmt: skip


def test_the_folder_may_be_at_home(
    run: Callable[..., int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    for _ in range(2):
        assert run("photo.png", "painting.png", "-q", "-o", "~/way") == 0
    assert len(list(Path("home/way").iterdir())) == 5 and not Path("~").exists()


def test_what_is_transparent_is_white_in_the_strip(run: Callable[..., int], photo: Path) -> None:
    with Image.open(photo) as image:
        shown = image.convert("RGBA")
    shown.paste((0, 0, 0, 0), (0, 0, 24, 36))
    shown.save("photo.png")
    assert run("photo.png", "painting.png", "-q", "-o", "way") == 0
    assert load_image("way/strip.jpg")[0, :, 200, 100].min() > 0.95


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--frames", "1"], "--frames is 1: give a whole number from 2 to 1000"),
        (["--frames", "x"], "--frames is 'x': give a whole number"),
        (["--frame-steps", "0"], "--frame-steps is 0: give a number from 1"),
        (["--seconds", "nix"], "--seconds is 'nix': give a number"),
        (["--seconds", "601"], "--seconds is 601.0: give a number from 0.01 to 600"),
        (["--style-loss", "swd", "--style-mixing", "between"], "nothing lies between two styles"),
        (["--init", "noise"], "unknown option '--init'"),
    ],
)
def test_mistakes_are_told_in_one_sentence(
    tiny_weights: Path,
    photo: Path,
    painting: Path,
    options: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    blend = ["blend", "photo.png", "painting.png", "painting.png", "--weights", str(tiny_weights)]
    assert main([*blend, "--size", "48", "--steps", "2", "-q", *options]) == 2
    err = capsys.readouterr().err
    assert message in err and err.count("\n") == 1


def test_a_style_has_no_weight_of_its_own(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("photo.png", "painting.png:2", "painting.png") == 2
    assert "leave out what is behind the picture" in capsys.readouterr().err


def test_the_photograph_by_another_path_is_the_photograph(run: Callable[..., int]) -> None:
    whole = str(Path("photo.png").resolve())
    assert run("photo.png", whole, "painting.png", "-q", "-o", "way") == 0
    with pytest.raises(InputError):  # it is not painted, and has no recipe
        Recipe.of_picture("way/frame-001.png")
