"""Settings in parts: every room describes its own, and no two of them share a name."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, final

from pydantic import AfterValidator, BaseModel, GetCoreSchemaHandler
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, core_schema

from gramarye.errors import did_you_mean


class Part(BaseModel, frozen=True, extra="forbid", allow_inf_nan=False, populate_by_name=True):
    """A part of the settings: checked when it is made, and never changed.

    A field's description is its help. Its option, by which users know it, is its alias if it has
    one, else its name.
    """

    title: ClassVar[str] = "further settings"  # over its options in a command's help


@final
@dataclass(frozen=True)
class Setting:
    """One field of one part, as users know it."""

    option: str  # its name among all settings: `style_layers`
    path: tuple[str, ...]  # where it is in the config: ("terms", "style", "layers")
    field: FieldInfo
    group: str


def as_text(value: object) -> object:
    """A path as the text a setting holds; anything else as it is."""
    return os.fsdecode(value) if isinstance(value, os.PathLike) else value


def settings_of(part: type[Part], path: tuple[str, ...]) -> Iterator[Setting]:
    """The settings of a part that lies at `path` of the config."""
    for name, field in part.model_fields.items():
        yield Setting(field.alias or name, (*path, name), field, part.title)


def put(tree: dict[str, Any], path: tuple[str, ...], value: object) -> None:
    """Set a value in nested dicts, made where they are missing."""
    *above, last = path
    for key in above:
        tree = tree.setdefault(key, {})
    tree[last] = value


def get(tree: Any, path: tuple[str, ...]) -> Any:
    """The value at a path through models and mappings."""
    for key in path:
        tree = tree[key] if isinstance(tree, Mapping) else getattr(tree, key)
    return tree


@final
@dataclass(frozen=True)
class OneOf:
    """Annotates a setting that is one of some names; the names may grow until it is checked."""

    names: Collection[str]

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def check(self, name: str) -> str:
        if name not in self.names:
            hint = did_you_mean(name, self.names)
            raise ValueError(f"there are {', '.join(self.names)}{hint}")
        return name


@final
@dataclass(frozen=True)
class WrittenAs:
    """Annotates a setting that is text of a form of its own, which its help shows."""

    form: str


LARGEST_WEIGHT = 1e15  # two of them times a loss are still a number of float32


def check_layer_weights(layers: dict[str, float]) -> dict[str, float]:
    for layer, weight in layers.items():
        if not 0 <= weight <= LARGEST_WEIGHT:
            raise ValueError(
                f"the weight of layer {layer} is {weight}: it must be from 0 to {LARGEST_WEIGHT:g}"
            )
    return layers


LayerWeights = Annotated[dict[str, float], AfterValidator(check_layer_weights)]
