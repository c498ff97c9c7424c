"""The command line's options, made from the settings that there are when it is called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, get_args, get_origin

import click
from pydantic import ByteSize
from pydantic_core import PydanticUndefined

from gramarye.cli.commands import FILE, Choice, Option, Wrong
from gramarye.config import all_settings, preset_names
from gramarye.inputs.kinds import INPUTS
from gramarye.networks.catalog import ALIASES, NETWORKS
from gramarye.settings import Setting, WrittenAs
from gramarye.validation import OneOf, bare


def setting_options() -> Iterator[Option]:
    """One option per setting, which is None unless it is given: defaults are the config's."""
    return (setting_option(setting) for setting in all_settings().values())


def given_settings(args: SimpleNamespace) -> dict[str, Any]:
    """The settings among the parsed arguments."""
    return given(args, all_settings())


def given(args: SimpleNamespace, names: Iterable[str]) -> dict[str, Any]:
    """Those of the named options that were given."""
    values = {name: getattr(args, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def input_options(*, all_kinds: bool = False) -> Iterator[Option]:
    """One option per kind of further input pictures, such as --guide FILE; or of all kinds."""
    for kind in INPUTS.values():
        if (kind.option or all_kinds) and not kind.setting:
            about = kind.help + (" (repeat for more, in order)" if kind.many else "")
            name = f"--{dashed(kind.name)}"
            yield Option(name, about, FILE, "FILE", group="the inputs", multiple=kind.many)


def given_inputs(args: SimpleNamespace, *, all_kinds: bool = False) -> dict[str, Path]:
    """The further inputs among the arguments, by name; a command may have options for some only."""
    found: dict[str, Path] = {}
    for kind in INPUTS.values():
        if (kind.option or all_kinds) and not kind.setting:
            value = getattr(args, kind.name.replace("-", "_"), None)
            if kind.many:
                found |= {f"{kind.name}/{i}": path for i, path in enumerate(value or ())}
            elif value is not None:
                found[kind.name] = value
    return found


def setting_option(setting: Setting) -> Option:
    name, field = dashed(setting.option), setting.field
    text = field.description or ""
    if field.default not in (None, (), PydanticUndefined) and field.default is not False:
        default = "on" if field.default is True else show_default(field.default)
        text += f" [{default}]"
    kind = plain_type(field.annotation)
    if kind is bool:
        return Option(f"--{name}/--no-{name}", text, group=setting.group, default=None)
    names = next((list(m.names) for m in field.metadata if isinstance(m, OneOf)), get_args(kind))
    if names and (kind is str or get_origin(kind) is Literal):
        return Option(f"--{name}", text, Choice(names), group=setting.group)
    form = next((m.form for m in field.metadata if isinstance(m, WrittenAs)), name.upper())
    plain = click.Path(readable=False) if setting.option in FILES else str
    if get_origin(kind) is tuple:
        kind = tuple[bare(get_args(kind)[0], ())[0], ...]  # type: ignore[misc]
    convert, metavar = TYPES.get(kind, TYPES.get(get_origin(kind) or kind, (plain, form)))
    complete = COMPLETIONS.get(setting.option)
    return Option(f"--{name}", text, convert, metavar, group=setting.group, shell_complete=complete)


def dashed(name: str) -> str:
    return name.replace("_", "-")


def plain_type(annotation: Any) -> Any:
    """The annotation without `| None`."""
    kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
    return kinds[0] if type(None) in get_args(annotation) else annotation


# What is no number stays the text it is: the settings say what is wrong with it.


def whole_number(text: str) -> int | str:
    try:
        return int(text)
    except ValueError:
        return text


def number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def parse_layers(text: str) -> dict[str, float | str]:
    """`relu1_1=8,relu2_1` as {"relu1_1": 8.0, "relu2_1": 1.0}; an empty text is no layer."""
    layers: dict[str, float | str] = {}
    for part in filter(str.strip, text.split(",")):
        layer, equals, weight = map(str.strip, part.partition("="))
        if layer in layers:
            raise Wrong(text, f"every layer once, and not {layer} twice")
        layers[layer] = number(weight) if equals else 1.0
    return layers


def parse_numbers(text: str) -> tuple[float | str, ...]:
    """`2,1` as (2.0, 1.0)."""
    return tuple(map(number, text.split(",")))


def parse_whole_numbers(text: str) -> tuple[int | str, ...]:
    """`96,128` as (96, 128)."""
    return tuple(map(whole_number, text.split(",")))


def seconds(text: str) -> float:
    """A number of at least 0."""
    try:
        value = float(text)
    except ValueError:
        value = -1
    if not 0 <= value < float("inf"):
        raise Wrong(text, "a number of seconds, 0 or more")
    return value


def starting_with(names: Callable[[], Iterable[str]]) -> Callable[..., list[str]]:
    """What a shell completes to: those of the names that begin as typed."""
    return lambda context, option, typed: [name for name in names() if name.startswith(typed)]


def network_names() -> list[str]:
    return [*NETWORKS, *ALIASES]


TYPES: dict[Any, tuple[Any, str]] = {
    int: (whole_number, "N"),
    float: (number, "X"),
    ByteSize: (str, "MEMORY"),
    tuple: (parse_numbers, "X,X,..."),
    tuple[int, ...]: (parse_whole_numbers, "N,N,..."),
    dict: (parse_layers, "LAYER=WEIGHT,..."),
}
FILES = ("init", "weights", "painter")  # settings that are text and may name a file
COMPLETIONS = {
    "preset": starting_with(preset_names),
    "network": starting_with(network_names),
}


def show_default(value: object) -> str:
    """A value as it is written after its option, so that it reads back exactly."""
    if isinstance(value, Mapping):
        return ",".join(f"{layer}={show_default(weight)}" for layer, weight in value.items())
    if isinstance(value, tuple):
        return ",".join(map(show_default, value))
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)
