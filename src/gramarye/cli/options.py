"""The command line's options, made from the fields of StylizeConfig."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from gramarye.config import StylizeConfig

# The field each group of options starts with; the config keeps its fields in this order.
GROUPS = {
    "preset": "the picture",
    "network": "the network",
    "content_layers": "the losses",
    "optimizer": "the optimization",
    "device": "the machine",
}


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add one option per field; the namespace holds only those that were given."""
    group: argparse._ActionsContainer = parser
    for name, field in StylizeConfig.model_fields.items():
        if name in GROUPS:
            group = parser.add_argument_group(GROUPS[name])
        add_setting(group, name, field)


def given_settings(args: argparse.Namespace) -> dict[str, Any]:
    """The settings among the parsed arguments."""
    return {name: value for name, value in vars(args).items() if name in StylizeConfig.model_fields}


def add_setting(group: argparse._ActionsContainer, name: str, field: FieldInfo) -> None:
    option = "--" + name.replace("_", "-")
    text = (field.description or "").replace("%", "%%")
    if field.default not in (None, PydanticUndefined) and field.default is not False:
        text += f" [{show_default(field.default)}]"
    kind = plain_type(field.annotation)
    if kind is bool:
        group.add_argument(
            option, action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=text
        )
    elif get_origin(kind) is Literal:
        choices = get_args(kind)
        group.add_argument(option, choices=choices, default=argparse.SUPPRESS, help=text)
    else:
        convert, metavar = CONVERSIONS.get(get_origin(kind) or kind, (str, name.upper()))
        group.add_argument(
            option, type=convert, metavar=metavar, default=argparse.SUPPRESS, help=text
        )


def plain_type(annotation: Any) -> Any:
    """The annotation without `| None`."""
    kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
    return kinds[0] if type(None) in get_args(annotation) else annotation


def parse_layers(text: str) -> dict[str, float]:
    """`relu1_1=8,relu2_1` as {"relu1_1": 8.0, "relu2_1": 1.0}; an empty text is no layer."""
    layers = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        layer, _, weight = part.partition("=")
        try:
            layers[layer.strip()] = float(weight or 1)
        except ValueError:
            raise argparse.ArgumentTypeError(
                f"the weight in {part!r} is not a number: write LAYER=WEIGHT,LAYER=WEIGHT"
            ) from None
    return layers


def whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def count(text: str) -> int:
    """A whole number of at least 1."""
    value = whole_number(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return value


def seconds(text: str) -> float:
    """A number of at least 0."""
    value = number(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no number of seconds: 0 or more is")
    return value


CONVERSIONS: dict[Any, tuple[Callable[[str], Any], str]] = {
    int: (whole_number, "N"),
    float: (number, "X"),
    dict: (parse_layers, "LAYER=WEIGHT,..."),
}


def show_default(value: object) -> str:
    """A value as it is written after its option, so that it reads back exactly."""
    if isinstance(value, Mapping):
        return ",".join(f"{layer}={show_default(weight)}" for layer, weight in value.items())
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)
