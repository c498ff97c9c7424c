"""`gramarye stylize`, from files to files."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image

from gramarye.cli import main
from gramarye.cli import running as cli_running
from gramarye.cli.output import new_name
from gramarye.cli.styles import weighted_styles
from gramarye.errors import OptimizationError, OutputError
from gramarye.jobs import intermediates, running
from gramarye.optimize import Iterate
from gramarye.pictures.picture import Picture, load_picture, read_recipe, save_picture
from gramarye.recipe import Recipe

pytestmark = pytest.mark.usefixtures("in_the_folder")

FAST = ["--size", "48", "--steps", "3"]


@pytest.fixture
def run(tiny_weights: Path, photo: Path, painting: Path) -> Callable[..., int]:
    """`gramarye stylize photo.png painting.png` with the tiny network and further options."""

    def run(*options: str) -> int:
        pictures = ["photo.png", "painting.png"]
        return main(["stylize", *pictures, "--weights", str(tiny_weights), *FAST, *options])

    return run


def test_the_result_is_named_after_both_and_lies_in_the_current_folder(
    run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run() == 0
    out, err = capsys.readouterr()
    assert out == "photo-painting.png\n"
    assert "style/relu4_1" in err and "48 x 36 pixels, 3 steps" in err
    picture = load_picture(tmp_path / "photo-painting.png")
    assert (picture.width, picture.height) == (48, 36)


def test_a_result_without_a_name_of_its_own_never_replaces_another(
    run: Callable[..., int], tmp_path: Path
) -> None:
    assert run("-q") == run("-q") == 0
    assert (tmp_path / "photo-painting.png").exists()
    assert (tmp_path / "photo-painting-2.png").exists()


def test_the_name_of_many_styles_stays_short() -> None:
    name = new_name(Path("a/photo.jpg"), [Path(f"b/日本の絵画{i}.jpg") for i in range(60)])
    assert len(os.fsencode(name.name)) < 255 and name.parent == Path()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are text")
def test_names_that_are_no_text(
    run: Callable[..., int], photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, "utf-8"))
    odd = os.fsdecode(b"odd \xff name.png")
    photo.rename(odd)
    Path("photo.png").symlink_to(odd)
    assert run("-q", "-o", odd + ".png") == 0
    assert printed.getvalue() == b"odd \xff name.png.png\n"
    assert main(["stylize", odd, "painting.png", *FAST, "-q", "-o", "a.png"]) == 0
    assert Recipe.of_picture("a.png").inputs["content"].name == "odd \ufffd name.png"


def test_without_style_layers_only_the_content_is_left(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--style-layers", "", "--init", "noise", "--json", "-o", "a.png") == 0
    assert list(json.loads(capsys.readouterr().out)["losses"]) == [
        "content/relu4_2/2",
        "content/relu3_1/2",
        "content/relu3_1",
    ]


def test_quiet_says_nothing_but_the_result(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--quiet", "-o", "a.png") == 0
    out, err = capsys.readouterr()
    assert out == "a.png\n" and "step" not in err.replace("3 steps", "")


def test_json_is_one_object_that_tells_all(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--json", "-o", "new folder/a.jpg", "--seed", "7") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["output"] == str(Path("new folder/a.jpg"))
    assert (told["width"], told["height"], told["steps"]) == (48, 36, 3)
    assert told["network"] == "vgg19-lite" and told["seed"] == 7
    assert told["seconds"] > 0 and told["peak_memory_mib"] > 50
    assert {"content/relu3_1", "style/relu1_1", "style/relu3_1/2"} <= told["losses"].keys()
    assert told["stopped"] is False
    assert Recipe.model_validate(told["recipe"]) == Recipe.of_picture("new folder/a.jpg")


def test_several_styles_are_mixed(
    run: Callable[..., int], tiny_weights: Path, make_picture: Callable[..., Path]
) -> None:
    make_picture("print.png", seed=3)
    pictures = ["photo.png", "painting.png", "print.png"]
    options = ["--weights", str(tiny_weights), *FAST, "-o"]
    for name, styles in (("mixed", (1, 2)), ("first", (1,)), ("second", (2,))):
        given = [pictures[0], *(pictures[i] for i in styles)]
        assert main(["stylize", *given, *options, f"{name}.png"]) == 0
    inputs = Recipe.of_picture("mixed.png").inputs
    assert [inputs[name].name for name in ("style/0", "style/1")] == pictures[1:]
    mixed, *alone = (load_picture(f"{n}.png").pixels for n in ("mixed", "first", "second"))
    assert all((mixed - pixels).abs().mean() > 0.01 for pixels in alone)


def test_a_style_has_its_weight_behind_a_colon(
    tiny_weights: Path, photo: Path, painting: Path, make_picture: Callable[..., Path]
) -> None:
    make_picture("print.png", seed=3)
    make_picture("odd.png", seed=4).rename("odd.png:2")
    options = ["--weights", str(tiny_weights), *FAST, "-q", "-o", "mixed.png"]
    assert main(["stylize", "photo.png", "painting.png:2.5", "print.png", *options]) == 0
    recipe = Recipe.of_picture("mixed.png")
    assert recipe.inputs["style/0"].name == "painting.png"
    assert recipe.settings.value("style_weights") == (2.5, 1.0)
    assert weighted_styles([Path("odd.png:2")]) == ([Path("odd.png:2")], ())


def test_settings_reach_the_run(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--style-layers", "relu1_1=3,relu3_1", "--content-layers", "relu2_2"]
    assert run(*options, "--tv-weight", "1", "--json", "-o", "a.png") == 0
    told = json.loads(capsys.readouterr().out)
    assert list(told["losses"]) == ["content/relu2_2", "style/relu1_1", "style/relu3_1", "tv"]


def test_every_nth_step_is_saved(run: Callable[..., int], tmp_path: Path) -> None:
    assert run("--save-every", "2", "--steps", "5", "-o", "a.png") == 0
    paths = sorted(tmp_path.glob("a*.png"))
    assert [path.name for path in paths] == ["a-step00002.png", "a-step00004.png", "a.png"]
    second, fourth, last = (load_picture(path).pixels for path in paths)
    assert (second != fourth).any() and (fourth != last).any()


def test_a_preview_is_written(run: Callable[..., int], tmp_path: Path) -> None:
    assert run("--preview", "preview.jpg", "-o", "a.png") == 0
    assert load_picture(tmp_path / "preview.jpg").width == 48


def test_pictures_on_the_way_are_as_the_result_will_be(
    run: Callable[..., int], tmp_path: Path
) -> None:
    photo = Image.open(tmp_path / "photo.png").convert("RGBA")
    photo.putalpha(Image.linear_gradient("L").resize(photo.size))
    photo.save(tmp_path / "photo.png")
    left = tmp_path / ".preview.png.01234567.part", tmp_path / ".a-step00003.png.01234567.part"
    for part in left:  # of a run that was killed
        part.write_bytes(b"half")
    same = ["--finer-steps", "0", "--min-size", "48", "--steps", "3", "--save-every", "3"]
    assert run("--color", "content", *same, "--preview", "preview.png", "-o", "a.png") == 0
    third, last, preview = map(load_picture, ("a-step00003.png", "a.png", "preview.png"))
    assert third.pixels.equal(last.pixels) and third.alpha is not None
    assert third.alpha.equal(last.alpha) and preview.alpha.equal(last.alpha)
    assert not any(part.exists() for part in left)


def test_the_first_image_may_be_a_file(
    run: Callable[..., int], make_picture: Callable[..., Path]
) -> None:
    first = make_picture("deep/first.png", 48, 36, seed=9)
    still = ["--optimizer", "gradient-descent", "--learning-rate", "1e-12", "--bit-depth", "16"]
    assert run("--init", "deep/first.png", *still, "-o", "a.png") == 0
    assert (load_picture("a.png").pixels - load_picture(first).pixels).abs().max() < 1e-4
    recipe = Recipe.of_picture("a.png")
    assert recipe.inputs["init"].name == recipe.settings.picture.init == "first.png"


def test_a_last_scale_without_steps_still_gives_the_size_asked_for(
    run: Callable[..., int],
) -> None:
    assert run("--size", "96", "--min-size", "48", "--finer-steps", "0", "-o", "a.png") == 0
    assert load_picture("a.png").width == 96
    assert Recipe.of_picture("a.png").stopped_after is None


def test_transparency_is_kept(tiny_weights: Path, painting: Path) -> None:
    import numpy as np
    from PIL import Image

    pixels = np.full((36, 48, 4), 200, np.uint8)
    pixels[..., 3] = 255 * (np.arange(48) >= 24)
    Image.fromarray(pixels).save("cut out.png")
    options = ["--weights", str(tiny_weights), "--size", "96", "--steps", "2", "-o", "a.png"]
    assert main(["stylize", "cut out.png", "painting.png", *options]) == 0
    alpha = load_picture("a.png").alpha
    assert alpha is not None and alpha.shape == (1, 1, 72, 96)
    assert alpha[..., :44].max() == 0 and alpha[..., 52:].min() == 1


@pytest.mark.parametrize(
    ("pictures", "options", "told"),
    [
        (("foto.png", "painting.png"), (), "did you mean 'photo.png'?"),
        (("photo.png", "folder"), (), "is a folder"),
        (("photo.png", "text.jpg"), (), "text.jpg"),
        (("photo.png", "https://example.org/a.jpg"), (), "web address"),
        (("photo.png", "painting.png"), ("-o", "photo.png"), "one of the inputs"),
        (("photo.png", "painting.png"), ("-o", "./folder/../painting.png"), "one of the inputs"),
        (("photo.png", "painting.png"), ("--preview", "photo.png"), "one of the inputs"),
        (("photo.png", "painting.png"), ("-o", "folder"), "is a folder"),
        (("photo.png", "painting.png"), ("-o", "result"), "no extension"),
        (("photo.png", "painting.png"), ("-o", "a.pgn"), "did you mean '.png'?"),
        (("photo.png", "painting.png"), ("-o", "text.jpg/a.png"), "is a file"),
        (("photo.png", "painting.png"), ("-o", "a" * 300 + ".png"), "too long"),
        (("photo.png", "painting.png"), ("-o", "a.jpg", "--bit-depth", "16"), "16 bits"),
        (("photo.png", "painting.png"), ("--style-layers", "relu1_9"), "did you mean 'relu1_2'"),
        (("photo.png", "painting.png"), ("--network", "vgg91"), "did you mean 'vgg19'?"),
        (
            ("photo.png", "painting.png"),
            ("--device", "gpu"),
            "give auto, cpu, cuda, mps or xpu",
        ),
        (("photo.png", "painting.png"), ("--init", "nosie"), "nosie"),
        (("photo.png", "painting.png"), ("--weights", "none.pth"), "none.pth"),
    ],
)
def test_bad_inputs_are_told_in_one_line_with_exit_code_2(
    pictures: tuple[str, str],
    options: tuple[str, ...],
    told: str,
    photo: Path,
    painting: Path,
    tiny_weights: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.jpg").write_text("not a picture")
    weights = () if {"--weights", "--network"} & {*options} else ("--weights", str(tiny_weights))
    before = {path: path.read_bytes() for path in tmp_path.glob("*.png")}
    assert main(["stylize", *pictures, *weights, *FAST, *options]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("gramarye: ") and err.count("\n") == 1, err
    assert told in err
    assert {path: path.read_bytes() for path in tmp_path.glob("*.png")} == before


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_to(
    run: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    assert run("-o", "closed/a.png") == 2
    assert "may not be written to" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("pictures", "options", "told"),
    [
        (("foto.png", "painting.png"), (), "did you mean 'photo.png'?"),
        (("photo.png", "painting.png"), ("--content-layers", "relu4_9"), "unknown layer"),
        (("photo.png", "painting.png"), ("-o", "photo.png"), "one of the inputs"),
    ],
)
def test_a_mistake_costs_no_download(
    pictures: tuple[str, str],
    options: tuple[str, ...],
    told: str,
    photo: Path,
    painting: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(cli_running, "fetch_with_progress", lambda *a, **k: pytest.fail("fetched"))
    assert main(["stylize", *pictures, "--network", "vgg19", *options]) == 2
    assert told in capsys.readouterr().err


def test_a_run_that_fails_leaves_its_picture(
    run: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def two_steps(*args: object, **keywords: object) -> object:
        for step in (1, 2):
            yield Iterate(step, 9, {"tv": 1.0}, torch.full((1, 3, 36, 48), 0.5))
        raise OptimizationError("the loss exploded")

    monkeypatch.setattr(running, "steps", two_steps)
    assert run("-o", "a.png") == 1
    assert "the loss exploded; the picture so far is in 'a.png'" in capsys.readouterr().err
    assert Recipe.of_picture("a.png").stopped_after == 2


def test_a_preview_that_cannot_be_written_does_not_stop_the_run(
    run: Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def full(picture: Picture, path: Path, **options: object) -> object:
        if Path(path).name == "preview.png":
            raise OutputError("no space left")
        return save_picture(picture, path, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(intermediates, "save_picture", full)
    assert run("--preview", "preview.png", "-o", "a.png") == 0
    assert capsys.readouterr().err.count("no preview: no space left") == 1


@pytest.mark.skipif(os.name != "posix", reason="signals are POSIX's")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_keeps_the_picture_so_far(
    number: signal.Signals, photo: Path, painting: Path, tiny_weights: Path, tmp_path: Path
) -> None:
    options = ["--weights", str(tiny_weights), "--size", "48", "--steps", "1000000", "--json"]
    command = [sys.executable, "-m", "gramarye", "stylize", str(photo), str(painting), *options]
    command += ["-o", "a.png", "--save-every", "5"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=tmp_path
    ) as process:
        deadline = time.monotonic() + 60
        while not (tmp_path / "a-step00005.png").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    told = json.loads(out)
    assert told["stopped"] is True and 5 <= told["steps"] < 1_000_000
    assert load_picture(tmp_path / "a.png").width == 48
    assert Recipe.of_picture(tmp_path / "a.png").stopped_after == told["steps"]
    assert not list(tmp_path.glob(".*.part"))
    assert "Traceback" not in err


def test_the_recipe_holds_no_folder(run: Callable[..., int], tmp_path: Path) -> None:
    assert run("-o", "a.png") == 0
    text = read_recipe(tmp_path / "a.png")
    assert text is not None and str(tmp_path) not in text and str(Path.home()) not in text


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("painting.png:5", "--style-weights", "1"), "were given twice"),
        (
            ("painting.png", "painting.png", "--style-mask", "photo.png"),
            "2 styles and 1 picture of --style-mask were given: write --style-mask once for each",
        ),
    ],
)
def test_two_answers_and_half_an_answer_are_refused(
    arguments: tuple[str, ...], told: str, run: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    assert main(["stylize", "photo.png", *arguments, *FAST, "-o", "a.png"]) == 2
    error = capsys.readouterr().err
    assert told in error and error.count("\n") == 1


@pytest.mark.parametrize("loss", ["remd", "covariance=1,mrf=0.5@relu3_1"])
def test_a_loss_that_cannot_be_divided_is_refused_before_the_first_step(
    loss: str,
    photo: Path,
    painting: Path,
    tiny_weights: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    options = ["--weights", str(tiny_weights), "--steps", "1", "-q", "--style-loss", loss]
    pictures, out = [str(photo), str(painting)], tmp_path / "a.png"
    small = ["--size", "48", "-o", str(out)]
    assert main(["stylize", *pictures, *options, *small]) == 0
    assert Recipe.of_picture(out).settings.value("style_loss") == loss
    capsys.readouterr()
    tight = ["--size", "1500", "--min-size", "1500", "--memory", "200MiB"]
    assert main(["stylize", *pictures, *options, *tight, "-o", str(tmp_path / "b.png")]) == 2
    error = capsys.readouterr().err
    name = "remd" if "remd" in loss else "mrf"
    assert f"as the style loss {name} cannot be taken in tiles" in error
    assert error.count("\n") == 1 and not (tmp_path / "b.png").exists()
