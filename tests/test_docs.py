"""The pages that explain the method tell the truth: their Python runs, their tables are the code's.

A block that begins with "```python run" is run, after the blocks before it on its page.
"""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

import gramarye
from gramarye import cli
from gramarye.config import StylizeConfig, all_settings, load_preset, preset_names, read_preset
from gramarye.losses.style_losses import STYLE_LOSSES
from gramarye.losses.terms import TERMS
from gramarye.optimizers.settings import OptimizerSettings
from gramarye.pictures.color import match_color
from gramarye.pictures.picture import load_image, load_picture, save_picture
from gramarye.recipe import InputFile, Recipe
from gramarye.samples import sample_path
from gramarye.scales.settings import ScaleSettings
from gramarye.scales.sizes import plan_scales

DOCS = Path(__file__).parent.parent / "docs"
PAGES = sorted(path.name for path in DOCS.glob("*.md"))
RUNNABLE = [name for name in PAGES if "```python run\n" in (DOCS / name).read_text("utf-8")]
SCALES = plan_scales(384, 512, 512, ScaleSettings())
SCHEDULE = str(tuple((scale.width, scale.steps) for scale in SCALES))
# In four steps, only a strong pull towards gray shows whatever the last bits of the losses are.
SMALL = {
    SCHEDULE: "((96, 3), (128, 2))",
    "size=512": "size=64, steps=4",
    "gray_weight=30": "gray_weight=1000",
}


def text_of(page: str) -> str:
    return (DOCS / page).read_text("utf-8")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text_of(page), re.M | re.S)


def made_small(code: str) -> str:
    for written, small in SMALL.items():
        code = code.replace(written, small)
    return code


@pytest.fixture
def sample_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the pictures the pages speak of, 128 pixels wide."""
    for name, sample, height in (
        ("photo", "canal", 96),
        ("painting", "impasto", 128),
        ("woodblock", "woodblock", 106),
    ):
        image = load_picture(sample_path(sample)).to_pil().resize((128, height))
        save_picture(load_picture(image), tmp_path / f"{name}.jpg")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def same_terms() -> Iterator[None]:
    """What a page registers is gone after its test."""
    with patch.dict(TERMS):
        yield


@pytest.mark.parametrize("page", RUNNABLE)
def test_the_runnable_blocks_run(page: str, sample_folder: Path) -> None:
    names: dict[str, Any] = {}
    for block in blocks(page, "python run"):
        exec(compile(made_small(block), page, "exec"), names)


def test_the_kind_of_loss_from_parts_is_heeded_and_kept_in_the_recipe(sample_folder: Path) -> None:
    names: dict[str, Any] = {}
    for block in blocks("from-parts.md", "python run"):
        exec(compile(made_small(block), "from-parts.md", "exec"), names)
    without = gramarye.stylize("photo.jpg", "painting.jpg", size=64, steps=4).pixels
    assert names["grayness"]({"image": load_image("grayer.png")}) < names["grayness"](
        {"image": without}
    )
    assert Recipe.of_picture("grayer.png").settings.value("gray_weight") == 1000


@pytest.mark.parametrize("page", PAGES)
def test_every_python_block_is_python(page: str) -> None:
    for block in blocks(page, "python(?: run)?"):
        compile(block, page, "exec")


def test_the_program_from_parts_is_short_and_does_what_stylize_does(sample_folder: Path) -> None:
    program = blocks("from-parts.md", "python run")[0]
    assert len(program.splitlines()) <= 40
    assert SCHEDULE in program  # the default's
    exec(made_small(program), {})
    ours = load_picture("from-parts.png").pixels
    sizes = {"size": 128, "min_size": 96, "steps": 3, "finer_steps": 2, "precision": "float32"}
    theirs = gramarye.stylize("photo.jpg", "painting.jpg", device="cpu", **sizes).pixels
    assert (ours - theirs).abs().max() < 1 / 255  # half a level is the rounding to 8 bits
    start = match_color(*(load_picture(f"{name}.jpg").pixels for name in ("photo", "painting")))
    assert (theirs - start).abs().mean() > 0.02  # enough for any difference to show


def test_the_page_of_the_command_line_has_every_command() -> None:
    commands = list(cli.COMMANDS)
    page = text_of("command-line.md")
    assert re.findall(r"^\| \[`(\w+)`\]\(#\w+\) \|", page, re.M) == commands
    assert re.findall(r"^## ([a-z]\w*)$", page, re.M) == commands


def preset_sections() -> dict[str, str]:
    """The sections of presets.md whose title is a preset's name in code quotes."""
    parts = re.split(r"^## `([\w-]+)`\n", text_of("presets.md"), flags=re.M)
    return {
        name: body.split("\n## ")[0] for name, body in zip(parts[1::2], parts[2::2], strict=True)
    }


def value_of(shown: str) -> Any:
    """A table's value as the config has it: numbers, true and false, unset, layers, words."""
    if shown in ("true", "false", "unset"):
        return {"true": True, "false": False, "unset": None}[shown]
    if "=" in shown:
        return {layer: float(weight) for layer, weight in re.findall(r"([\w/]+)=([^,\s]+)", shown)}
    try:
        return float(shown)
    except ValueError:
        return shown


def settings_of(section: str) -> dict[str, Any]:
    rows = re.findall(r"^\| `(\w+)` \| `([^`]*)` \|", section, re.M)
    return {name: value_of(shown) for name, shown in rows}


def test_the_page_of_presets_has_them_all() -> None:
    assert sorted(preset_sections()) == sorted(preset_names())


@pytest.mark.parametrize("preset", preset_names())
def test_the_page_of_presets_gives_every_setting_with_its_value(preset: str) -> None:
    expected = load_preset(preset)
    if preset == "default":
        config = StylizeConfig()
        expected = {name: config.value(name) for name in all_settings() if name != "preset"}
        expected = {name: None if value == () else value for name, value in expected.items()}
    assert settings_of(preset_sections()[preset]) == expected


def test_the_preset_on_the_page_is_the_file() -> None:
    (shown,) = blocks("presets.md", "toml")
    assert tomllib.loads(shown) == read_preset("draft")


def test_the_page_of_presets_knows_the_longest_step() -> None:
    limits = re.findall(r"(?:more|longer) than (0\.\d+) \(root mean square", text_of("presets.md"))
    assert [float(limit) for limit in limits] == [OptimizerSettings().step_limit] * 2


def test_the_recipe_on_its_page_has_the_fields_of_one() -> None:
    (shown,) = (json.loads(block) for block in blocks("recipes.md", "json"))
    assert shown.keys() <= Recipe.model_fields.keys()
    assert shown["recipe"] == Recipe.model_fields["recipe"].default
    for file in shown["inputs"].values():
        assert len(InputFile.model_validate(file).sha256) == 64
    assert StylizeConfig.model_validate(shown["settings"]) == gramarye.make_config(seed=7)


def test_the_page_of_losses_has_every_style_loss_and_says_whether_it_is_divided() -> None:
    pattern = r"^\| `(\w[\w-]*)` \|.*\| ([^|]+) \|[^|]+\| (yes|no) \|$"
    rows = {name: found for name, *found in re.findall(pattern, text_of("losses.md"), re.M)}
    for name, loss in STYLE_LOSSES.items():
        source, divided = rows.pop(name)
        assert loss.source.startswith(source), name
        assert divided == ("no" if loss.of == "maps" else "yes"), name
    assert not rows
