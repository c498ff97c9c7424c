"""The studies that come with the package, and those in a user's file."""

from __future__ import annotations

import importlib
import pkgutil
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gramarye.config import find_setting
from gramarye.errors import InputError, SettingsError, did_you_mean
from gramarye.files import user_path
from gramarye.studies import shipped
from gramarye.studies.study import ONE, Axis, Study, setting_axis
from gramarye.units import show_value

KNOWN = {"title", "question", "papers", "settings", "columns", "rows", "seeds", "sources"}


def study_names() -> list[str]:
    """The shipped studies, by the order their modules ask for; a module is one study."""
    return list(shipped_studies())


def shipped_studies() -> dict[str, Study]:
    """A study is a module in `studies/shipped` with a STUDY; ORDER says where it stands."""
    found = []
    for module in pkgutil.iter_modules(shipped.__path__):
        loaded = importlib.import_module(f"{shipped.__name__}.{module.name}")
        found.append((loaded.ORDER, loaded.STUDY))
    return {study.name: study for _, study in sorted(found, key=lambda pair: pair[0])}


def find_study(name: str) -> Study:
    """A shipped study by its name, or one in a TOML file; InputError says what is wrong."""
    known = shipped_studies()
    if name in known:
        return known[name]
    path = user_path(Path(name))
    if path.suffix.lower() == ".toml":
        return read_study(path)
    raise InputError(
        f"there is no study {show_value(name)}: there are {', '.join(known)}, or name a TOML file"
        f"{did_you_mean(name, known)}"
    )


def read_study(path: Path) -> Study:
    """The study in a TOML file."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the study '{path}' cannot be read: {error}") from error
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"'{path}' is no TOML: {error}") from error
    for key in given:
        if key not in KNOWN:
            raise InputError(
                f"'{path}' has {show_value(key)}: a study has {', '.join(sorted(KNOWN))}"
                f"{did_you_mean(key, KNOWN)}"
            )
    if "columns" not in given:
        raise InputError(f"'{path}' has no [columns]: give a setting and its values")
    texts = {name: text_of(given, name, path) for name in ("title", "question", "papers")}
    seeds = given.get("seeds", [0])
    if not isinstance(seeds, list) or not all(type(s) is int and s >= 0 for s in seeds):
        raise InputError(f"'{path}' has seeds that are no whole numbers from 0: write [0, 1, 2]")
    sources = given.get("sources", [])
    if not isinstance(sources, list):
        raise InputError(f"'{path}' has sources that are no list: write texts in brackets")
    settings = table_of(given.get("settings", {}), "settings", path)
    for name in settings:
        find_setting(name)
    return Study(
        name=slug(path.stem),
        title=texts["title"] or path.stem,
        question=texts["question"] or "What do these settings do?",
        papers=texts["papers"] or "",
        columns=axis_of(given["columns"], "columns", path),
        rows=axis_of(given["rows"], "rows", path) if "rows" in given else ONE,
        settings=settings,
        seeds=tuple(seeds),
        sources=tuple(map(str, sources)),
    )


def slug(stem: str) -> str:
    kept = "".join(c if c.isalnum() and c.isascii() else "-" for c in stem.lower()).strip("-")
    return kept or "mine"


def text_of(given: Mapping[str, Any], name: str, path: Path) -> str | None:
    value = given.get(name)
    if value is not None and not isinstance(value, str):
        raise InputError(f"{name} in '{path}' is {show_value(value)}: write a text in quotes")
    return value


def table_of(given: object, name: str, path: Path) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise InputError(f"{name} in '{path}' is no table: write [{name}] and settings below it")
    return given


def axis_of(given: object, name: str, path: Path) -> Axis:
    table = table_of(given, name, path)
    setting, values = table.get("setting"), table.get("values")
    if not isinstance(setting, str) or not isinstance(values, list) or not values:
        raise InputError(
            f"[{name}] in '{path}' wants a setting and its values, such as "
            'setting = "style_weight" and values = [10, 60, 300]'
        )
    find_setting(setting)
    label = table.get("label", setting.replace("_", " "))
    if not isinstance(label, str):
        raise SettingsError(f"the label of [{name}] in '{path}' is no text: write it in quotes")
    return setting_axis(setting, values, label)
