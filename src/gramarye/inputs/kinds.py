"""The kinds of input pictures: what each is for, and the size it has at a scale.

`INPUTS` is the table of them. Jobs, recipes, checkpoints, `redo`, `resume` and the command line
iterate over it; a new kind is its line here, and whatever asks for it by name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, final

from gramarye.errors import InputError, did_you_mean
from gramarye.units import counted, show_size, show_value


@final
@dataclass(frozen=True)
class InputKind:
    """A kind of input. Where there may be several, they are called `style/0`, `style/1`."""

    name: str
    help: str
    # At a scale: the image's size, its own in proportion, or that of the style of the same number.
    size: Literal["image", "own", "style"]
    many: bool = False
    gray: bool = False  # one channel, how light it is: a mask
    option: bool = True  # whether it is named by an option, else as an argument
    setting: bool = False  # whether it is named by a setting of that name


INPUTS: dict[str, InputKind] = {
    kind.name: kind
    for kind in (
        InputKind("content", "what the picture shows", "image", option=False),
        InputKind("style", "how it is painted; one or more", "own", many=True, option=False),
        InputKind("init", "the first image", "image", setting=True),
        InputKind(
            "content-mask",
            "where the picture takes up the style: where this picture of the content's shape is "
            "white (colors move everywhere; --color content keeps them)",
            "image",
            gray=True,
        ),
        InputKind(
            "style-mask",
            "which part of the style counts: where this picture of the style's shape is white; one "
            "for each style",
            "style",
            many=True,
            gray=True,
        ),
    )
}


# How opaque the content is, at a scale: it comes with the picture and is no input of its own.
CONTENT_ALPHA = "content-alpha"
_ALPHA = InputKind(CONTENT_ALPHA, "how opaque the content is", "image", gray=True)


def kind_of(name: str) -> InputKind:
    """The kind of an input by its name: `style/1` is a style; InputError if there is none."""
    if name == CONTENT_ALPHA:
        return _ALPHA
    base = name.partition("/")[0]
    if base not in INPUTS:
        hint = did_you_mean(base, INPUTS)
        raise InputError(f"unknown input {show_value(name)}: there are {', '.join(INPUTS)}{hint}")
    return INPUTS[base]


def number_of(name: str) -> int:
    """Which of several inputs of a kind it is, from 0."""
    return int(name.partition("/")[2] or 0)


def names_of(kind: str, known: Iterable[str]) -> list[str]:
    """Those of the names that are of that kind, in their order."""
    return sorted((name for name in known if kind_of(name) is INPUTS[kind]), key=number_of)


def check_sizes(sizes: Mapping[str, tuple[int, int]]) -> None:
    """Raise InputError for a mask of another shape than what it is laid over."""
    for name, (height, width) in sizes.items():
        kind = kind_of(name)
        if not kind.gray:
            continue
        under = "content" if kind.size == "image" else name.replace("style-mask", "style")
        h, w = sizes[under]
        if not alike((height, width), (h, w)):
            raise InputError(
                f"{name} is {show_size(width, height)} pixels and {under} is {show_size(w, h)}: "
                "give a mask of the same shape, in any size"
            )


def alike(size: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two pictures (height, width) have one shape, but for a fiftieth and a pixel."""
    (height, width), (h, w) = size, other
    return abs(height * w - width * h) <= max(height * w, width * h) / 50 + max(h, w)


def check_names(names: Collection[str]) -> None:
    """Raise InputError for what no run can be made from."""
    for name in names:
        kind = kind_of(name)
        if kind is _ALPHA:
            raise InputError(f"{name} comes with the content: give a content with transparency")
        base, slash, number = name.partition("/")
        if kind.many != bool(slash) or (slash and not re.fullmatch("[0-9]{1,4}", number)):
            numbered = f"{base}/0, {base}/1 ..." if kind.many else base
            raise InputError(f"input {show_value(name)} is not called so: write {numbered}")
    if "content" not in names:
        raise InputError("there is no content: name the picture that is to be painted")
    styles, masks = names_of("style", names), names_of("style-mask", names)
    for place, name in enumerate(styles):
        if name != f"style/{place}":
            raise InputError(
                f"there is {show_value(name)} and no 'style/{place}': number the styles from 0"
            )
    for name in masks:
        if name.replace("style-mask", "style") not in styles:
            raise InputError(
                f"{name} has no style: there are {counted(len(masks), 'mask')} for "
                f"{counted(len(styles), 'style')}; give as many"
            )
