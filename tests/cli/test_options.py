"""The options are the config's fields, no more and no less."""

from pathlib import Path
from types import SimpleNamespace
from typing import Literal

import click
import pytest
from pydantic.fields import FieldInfo

from gramarye.cli import main, make_commands, options
from gramarye.cli.options import given_settings, parse_layers, show_default
from gramarye.config import all_settings, make_config
from gramarye.inputs.kinds import INPUTS, InputKind
from gramarye.settings import Setting


def parse(*given: str) -> dict[str, object]:
    command = make_commands().named("stylize")
    context = command.make_context("stylize", ["a", "b", *given])
    return given_settings(SimpleNamespace(**context.params))


def test_nothing_given_leaves_everything_to_the_preset() -> None:
    assert parse() == {}


@pytest.mark.parametrize("name", all_settings())
def test_every_setting_is_an_option_that_takes_its_default(name: str) -> None:
    default = all_settings()[name].field.default
    option = "--" + name.replace("_", "-")
    if isinstance(default, bool):
        assert parse(option) == {name: True}
        assert parse("--no-" + name.replace("_", "-")) == {name: False}
    else:
        others = {"memory": "1GB", "aspect": "3,2", "style_crop": "0,0,1,0.5", "style_roles": "all"}
        unset = others.get(name, "1")
        given = unset if default in (None, ()) else show_default(default)
        value = parse(option, given)[name]
        assert default in (None, ()) or value == default
        make_config(**{name: value})


def test_every_option_has_a_help_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stylize", "--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for setting in all_settings().values():
        assert setting.field.description
        assert setting.field.description.split(":")[0][:30] in text


@pytest.mark.parametrize(
    ("text", "layers"),
    [
        ("relu1_1", {"relu1_1": 1.0}),
        ("relu1_1=8,relu2_1=.5", {"relu1_1": 8.0, "relu2_1": 0.5}),
        (" relu1_1 = 8 , relu2_1 ,", {"relu1_1": 8.0, "relu2_1": 1.0}),
        ("", {}),
    ],
)
def test_layers_with_their_weights(text: str, layers: dict[str, float]) -> None:
    assert parse_layers(text) == layers


def test_a_layer_weight_that_is_no_number_is_left_to_the_settings() -> None:
    assert parse_layers("relu1_1=much,relu2_1=") == {"relu1_1": "much", "relu2_1": ""}


@pytest.mark.parametrize(
    ("arguments", "content", "styles"),
    [
        ("--size 64 a.png b.png c.png", "a.png", "b.png c.png"),
        ("a.png --size 64 b.png c.png", "a.png", "b.png c.png"),
        ("a.png b.png --size 64 c.png", "a.png", "b.png c.png"),
        ("a.png --size=64 b.png --no-normalize-weights c.png", "a.png", "b.png c.png"),
        ("--size 64 -- -a.png --size", "-a.png", "--size"),
        ("a.png --size 64 -- -b.png", "a.png", "-b.png"),
        ("~photo.png ~ --size 64", "~photo.png", "~"),
        ("./-a.png --size 64 -", "-a.png", "-"),
    ],
)
def test_pictures_and_options_in_any_order(arguments: str, content: str, styles: str) -> None:
    command = make_commands().named("stylize")
    params = command.make_context("stylize", arguments.split()).params
    assert params["content"] == Path(content)
    assert params["styles"] == tuple(Path(style) for style in styles.split())
    assert params["size"] == 64


def test_a_value_may_begin_with_a_dash() -> None:
    assert parse("--tv-weight", "-1", "--seed", "-2") == {"tv_weight": -1.0, "seed": -2}
    assert parse("--weights", "-odd name") == {"weights": "-odd name"}


def test_the_last_of_an_option_given_twice_counts() -> None:
    assert parse("--size", "64", "--size", "96") == {"size": 96}


def test_a_setting_of_somebody_else_is_an_option(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    kinds = {
        "glow": (float, 0.5),
        "glow_kind": (Literal["soft", "hard"], "soft"),
        "glow_twice": (bool, False),
        "glow_sizes": (tuple[int, ...], (1, 2)),
        "glow_layers": (dict[str, float], {"relu1_1": 2.0}),
        "glow_file": (str | None, None),
    }
    theirs = [
        Setting(
            name,
            (name,),
            FieldInfo(annotation=kind, default=default, description=name),  # type: ignore[arg-type]
            "the glow",
        )
        for name, (kind, default) in kinds.items()
    ]
    monkeypatch.setattr(options, "all_settings", lambda: {s.option: s for s in theirs})
    given = (
        "--glow 2 --glow-kind hard --glow-twice --glow-sizes 3,4 --glow-layers a=1 --glow-file f"
    )
    assert parse(*given.split()) == {
        "glow": 2.0,
        "glow_kind": "hard",
        "glow_twice": True,
        "glow_sizes": (3, 4),
        "glow_layers": {"a": 1.0},
        "glow_file": "f",
    }
    assert parse() == {}
    assert main(["stylize", "--help"]) == 0
    text = capsys.readouterr().out
    assert "The glow:" in text and "--glow-kind [soft|hard]" in text and "[1,2]" in text
    assert main(["stylize", "a", "b", "--glow-kind", "sof"]) == 2
    assert "did you mean 'soft'?" in capsys.readouterr().err


def test_further_inputs_are_options_that_take_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(INPUTS, "guide", InputKind("guide", "picture to follow", "image"))
    *_, guide = options.input_options()
    assert (guide.opts, guide.help, guide.group) == (
        ["--guide"], "picture to follow", "the inputs",
    )  # fmt: skip
    assert guide.type_cast_value(click.Context(click.Command("a")), "g.png") == Path("g.png")
    command = make_commands().named("stylize")
    params = command.make_context("stylize", ["a", "b", "--guide", "g.png"]).params
    assert options.given_inputs(SimpleNamespace(**params)) == {"guide": Path("g.png")}
