"""`gramarye train`, from pictures to a network, and `gramarye instant` with what it made."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import gramarye
from gramarye.cli import main, train
from gramarye.feedforward.files import load_painter
from gramarye.johnson.files import packed_johnson, read_johnson
from gramarye.johnson.network import Johnson
from gramarye.johnson.settings import JohnsonConfig
from gramarye.recipe import Recipe
from gramarye.training import strips

pytestmark = pytest.mark.usefixtures("in_the_folder", "photo", "painting")

Told = Callable[[Callable[[], int], str], None]


@pytest.fixture
def options(
    make_picture: Callable[..., Path], tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> list[str]:
    """What `gramarye train` needs for a Johnson network of a few channels, besides --steps."""
    monkeypatch.setattr(strips, "SHEET", 150)
    for seed in range(4):
        make_picture(f"photos/{seed}.png", 40, 32, seed=seed)
    return [
        "train", "painting.png", "-o", "own.safetensors", "--images", "photos", "--paper",
        "--network", "vgg19-lite", "--weights", str(tiny_weights), "--channels", "3,4,4",
        "--blocks", "1", "--size", "16", "--batch", "2",
    ]  # fmt: skip


@pytest.fixture
def network() -> Path:
    """A Johnson network of two styles that differ."""
    torch.manual_seed(5)
    made = Johnson(JohnsonConfig(channels=(4, 4, 4), blocks=1), 2)
    for parameter in made.norms.parameters():
        torch.nn.init.normal_(parameter)
    path = Path("two.safetensors")
    path.write_bytes(packed_johnson(made, ("a.png", "b.png"), 1))
    return path


def test_the_command_trains_and_the_network_paints(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*options, "--steps", "4", "--hub", "hub"]) == 0
    out, err = capsys.readouterr()
    assert out == "own.safetensors\n"
    assert "to go here" in err and "step 0  held out: content" in err
    assert "4 photographs are few" in err and "all 4 steps are made" in err
    assert Path("hub/README.md").exists() and Path("own-strip.png").exists()
    assert main(["instant", "-q", "photo.png", "own.safetensors"]) == 0
    made = capsys.readouterr().out.strip()
    assert made == "photo-own-instant.png"
    assert gramarye.load_image(made).shape == (1, 3, 36, 48)
    assert main(["instant", "-q", "photo.png", "--painter", "own.safetensors", "-o", "b.png"]) == 0
    assert torch.equal(gramarye.load_image(made), gramarye.load_image("b.png"))
    assert main(["instant", "-q", "photo.png", "hub/model.safetensors", "-o", "c.png"]) == 0
    assert torch.equal(gramarye.load_image(made), gramarye.load_image("c.png"))


def test_ctrl_c_writes_the_network_and_the_same_command_goes_on(
    options: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = train.shown

    def interrupt(*arguments: Any, **named: Any) -> Iterator[Any]:
        for record in shown(*arguments, **named):
            if record.step == 2:
                os.kill(os.getpid(), signal.SIGINT)
            yield record

    with monkeypatch.context() as patch:
        patch.setattr(train, "shown", interrupt)
        assert main([*options, "--steps", "5"]) == 130
    err = capsys.readouterr().err
    assert "stopped after step 2: the network so far is 'own.safetensors'" in err
    about = read_johnson(Path("own.safetensors"))
    assert about is not None and about.steps == 2
    assert main([*options, "--steps", "5"]) == 0
    assert "going on after step 2" in capsys.readouterr().err
    about = read_johnson(Path("own.safetensors"))
    assert about is not None and about.steps == 5
    assert not Path("own.safetensors.checkpoint").exists()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--minute"], "--minute and --paper are two ways to train"),
        (["--small"], "--small and --paper are two ways to train"),
        (["--start", "painting.png"], "--paper begins with nothing"),
        (["--stability", "-1"], "--stability is -1"),
        (["--kernel", "4"], "--kernel is 4"),
        (["--steps", "0"], "--steps is 0"),
        (["--steps", "many"], "--steps is 'many'"),
        (["--size", "8"], "--size is 8"),
        (["--seconds", "nan"], "--seconds is nan"),
        (["--channels", "3,4"], "--channels"),
        (["--norm", "layer"], "--norm is 'layer'"),
        (["--network", "vgg20"], "vgg20"),
        (["--style-layers", "relu9_1"], "relu9_1"),
        (["--images", "nowhere"], "there is no folder or ZIP 'nowhere'"),
        (["--images", "painting.png"], "neither a folder nor a ZIP"),
        (["-o", "own.pth"], "does not end in .safetensors"),
        (["-o", "photos"], "does not end in .safetensors"),
        (["--hub", "photo.png"], "'photo.png' is a file, and --hub names a folder"),
        (["--checkpoint-every", "-1"], "--checkpoint-every is '-1'"),
    ],
)
def test_mistakes_are_told_in_one_sentence(
    options: list[str], told: Told, more: list[str], message: str
) -> None:
    told(lambda: main([*options, *more]), message)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--norm", "batch"], "--norm belongs to Johnson's network, which --paper, --small and"),
        (["--size", "64"], "--size is 64: give at least 128"),
        (["--start", "photo.png"], "cannot be read as weights"),
        (["--start", "nowhere"], "there is no weights file 'nowhere'"),
    ],
)
def test_mistakes_of_the_warm_start(told: Told, more: list[str], message: str) -> None:
    told(lambda: main(["train", "painting.png", "-o", "own.safetensors", *more]), message)


def test_a_small_style_is_refused_by_the_painter(told: Told) -> None:
    told(
        lambda: main(["train", "painting.png", "-o", "own.safetensors", "--minute"]),
        "'painting.png' is seen at 36 x 44 pixels, and the painter needs at least",
    )


def paint(*arguments: str) -> torch.Tensor:
    assert main(["instant", "-q", "photo.png", *arguments, "-o", "made.png"]) == 0
    return gramarye.load_image("made.png")


def test_which_style_of_a_network_is_weighed(network: Path) -> None:
    first = paint("two.safetensors")
    assert torch.equal(first, paint("two.safetensors", "--style-weights", "1,0"))
    second = paint("two.safetensors", "--style-weights", "0,3")
    assert float((first - second).abs().mean()) > 0.02
    assert torch.equal(second, gramarye.instant("photo.png", painter="two.safetensors",
        style_weights=(0, 1)).pixels.mul(255).round().div(255))  # fmt: skip


def test_strength_and_masks_show_as_much_of_the_painting(network: Path) -> None:
    from PIL import Image

    photo, full = gramarye.load_image("photo.png"), paint("two.safetensors")
    half = paint("two.safetensors", "--strength", "0.25")
    assert float((half - (photo + full) / 2).abs().max()) < 2.1 / 255
    mask = Image.new("L", (48, 36), 0)
    mask.paste(255, (24, 0, 48, 36))
    mask.save("mask.png")
    masked = paint("two.safetensors", "--content-mask", "mask.png")
    assert torch.equal(masked[..., :24], photo[..., :24])
    assert torch.equal(masked[..., 24:], full[..., 24:])
    kept = paint("two.safetensors", "--protect", "mask.png")
    assert torch.equal(kept[..., 24:], photo[..., 24:])


def test_a_network_paints_any_size_and_folders(network: Path) -> None:
    assert paint("two.safetensors", "--size", "101").shape == (1, 3, 76, 101)
    pictures = ["photo.png", "painting.png", "two.safetensors"]
    assert main(["instant", "-q", *pictures, "-o", "out", "--processes", "1"]) == 0
    assert {p.name for p in Path("out").iterdir()} == {
        "photo-two-instant.png",
        "painting-two-instant.png",
    }


def test_redo_paints_with_the_same_network_and_no_other(
    network: Path, capsys: pytest.CaptureFixture[str], tiny_weights: Path
) -> None:
    assert main(["instant", "-q", "photo.png", "two.safetensors", "-o", "a.png"]) == 0
    recipe = Recipe.of_picture("a.png")
    assert recipe.settings.painter.by == "two.safetensors" and recipe.painter_sha256
    assert main(["redo", "a.png", "-q", "-o", "b.png"]) == 0
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()
    other = Johnson(JohnsonConfig(channels=(4, 4, 4), blocks=1), 2)
    network.write_bytes(packed_johnson(other, ("a.png", "b.png"), 2))
    assert main(["redo", "a.png", "-q", "-o", "c.png"]) == 2
    assert "is not the network that painted the picture" in capsys.readouterr().err
    assert main(["redo", "a.png", "-q", "-o", "c.png", "--painter", "two.safetensors"]) == 0
    assert Path("c.png").read_bytes() != Path("a.png").read_bytes()
    network.unlink()
    assert main(["redo", "a.png", "-q", "-o", "d.png"]) == 2
    assert "painter 'two.safetensors' was not found: say where it is" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["two.safetensors"], "has its style in itself: name photographs, and no style"),
        (["photo.png", "two.safetensors", "--with", "painting.png"], "name photographs, and no"),
        (["photo.png", "two.safetensors", "--painter", "two.safetensors"], "one paints a picture"),
        (["photo.png", "two.safetensors", "--style-weights", "1,2,3"], "3 weights given"),
        (["photo.png", "two.safetensors", "--color", "style"], "there is no style to take colors"),
        (["photo.png", "nowhere.safetensors"], "there is no weights file 'nowhere.safetensors'"),
    ],
)
def test_mistakes_with_networks(
    network: Path, told: Told, arguments: list[str], message: str
) -> None:
    told(lambda: main(["instant", "-q", *arguments]), message)


def test_a_painter_that_was_trained_on_is_shown_its_style(
    told: Told, tiny_network: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    from gramarye.feedforward.files import packed

    network = gramarye.load_network("vgg19-lite")
    Path("own.safetensors").write_bytes(packed(load_painter("instant", network), 9, ["wave.jpg"]))
    told(lambda: main(["instant", "-q", "photo.png", "own.safetensors"]), "and it takes two")
    one = paint("painting.png", "own.safetensors")
    assert torch.equal(one, paint("painting.png", "--painter", "own.safetensors"))
    assert float((one - paint("painting.png")).abs().max()) < 2.1 / 255


def test_help_needs_no_torch(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "--help"]) == 0
    told = capsys.readouterr().out
    assert "--minute" in told and "--paper" in told and "--upsampling" in told
