"""What a study is: a question, axes of settings, and what is to be read off. No PyTorch here.

A study is a small value. One of a user's own takes ten lines:

    Study(
        name="strength",
        title="How strong a style may be",
        question="At which strength does the subject go?",
        columns=setting_axis("strength", [0, 0.25, 0.5, 0.75, 1]),
    )
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, final

from gramarye.errors import SettingsError
from gramarye.units import show_value

if TYPE_CHECKING:
    from gramarye.studies.results import Results

Settings = Mapping[str, Any]
Findings = Callable[["Results"], list[str]]

MOST = 400  # cells of a study


@final
@dataclass(frozen=True)
class Value:
    """A place on an axis: its label, and the settings of the runs there.

    `first` is a picture that `studies.starts` draws, or another file, to begin with. `task` is what
    is done in place of a run (`studies.tasks`).
    """

    label: str
    settings: Settings = field(default_factory=dict)
    first: str | None = None
    task: str | None = None
    content: str | None = None  # another picture in place of the study's


@final
@dataclass(frozen=True)
class Axis:
    """What changes along the columns or the rows; `read` makes a value of what a user typed."""

    label: str
    values: tuple[Value, ...]
    read: Callable[[str], Value] | None = None
    paper: tuple[Value, ...] = ()  # in the papers' settings, where they are others

    def of(self, texts: Sequence[str]) -> Axis:
        """The axis with the values that were typed; SettingsError for one it does not know."""
        values = tuple(self.value(text) for text in texts)
        return replace(self, values=values, paper=())

    def value(self, text: str) -> Value:
        known = {value.label: value for value in (*self.values, *self.paper)}
        if text in known:
            return known[text]
        if self.read is None:
            raise SettingsError(
                f"{self.label} knows no {show_value(text)}: choose from {', '.join(known)}"
            )
        return self.read(text)


ONE = Axis("", (Value(""),))


@final
@dataclass(frozen=True)
class Study:
    """A grid of runs: every row with every column, with every seed.

    `question` says what is asked, `papers` what the papers found, `sources` which these are;
    `formulas` are those of `studies.formulas`. `settings` are those of all runs, and `paper` those
    that the papers have in their place. `shown_after` are the steps after which a run's picture is
    kept, where these are the columns. `findings` are sentences read off the results.
    """

    name: str
    title: str
    question: str
    columns: Axis
    rows: Axis = ONE
    settings: Settings = field(default_factory=dict)
    paper: Settings = field(default_factory=dict)
    seeds: tuple[int, ...] = (0,)
    papers: str = ""
    sources: tuple[str, ...] = ()
    formulas: tuple[str, ...] = ()
    shown_after: tuple[int, ...] = ()
    curves: bool = True
    pictures: tuple[str, str] = ("canal", "impasto")  # samples, where a user names none
    needs_style: bool = True
    needs_content: bool = True
    findings: Findings | None = None

    def settings_for(self, *, paper: bool) -> Settings:
        """The settings of all runs: the study's, or the papers' in their place."""
        return self.paper if paper and self.paper else self.settings

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", self.name):
            raise SettingsError(
                f"a study cannot be called {show_value(self.name)}: use small letters, digits and "
                "dashes"
            )
        for label, values in (
            (self.columns.label, [value.label for value in self.columns.values]),
            (self.rows.label, [value.label for value in self.rows.values]),
            ("seeds", self.seeds),
        ):
            check_once(label, values)
        cells = len(self.columns.values) * len(self.rows.values) * len(self.seeds)
        if not 1 <= cells <= MOST:
            raise SettingsError(
                f"the study {self.name} has {cells} cells: give from 1 to {MOST}, with fewer "
                f"values or seeds"
            )


def check_once(label: str, values: Sequence[object]) -> None:
    """Raise SettingsError for a value that is there twice: its cells would have one name."""
    twice = [value for value in values if values.count(value) > 1]
    if twice:
        raise SettingsError(f"{label} has {show_value(twice[0])} twice: give each one once")


def setting_axis(
    setting: str, values: Sequence[object], label: str | None = None, paper: Sequence[object] = ()
) -> Axis:
    """An axis of one setting by its option's name, such as `style_weight`."""

    def value(given: object) -> Value:
        return Value(shown(given), {setting: given})

    return Axis(
        label or setting.replace("_", " "),
        tuple(map(value, values)),
        lambda text: value(typed(setting, text)),
        tuple(map(value, paper)),
    )


def shown(value: object) -> str:
    """A value as an axis shows it: layers by their names, numbers short."""
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        plain = len(set(value.values())) <= 1
        return " ".join(str(k) if plain else f"{k}={v:g}" for k, v in value.items()) or "none"
    if isinstance(value, list | tuple):
        return " ".join(map(shown, value))
    return str(value)


def typed(setting: str, text: str) -> object:
    """A setting's value of a text; layers are joined by `+`, since commas part values."""
    from gramarye.config import StylizeConfig

    default = StylizeConfig().value(setting)
    if isinstance(default, Mapping):
        parts = (part.partition("=") for part in text.split("+"))
        return {layer: number(weight or "1") for layer, _, weight in parts}
    if isinstance(default, bool) and text in ("on", "off"):
        return text == "on"
    return text if isinstance(default, str) else number(text)


def number(text: str) -> int | float | str:
    """What is no number stays the text it is: the settings say what is wrong with it."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def layers_axis(setting: str, sets: Mapping[str, Sequence[str]], label: str) -> Axis:
    """An axis of layers, each set equally weighted; a user names some joined by `+`."""

    def value(name: str, layers: Sequence[str]) -> Value:
        return Value(name, {setting: dict.fromkeys(layers, 1.0)})

    return Axis(
        label,
        tuple(value(name, layers) for name, layers in sets.items()),
        lambda text: value(text.replace("+", " "), text.split("+")),
    )
