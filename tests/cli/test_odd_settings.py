"""Settings at and beyond their ends: a picture or one sentence, and `forecast` says the same."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from gramarye.cli import main

FAST = ["--size", "64", "--steps", "2", "--finer-steps", "1"]
QUICK = ["-q", "--checkpoint-every", "0"]

RUNS = [
    "", "--style-weight 0", "--content-weight 0", "--style-weight 0 --tv-weight 1",
    "--clip 1e6", "--clip 0", "--device cpu:0", "--scale-factor 1.05 --min-size 16",
    "--scale-factor 65536", "--learning-rate 1e-300", "--learning-rate 1e6",
    "--learning-rate 1e6 --optimizer gradient-descent", "--learning-rate 1e6 --optimizer adam",
    "--learning-rate 1e6 --step-limit 1e6", "--step-limit 1e-300", "--first-step 1e6",
    "--history 1000", "--seed 9223372036854775807 --init noise", "--style-scale 1e-300",
    "--style-weight 1e15", "--content-weight 1e15", "--tv-weight 1e15", "--style-layers ,",
    "--style-layers relu1_1=1e15 --style-weight 1e15", "--style-layers relu1_1=1e-300",
    "--strength 1", "--step-decay 1e-300", "--average 0.999999999999 --optimizer adam",
    "--stop-change 1e300", "--no-coarse-to-fine", "--pooling l2", "--memory 1EiB",
    "--balance absolute --content-loss sum", "--size 16 --style-layers relu1_1 --content-weight 0",
]  # fmt: skip
REFUSED = [
    ("--style-weight 0 --content-weight 0", "nothing pulls at the picture"),
    ("--style-layers relu1_1=0 --content-layers relu4_2=0", "nothing pulls at the picture"),
    ("--clip 1e300", "--clip is 1e+300: give a number from 0 to 1e+06\n"),
    ("--clip nan", "--clip is nan: give a finite number from 0 to 1e+06\n"),
    ("--device cpu:", "--device is 'cpu:': give auto, cpu, cuda, mps or xpu, or cuda:1"),
    ("--device cpu:1", "there are cpu:0 to cpu:0"),
    ("--device cpu:99999999999999999999", "there are cpu:0 to cpu:0"),
    ("--scale-factor 1.0000001", "--scale-factor is"),
    ("--learning-rate 1e300", "--learning-rate is"),
    ("--learning-rate 0", "--learning-rate is"),
    ("--step-limit 1e300", "--step-limit is"),
    ("--first-step 1e300", "--first-step is"),
    ("--size 16 --style-layers relu4_1", "content ('{photo}') is worked on at 16 x 12 pixels"),
    ("--size 99999999999999999999999999", "--size is"),
    ("--steps 99999999999", "--steps is"),
    ("--history 1001", "--history is"),
    ("--seed -1", "--seed is"),
    ("--seed 9223372036854775808", "--seed is"),
    ("--memory 1", "--memory is '1': give an amount with its unit, such as 4GiB"),
    ("--memory 1B", "of memory and the budget is"),
    ("--memory 999999999999999999999999999GiB", "--memory is"),
    ("--style-scale 0", "--style-scale is"),
    ("--style-weight 1e300", "--style-weight is"),
    ("--tv-weight inf", "--tv-weight is"),
    ("--style-layers relu1_1=1e300", "--style-layers has"),
    ("--style-layers relu9_9", "unknown layer 'relu9_9'"),
    ("--style-weights 1,2", "--style-weights has 2 numbers, and there is 1 style: give one number"),
    ("--style-crop 0.5,0,0.5,1", "left less than right and top less than bottom"),
    ("--style-crop 0,1", "four numbers"),
    ("--style-crop 0,0,2,1", "--style-crop has"),
    ("--style-turn 1000", "--style-turn is"),
    ("--style-roles all,forms", "--style-roles has 2 roles, and there is 1 style: give one role"),
    ("--style-roles forms", "no style that counts gives strokes, which relu1_1 looks at: let one"),
    ("--style-roles lines", "--style-roles"),
    ("--style-roles strokes --style-loss remd", "cannot be told apart by remd"),
    ("--form-scale 5", "--form-scale is"),
    ("--form-scale 2 --style-loss remd", "forms cannot be told from strokes by remd"),
    ("--form-scale 2 --style-layers relu1_1=1", "form_scale is for style layers that look at a"),
    ("--style-weights 1e300", "--style-weights has"),
    ("--init nowhere.png", "'nowhere.png'"),
    ("--content-mask nowhere.png", "'nowhere.png'"),
    ("--network vgg19", "is not made for vgg19"),
]


@pytest.fixture
def command(photo: Path, painting: Path, tiny_weights: Path, tmp_path: Path) -> Callable[..., int]:
    """A function that runs a command on the two pictures with further options."""

    def call(name: str, options: str) -> int:
        out = ["-o", str(tmp_path / "out.png"), *QUICK] if name == "stylize" else ["--json"]
        weights = ["--weights", str(tiny_weights)]
        pictures = [str(photo), str(painting)]
        return main([name, *pictures, *FAST, *weights, *out, *options.split()])

    return call


@pytest.mark.parametrize("options", RUNS)
def test_what_is_allowed_makes_a_picture_and_has_a_forecast(
    options: str, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("stylize", options) == 0
    capsys.readouterr()
    assert command("forecast", options) == 0
    assert json.loads(capsys.readouterr().out)["seconds"] >= 0


@pytest.mark.parametrize(("options", "told"), REFUSED)
def test_what_is_refused_is_refused_by_both_in_one_sentence(
    options: str,
    told: str,
    command: Callable[..., int],
    photo: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    errors = []
    for name in ("stylize", "forecast"):
        assert command(name, options) == 2
        errors.append(capsys.readouterr().err)
    assert errors[0] == errors[1] and errors[0].count("\n") == 1
    assert told.format(photo=photo) in errors[0]
    assert not (tmp_path / "out.png").exists()


def test_a_style_too_small_for_a_layer_is_named(
    command: Callable[..., int],
    painting: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    Image.open(painting).resize((6, 7)).save(painting)
    for name in ("stylize", "forecast"):
        assert command(name, "") == 2
        assert f"style/0 ('{painting}') is worked on at 6 x 7 pixels" in capsys.readouterr().err
    assert command("stylize", "--style-layers relu2_1") == 0


def test_weights_written_behind_a_style_count_for_the_forecast_too(
    photo: Path, painting: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    errors = []
    for name in ("stylize", "forecast"):
        assert main([name, str(photo), f"{painting}:0"]) == 2
        errors.append(capsys.readouterr().err)
    assert errors[0] == errors[1]
    assert f"give a weight above 0 behind the name, as in '{painting}:2'" in errors[0]
    for weight in ("-1", "2,5", "much", "1" * 20):
        assert main(["stylize", str(photo), f"{painting}:{weight}"]) == 2
        assert f"'{weight}' behind the picture '{painting}' is no weight" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--style-layers , --color free", "the picture is the content as it was"),
        ("--style-weight 1e-9", "the content in the style's colors, and no more"),
        ("--learning-rate 1e-9 --first-step 0 --color content", "the content as it was"),
        ("", ""),
    ],
)
def test_a_picture_that_is_only_the_content_is_mentioned(
    options: str, told: str, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("stylize", options) == 0
    error = capsys.readouterr().err
    assert told in error and (told or "the picture is the content" not in error)


def test_a_style_that_is_the_content_is_mentioned(
    photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out.png")
    # In its own size: enlarged, it would be smoother than itself as the style.
    size = ["--size", "48"]
    assert main(["stylize", str(photo), str(photo), *FAST, *QUICK, *size, "-o", out]) == 0
    assert "note: the picture is the content as it was" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("scale", "told"), [("0.001", "is worked on at 32: which is the least"), ("8", "not enlarged")]
)
def test_a_style_scale_beyond_the_style_is_noted(
    scale: str, told: str, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("stylize", f"--style-scale {scale}") == 0
    assert told in capsys.readouterr().err
    assert command("stylize", "--style-scale 0.6") == 0
    assert "worked on at" not in capsys.readouterr().err


def test_a_long_and_narrow_picture_is_told_what_helps(
    command: Callable[..., int], photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.open(photo).resize((2000, 2)).save(photo)
    assert command("stylize", "") == 2
    found = re.search(
        r"needs at least (\d+) .* choose a --size of at least (\d+)", capsys.readouterr().err
    )
    assert found is not None and int(found[2]) == 1000 * int(found[1])
    Image.open(photo).resize((20000, 2)).save(photo)
    assert command("stylize", "") == 2
    assert "cut it less long and narrow" in capsys.readouterr().err


def test_a_budget_says_what_the_pictures_take_of_it(
    command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command("stylize", "--memory 1MiB --size 512") == 2
    told = capsys.readouterr().err
    assert "and the budget is 1 MiB, of which the pictures take " in told


def test_a_first_image_of_another_shape_is_noted(
    command: Callable[..., int],
    photo: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = tmp_path / "first.png"
    for size, noted in ((20, 90), True), ((96, 72), False):
        Image.open(photo).resize(size).save(first)
        assert command("stylize", f"--init {first}") == 0
        told = capsys.readouterr().err
        assert ("the first image is 20 x 90 pixels and the content " in told) == noted


@pytest.mark.parametrize(
    ("mix", "message"),
    [
        ("swp", "did you mean 'swd'"),
        ("gram=1,swd=many", "LOSS=WEIGHT"),
        ("gram=1,swd=1@relu9_1", "relu9_1"),
    ],
)
def test_what_is_wrong_with_a_mix_of_style_losses_is_a_sentence(
    mix: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stylize", "a.png", "b.png", "--style-loss", mix]) == 2
    error = capsys.readouterr().err
    assert message in error and error.count("\n") == 1 and "Traceback" not in error
