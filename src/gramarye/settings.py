"""Settings in parts: every room describes its own, and no two of them share a name."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, final

from pydantic import BaseModel, Field
from pydantic.fields import FieldInfo

from gramarye.validation import not_allowed


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
    """A path as the text a setting holds; anything else as it is, but no empty text."""
    if value == "":
        raise not_allowed("the name of a file")
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
class WrittenAs:
    """Annotates a setting that is text of a form of its own, which its help shows."""

    form: str


LARGEST_WEIGHT = 1e15  # two of them times a loss are still a number of float32
Weight = Annotated[float, Field(ge=0, le=LARGEST_WEIGHT)]
LayerWeights = dict[str, Weight]
