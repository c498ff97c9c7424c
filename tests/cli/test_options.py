"""The options are the config's fields, no more and no less."""

import argparse

import pytest

from gramarye.cli import make_parser
from gramarye.cli.options import given_settings, parse_layers, show_default
from gramarye.config import StylizeConfig


def parse(*options: str) -> dict[str, object]:
    return given_settings(make_parser().parse_args(["stylize", "a", "b", *options]))


def test_nothing_given_leaves_everything_to_the_preset() -> None:
    assert parse() == {}


@pytest.mark.parametrize("name", StylizeConfig.model_fields)
def test_every_field_is_an_option_that_takes_its_default(name: str) -> None:
    default = StylizeConfig.model_fields[name].default
    option = "--" + name.replace("_", "-")
    if isinstance(default, bool):
        assert parse(option) == {name: True}
        assert parse("--no-" + name.replace("_", "-")) == {name: False}
    else:
        given = "1" if default is None else show_default(default)
        value = parse(option, given)[name]
        assert default is None or value == default
        StylizeConfig.model_validate({name: value})


def test_every_option_has_a_help_text(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        make_parser().parse_args(["stylize", "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for field in StylizeConfig.model_fields.values():
        assert field.description
        assert field.description.split(":")[0][:30] in text


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


def test_a_layer_weight_that_is_no_number() -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="'relu1_1=much' is not a number"):
        parse_layers("relu1_1=much")
