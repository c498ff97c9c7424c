"""What pydantic finds wrong with values, in our words: what came, and what is allowed.

Settings, recipes, checkpoints and the settings of a distillation all say it with these.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, is_dataclass
from types import NoneType
from typing import Annotated, Any, Literal, final, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ByteSize, GetCoreSchemaHandler, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from gramarye.errors import InputError, did_you_mean
from gramarye.units import show_value

AMOUNTS = "an amount with its unit, such as 4GiB, 1.5GB or 800MiB"
LISTS = (tuple, list)


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
            raise not_allowed(listed(self.names) + did_you_mean(name, self.names))
        return name


@final
@dataclass(frozen=True)
class Problem:
    """The first thing that is wrong with what was checked.

    `allowed` is what may stand in its place, as a noun: "a number from 0 to 1". Where a validator
    of ours has written a whole sentence, `text` is that.
    """

    path: tuple[int | str, ...]
    given: object
    allowed: str = ""
    text: str = ""

    def at(self, *path: int | str) -> Problem:
        """The same below a path."""
        return Problem((*path, *self.path), self.given, self.allowed, self.text)

    def of_setting(self, option: str, inside: tuple[int | str, ...] = ()) -> str:
        """The sentence about the setting of that name; `inside` leads to what is wrong in it."""
        if self.text:
            return self.text
        return f"{option} {self.came(inside)}: give {self.allowed}"

    def of_file(self, name: str, inside: tuple[int | str, ...] = ()) -> str:
        """The same of what a file holds, which no user has given."""
        if self.text:
            return f"{name}: {self.text}" if name else self.text
        return f"{name or 'it'} {self.came(inside)}, not {self.allowed}"

    def came(self, inside: tuple[int | str, ...]) -> str:
        if not inside:
            return f"is {show_value(self.given)}"
        place = f"at {inside[-1]}" if isinstance(inside[-1], str) else "in it"
        return f"has {show_value(self.given)} {place}"


def check_kind(name: str, given: object, kinds: type | tuple[type, ...], wanted: str) -> None:
    """Raise InputError for an argument of another type; `wanted` says what it may be, as a noun."""
    if not isinstance(given, kinds):
        raise InputError(f"{name} is of type {type(given).__name__}: give {wanted}")


def not_allowed(allowed: str) -> PydanticCustomError:
    """What a validator raises, with what is allowed as a noun."""
    return PydanticCustomError("not_allowed", "{allowed}", {"allowed": allowed})


def whole_problem(problem: Problem) -> PydanticCustomError:
    """What a validator raises that has found the problem itself, below the model it belongs to."""
    return PydanticCustomError("problem", "{text}", {"text": problem.text, "problem": problem})


def first_problem(error: ValidationError, model: Any) -> Problem:
    """What is wrong first with values that were to be a `model`."""
    details = error.errors(include_url=False)[0]
    path, context = details["loc"], details.get("ctx", {})
    kind, given = details["type"], details["input"]
    if kind == "problem":
        problem: Problem = context["problem"]
        return problem
    if kind == "not_allowed":
        return Problem(path, given, context["allowed"])
    if kind == "value_error":
        return Problem(path, given, text=details["msg"].removeprefix("Value error, "))
    if kind == "json_invalid":
        return Problem(path, given, text="it is no JSON")
    if kind in ("missing", "extra_forbidden"):
        what = "is missing" if kind == "missing" else "is not known"
        return Problem(path[:-1], given, text=f"{show_name(path[-1])} {what}")
    found = found_at(model, path)
    phrase = "" if found is None else allowed(*found)
    if kind == "finite_number":
        phrase = phrase.replace("a number", "a finite number", 1)
    if kind == "float_parsing" and re.fullmatch(r"\s*-?\d+,\d+\s*", str(given)):
        phrase += f", with a point: {str(given).strip().replace(',', '.')}"
    if kind == "literal_error" and found is not None:
        phrase += did_you_mean(str(given), map(str, get_args(found[0])))
    return Problem(path, given, phrase or "what belongs there")


def show_name(name: int | str) -> str:
    """A name as a message may hold it: a file can call its parts anything."""
    text = str(name)
    return text if text.isprintable() and len(text) <= 60 else show_value(text)


def found_at(model: Any, path: Iterable[int | str]) -> tuple[Any, tuple[Any, ...]] | None:
    """The type at a path of a model, and the limits set to it; None where nobody knows."""
    kind, limits = bare(model, ())
    for key in path:
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            fields = kind.model_fields
            field = next((f for n, f in fields.items() if key in (n, f.alias)), None)
            if field is None:
                return None
            kind, limits = bare(field.annotation, tuple(field.metadata))
        elif isinstance(kind, type) and is_dataclass(kind):
            hints = get_type_hints(kind, include_extras=True)
            if key not in hints:
                return None
            kind, limits = bare(hints[str(key)], ())
        elif get_origin(kind) in (*LISTS, dict, Mapping):
            kind, limits = bare(get_args(kind)[0 if get_origin(kind) in LISTS else -1], ())
        else:
            return None
    return kind, limits


def bare(annotation: Any, limits: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    """The annotation without `| None` and `Annotated`, and the limits with those found in there."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            limits = (*limits, *more)
        elif NoneType in (kinds := get_args(annotation)):
            annotation = next(kind for kind in kinds if kind is not NoneType)
        else:
            break
    flat: list[Any] = []
    for limit in limits:
        flat += limit.metadata if isinstance(limit, FieldInfo) else [limit]
    return annotation, tuple(flat)


def allowed(kind: Any, limits: tuple[Any, ...] = ()) -> str:
    """What is allowed, as a noun; empty where there is no word for it."""
    kind, limits = bare(kind, limits)
    names = next((one.names for one in limits if isinstance(one, OneOf)), ())
    if names or get_origin(kind) is Literal:
        return listed(names or get_args(kind))
    if get_origin(kind) in LISTS:
        element = allowed(get_args(kind)[0])
        for noun in ("number", "whole number"):
            element = element.replace(f"a {noun}", f"{noun}s", 1)
        return f"a list of {element}" + counted_range(limits)
    if get_origin(kind) in (dict, Mapping):
        return f"names, each with {allowed(get_args(kind)[1]) or 'its value'}"
    if kind is int:
        return "a whole number" + number_range(limits, step=1)
    if kind is float:
        return "a number" + number_range(limits)
    words = {bool: "true or false", str: "a text", ByteSize: AMOUNTS}
    if kind in words:
        return words[kind]
    is_model = isinstance(kind, type) and (issubclass(kind, BaseModel) or is_dataclass(kind))
    return "names with their values" if is_model else ""


def listed(names: Iterable[object]) -> str:
    """`a, b or c`."""
    *others, last = map(str, names)
    return f"{', '.join(others)} or {last}" if others else last


def number_range(limits: tuple[Any, ...], step: int = 0) -> str:
    """` from 0 to 8`, ` above 0, at most 8`; bounds of whole numbers are those they may reach."""
    # They are of the package annotated-types, which pydantic brings along.
    low, high, above, below = (first(limits, name) for name in ("ge", "le", "gt", "lt"))
    if step:
        low = above + step if above is not None else low
        high = below - step if below is not None else high
        above = below = None
    if low is not None and high is not None:
        return f" from {show_number(low)} to {show_number(high)}"
    words = {"of at least": low, "above": above, "at most": high, "below": below}
    parts = [f"{word} {show_number(bound)}" for word, bound in words.items() if bound is not None]
    return f" {', '.join(parts)}" if parts else ""


def counted_range(limits: tuple[Any, ...]) -> str:
    """`, 1 to 1000 of them`, or `, 2 of them`."""
    least, most = first(limits, "min_length"), first(limits, "max_length")
    if least is None and most is None:
        return ""
    if least == most:
        return f", {least} of them"
    return f", {least or 0} to {most or 'any number'} of them"


def first(limits: Iterable[Any], name: str) -> Any:
    """The first bound of that name; None if there is none."""
    found = (getattr(limit, name, None) for limit in limits)
    return next((bound for bound in found if bound is not None), None)


def show_number(value: Any) -> str:
    return str(value) if isinstance(value, int) else f"{value:g}"
