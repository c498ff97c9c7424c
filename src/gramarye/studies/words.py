"""What a report says in sentences: how far it is, how it differs, what its numbers mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gramarye.config import StylizeConfig, make_config
from gramarye.samples import CONTENTS, STYLES, sample_path
from gramarye.studies.results import Result, Results

LITE = (
    "The papers' network is VGG-19; vgg19-lite is a small one that was trained to see what the "
    "first thirteen convolutions of VGG-19 see, and sees it nearly. --network vgg19 takes the real "
    "one, once its weights are here."
)
NO_CONV5 = (
    "The papers' style has conv5_1, too. Here it is left out: its features are so rare that a few "
    "rings of the picture may satisfy them, and at the same weight it decides all. The studies "
    "style-layers and content-layer show both."
)
SMALLER = "The pictures are smaller or have fewer steps than the papers': --paper takes theirs."
# What the numbers of a cell are, by how their columns begin.
MEANINGS = {
    "pixel error": "the root mean square of the difference from the content; colors go from 0 to 1",
    "edges": "how alike edges are to the content's: 1 is the same, 0 has nothing in common",
    "style, ": "how far it is from the style, from its colors to its large forms: 0 is the style, "
    "1 as far as the untouched content",
    "content": "how far it is from the content, whatever its colors: 0 is the content",
    "specks": "odd spots of a pixel or two, per megapixel",
    "checkerboard": "about 1 where there is no pattern of period 2 or 4",
    "loss": "all losses together at the last step, as they are weighted; then each by its layer. "
    "They compare only between cells of the same network, layers and weights",
    "seconds": "of computing",
}
BY_SCORE = ("style, ", "content", "specks", "checkerboard")
JUDGE = (
    "Style, content, specks and checkerboard are what 'gramarye score' measures; its judge is "
    "vgg19-lite, which favors pictures that it has made itself."
)


def how_far(results: Results) -> str:
    """How many cells are made, and why others are not."""
    cells, made = len(results.places), len(results.made)
    failed = len(results.found) - made
    missing = cells - made - failed
    parts = [f"{made} of {cells} cells made"]
    if failed:
        parts.append(f"{failed} could not be made, and the reason stands in place of the picture")
    if missing:
        parts.append(f"{missing} not made yet: the same command goes on")
    return "; ".join(parts) + "."


def differs(results: Results) -> str:
    """What a reader must know who holds the page beside the papers."""
    configs = [config_of(result) for result in results.made.values()]
    if not configs:
        return ""
    parts = []
    if any(config.network.name == "vgg19-lite" for config in configs):
        parts.append(LITE)
    asked = [result.settings.get("style_layers", {}) for result in results.made.values()]
    if all(asked) and not any("relu5_1" in layers for layers in asked):
        parts.append(NO_CONV5)
    if paper := results.study.paper:
        size, steps = paper["size"], paper["steps"]
        if any(c.picture.size < size or c.scales.steps < steps for c in configs):
            parts.append(SMALLER)
    return " ".join(parts)


def config_of(result: Result) -> StylizeConfig:
    return make_config(**result.settings)


def legend(columns: Iterable[str]) -> list[str]:
    """What the numbers in the table's columns are."""
    columns = list(columns)
    there = {start for start in MEANINGS if any(name.startswith(start) for name in columns)}
    lines = [f"{start.strip(', ')}: {text}." for start, text in MEANINGS.items() if start in there]
    return [*lines, JUDGE] if there.intersection(BY_SCORE) else lines


def caption(name: str, path: Path) -> str:
    """What an input is: its file, or that it comes with gramarye."""
    if path in map(sample_path, CONTENTS + STYLES):
        return f"{name}: {path.stem}, a picture that comes with gramarye"
    return f"{name}: {path.name}"


def option_words(settings: Mapping[str, Any]) -> list[str]:
    """The options of a command that give these settings."""
    words = []
    for name, value in settings.items():
        if name in ("size", "steps", "network"):
            words += [f"--{name}", str(value)]
        else:
            words += ["--set", f"{name}={as_typed(value)}"]
    return words


def as_typed(value: object) -> str:
    """A setting's value as `studies.study.typed` reads it."""
    if isinstance(value, Mapping):
        return "+".join(f"{layer}={weight}" for layer, weight in value.items())
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)
