"""`gramarye redo` and `gramarye recipe`: the same picture again."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import gramarye
from gramarye.cli import main
from gramarye.config import changed_settings, load_preset
from gramarye.pictures.picture import load_picture
from gramarye.recipe import Recipe

pytestmark = pytest.mark.usefixtures("in_the_folder")


@pytest.fixture
def made(photo: Path, painting: Path, tiny_weights: Path, tmp_path: Path) -> Path:
    """A picture made from photo.png, painting.png and weights beside it, from noise."""
    shutil.copy(tiny_weights, tmp_path)
    options = ["--weights", tiny_weights.name, "--size", "96", "--min-size", "48"]
    options += ["--steps", "4", "--finer-steps", "3", "--init", "noise", "--seed", "5"]
    assert main(["stylize", photo.name, painting.name, *options, "-q", "-o", "made.png"]) == 0
    return tmp_path / "made.png"


def test_redo_makes_the_same_file_bit_for_bit(made: Path) -> None:
    assert main(["redo", "made.png"]) == 0
    assert (made.with_name("made-redo.png")).read_bytes() == made.read_bytes()


def test_redo_from_another_folder_finds_the_inputs_beside_the_picture(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = made.parent / "else where"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert main(["redo", str(made), "-o", "again.png"]) == 0
    assert (elsewhere / "again.png").read_bytes() == made.read_bytes()


def test_redo_at_another_size_changes_only_the_size(made: Path) -> None:
    assert main(["redo", "made.png", "--size", "144", "-o", "large.png"]) == 0
    assert load_picture("large.png").width == 144
    before, after = Recipe.of_picture(made), Recipe.of_picture("large.png")
    assert after.settings == before.settings.with_settings(size=144)
    assert after.inputs == before.inputs and after.weights_sha256 == before.weights_sha256


def test_redo_with_another_seed_makes_another_picture(made: Path) -> None:
    assert main(["redo", "made.png", "--seed", "6", "-o", "other.png"]) == 0
    assert (load_picture("other.png").pixels != load_picture(made).pixels).any()


def test_redo_never_replaces_the_picture_it_reads(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["redo", "made.png", "-o", "made.png"]) == 2
    assert "one of the inputs" in capsys.readouterr().err


def test_redo_refuses_an_input_that_has_changed(
    made: Path, make_picture: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    make_picture("photo.png", seed=77)
    assert main(["redo", "made.png"]) == 2
    err = capsys.readouterr().err
    assert "'photo.png' has changed" in err and "--content" in err


def test_redo_takes_a_changed_input_that_is_named_and_says_so(
    made: Path, make_picture: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    make_picture("photo.png", seed=77)
    assert main(["redo", "made.png", "--content", "photo.png"]) == 0
    assert "note: 'photo.png' is not the file" in capsys.readouterr().err


def test_redo_says_where_to_name_a_missing_input(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("painting.png").rename("renamed.png")
    assert main(["redo", "made.png"]) == 2
    assert "'painting.png'" in capsys.readouterr().err
    assert main(["redo", "made.png", "--style", "renamed.png", "-o", "a.png"]) == 0
    assert (load_picture("a.png").pixels == load_picture(made).pixels).all()


def test_redo_wants_as_many_styles_as_the_recipe(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["redo", "made.png", "--style", "photo.png", "painting.png"]) == 2
    assert "2 styles given, and the recipe has 1 (painting.png)" in capsys.readouterr().err


def test_redo_of_a_picture_made_in_python(
    painting: Path, photo: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = load_picture(photo).to_pil()
    settings = {"weights": str(tiny_weights), "size": 48, "steps": 3}
    gramarye.stylize(content, str(painting), **settings).save("made.png")
    weights = ["--weights", str(tiny_weights)]
    assert main(["redo", "made.png", *weights]) == 2
    assert "came from no file" in capsys.readouterr().err
    assert main(["redo", "made.png", *weights, "--content", "photo.png", "-o", "a.png"]) == 0
    assert "note" not in capsys.readouterr().err
    assert (load_picture("a.png").pixels == load_picture("made.png").pixels).all()


def test_the_command_and_the_library_make_the_same_file(made: Path, tiny_weights: Path) -> None:
    settings = changed_settings(Recipe.of_picture(made).settings) | {"weights": str(tiny_weights)}
    picture = gramarye.stylize("photo.png", "painting.png", **settings)
    picture.save("library.png")
    assert Path("library.png").read_bytes() == made.read_bytes()


def test_redo_misses_the_weights(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("tiny.safetensors").unlink()
    assert main(["redo", "made.png"]) == 2
    assert "--weights" in capsys.readouterr().err


def test_redo_with_another_preset_takes_over_what_it_sets(made: Path) -> None:
    options = ["--preset", "draft", "--size", "48", "--steps", "3"]
    assert main(["redo", "made.png", *options, "-o", "a.png"]) == 0
    before, after = (Recipe.of_picture(path).settings for path in (made, "a.png"))
    wanted = load_preset("draft") | {"preset": "draft", "size": 48, "steps": 3}
    assert after == before.with_settings(**wanted)
    assert after.scales.finer_steps == 30 != before.scales.finer_steps


@pytest.mark.parametrize(
    ("command", "file", "told"),
    [
        ("redo", "photo.png", "holds no recipe"),
        ("recipe", "photo.png", "holds no recipe"),
        ("recipe", "none.png", "there is no file"),
        ("recipe", "text.png", "text.png"),
        ("recipe", ".", "is a folder"),
    ],
)
def test_a_file_without_a_recipe(
    command: str, file: str, told: str, photo: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("text.png").write_text("not a picture")
    assert main([command, file]) == 2
    out, err = capsys.readouterr()
    assert told in err and err.count("\n") == 1 and out == ""


def test_recipe_shows_what_made_the_picture(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["recipe", "made.png"]) == 0
    text = capsys.readouterr().out
    for part in ("96 x 72", "photo.png", "painting.png", "vgg19-lite", "init", "noise", "torch"):
        assert part in text


def altered(made: Path, change: Callable[[dict[str, Any]], None], name: str = "odd.png") -> str:
    """A picture with that one's recipe, changed."""
    recipe = json.loads(Recipe.of_picture(made).to_json())
    change(recipe)
    load_picture(made).save(name, recipe=json.dumps(recipe))
    return name


@contextmanager
def long_numbers() -> Iterator[None]:
    """Python writes numbers of more than 4300 digits."""
    before = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        yield
    finally:
        sys.set_int_max_str_digits(before)


def content_named(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda recipe: recipe["inputs"]["content"].update(name=name)


def setting(part: str, **values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda recipe: recipe["settings"][part].update(values)


def another_style(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda recipe: recipe["inputs"].update({name: recipe["inputs"]["style/0"]})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (content_named("../outside.png"), "'../outside.png' is neither"),
        (content_named("/etc/passwd"), "'/etc/passwd' is neither"),
        (content_named(".."), "'..' is neither"),
        (content_named("a" * 5000), "... is neither"),
        (content_named("nu\0ll"), "is neither"),
        (content_named("\x1b[31mred"), "'\\x1b[31mred' is neither"),
        (setting("network", weights="../outside.png"), "'../outside.png' were not found"),
        (setting("network", weights="a" * 300), "were not found"),
        (setting("picture", init="/etc/passwd"), "init: '/etc/passwd' names a file"),
        (setting("picture", size=10**4400), "it is no JSON"),
        (lambda recipe: recipe["inputs"].pop("style/0"), "there is no style"),
        (lambda recipe: recipe["inputs"].pop("content"), "there is no content"),
        (lambda recipe: recipe["inputs"].clear(), "there is neither a content nor a style"),
        (another_style("style/²"), "'style/²' is not called so"),
        (another_style("style/99999"), "'style/99999' is not called so"),
        (lambda recipe: recipe.update(threads=-3), "threads"),
        (lambda recipe: recipe.update(width=10**4400), "it is no JSON"),
        (lambda recipe: recipe.update({"\x1b[2J": 1}), "\\x1b[2J"),
        (lambda recipe: recipe.update(recipe=10**30), "install a newer gramarye"),
    ],
)
def test_a_recipe_from_elsewhere_is_not_trusted(
    change: Callable[[dict[str, Any]], None],
    told: str,
    made: Path,
    make_picture: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    make_picture("outside.png")
    with long_numbers():
        odd = altered(made, change)
    folder = made.parent / "inner"
    folder.mkdir()
    for name in (odd, "photo.png", "painting.png", "tiny.safetensors"):
        shutil.copy(made.parent / name, folder)
    monkeypatch.chdir(folder)
    capsys.readouterr()
    assert main(["redo", odd, "-o", "again.png"]) == 2
    error = capsys.readouterr().err
    assert told in error and len(error) < 600
    assert error.count("\n") == 1 and error.strip().isprintable()


def test_a_deep_recipe_is_told(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    load_picture(made).save("deep.png", recipe='{"recipe": 2, "inputs": ' + "[" * 100_000)
    for command in ("recipe", "redo"):
        assert main([command, "deep.png"]) == 2
        error = capsys.readouterr().err
        assert "the recipe of 'deep.png' cannot be read" in error and len(error) < 600


def test_recipe_prints_only_what_is_printable(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nasty = "\x1b]0;owned\x07\x9b31m\u202egnp.exe"

    def change(recipe: dict[str, Any]) -> None:
        recipe["inputs"]["content"]["name"] = nasty
        recipe["versions"][nasty] = nasty
        recipe["device"] = recipe["settings"]["network"]["weights"] = nasty

    odd = altered(made, change)
    capsys.readouterr()
    assert main(["recipe", odd]) == 0
    text = capsys.readouterr().out
    assert all(line.isprintable() for line in text.split("\n"))
    assert "\\x1b]0;owned\\x07\\x9b31m\\u202egnp.exe" in text
    assert main(["recipe", odd, "--json"]) == 0
    text = capsys.readouterr().out
    assert all(line.isprintable() for line in text.split("\n"))
    assert json.loads(text)["device"] == nasty


def test_redo_with_other_threads_says_that_the_picture_may_differ(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def change(recipe: dict[str, Any]) -> None:
        recipe["threads"] = 300

    capsys.readouterr()
    assert main(["redo", altered(made, change), "-o", "again.png"]) == 0
    told = capsys.readouterr().err
    assert "made with 300 threads, now" in told and "set OMP_NUM_THREADS=300" in told
    assert main(["redo", "odd.png", "--seed", "6", "-o", "other.png"]) == 0  # another anyway
    assert "threads" not in capsys.readouterr().err
    assert main(["redo", "made.png", "-o", "same.png"]) == 0
    assert "threads" not in capsys.readouterr().err


def test_recipe_as_json_is_the_recipe(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["recipe", "made.png", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert Recipe.from_json(json.dumps(told)) == Recipe.of_picture(made)
    assert told["settings"]["picture"]["seed"] == 5
