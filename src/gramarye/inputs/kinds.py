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
from gramarye.pictures.settings import PictureSettings
from gramarye.units import counted, is_or_are, show_size, show_value


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
    labels: bool = False  # its colors name regions
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
        InputKind(
            "content-regions",
            "which region each part of the picture belongs to: a picture of the content's shape in "
            "a few flat colors; a region takes up the style of the region of that color",
            "image",
            labels=True,
        ),
        InputKind(
            "style-regions",
            "the same of a style; one for each style",
            "style",
            many=True,
            labels=True,
        ),
        InputKind(
            "strength-map",
            "how much of the style where: a gray picture of the content's shape, white for all of "
            "--strength, black for none (colors move everywhere)",
            "image",
            gray=True,
        ),
        InputKind(
            "protect",
            "what stays as it is in the content, its colors, too: where this picture of the "
            "content's shape is white",
            "image",
            gray=True,
        ),
        InputKind(
            "warped",
            "what the picture of a frame before was, moved to where its things are now, for "
            "--temporal-weight",
            "image",
            many=True,
        ),
        InputKind(
            "warped-weights",
            "where it counts: where this picture of the content's shape is white; one for each",
            "image",
            many=True,
            gray=True,
        ),
    )
}


# What comes with the content at a scale and is no input of its own: how opaque it is, and its own
# pixels, of which `protect` says where they stay, and which maps and the matting loss start from.
# With a style come its `form`, in the size that its large forms are wanted in, and what is laid
# over it.
CONTENT_ALPHA, PROTECT, OWN_CONTENT = "content-alpha", "protect", "own-content"
_DERIVED = {
    kind.name: kind
    for kind in (
        InputKind(CONTENT_ALPHA, "how opaque the content is", "image", gray=True),
        InputKind(OWN_CONTENT, "the content in its own colors", "image"),
        InputKind("form", "a style for its large forms", "own", many=True),
        InputKind("form-mask", "which part of it counts", "style", many=True, gray=True),
        InputKind("form-regions", "its regions", "style", many=True, labels=True),
    )
}


def kind_of(name: str) -> InputKind:
    """The kind of an input by its name: `style/1` is a style; InputError if there is none."""
    base = name.partition("/")[0]
    if base in _DERIVED:
        return _DERIVED[base]
    if base not in INPUTS:
        hint = did_you_mean(base, INPUTS)
        raise InputError(f"unknown input {show_value(name)}: there are {', '.join(INPUTS)}{hint}")
    return INPUTS[base]


def number_of(name: str) -> int:
    """Which of several inputs of a kind it is, from 0."""
    return int(name.partition("/")[2] or 0)


def names_of(kind: str, known: Iterable[str]) -> list[str]:
    """Those of the names that are of that kind, in their order."""
    return sorted((name for name in known if kind_of(name).name == kind), key=number_of)


def form_of(name: str) -> str:
    """The name of a style's, its mask's or its label picture's large forms: `form/1`."""
    return "form" + name.removeprefix("style")


def origin(name: str) -> str:
    """The input that something at a scale is made from: `style/1` of `form/1`."""
    return "style" + name.removeprefix("form") if kind_of(name).name.startswith("form") else name


def under(name: str) -> str:
    """What a mask or a label picture is laid over: the content, or the style of its number."""
    return "content" if kind_of(name).size == "image" else f"style/{number_of(name)}"


def laid_over(name: str, what: Literal["mask", "regions", "weights"]) -> str:
    """The name of what is laid over a picture: `style-mask/1` of `style/1`."""
    base, slash, number = name.partition("/")
    return f"{base}-{what}{slash}{number}"


def check_sizes(sizes: Mapping[str, tuple[int, int]]) -> None:
    """Raise InputError for a mask of another shape than what it is laid over."""
    for name, (height, width) in sizes.items():
        kind = kind_of(name)
        if not kind.gray and not kind.labels:
            continue
        h, w = sizes[under(name)]
        if not alike((height, width), (h, w)):
            what = "mask" if kind.gray else "label picture"
            raise InputError(
                f"{name} is {show_size(width, height)} pixels and {under(name)} is "
                f"{show_size(w, h)}: give a {what} of the same shape, in any size"
            )


def alike(size: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two pictures (height, width) have one shape, but for a fiftieth and a pixel."""
    (height, width), (h, w) = size, other
    return abs(height * w - width * h) <= max(height * w, width * h) / 50 + max(h, w)


NO_CONTENT = "there is no content: name the picture that is to be painted"


def check_content(names: Collection[str], settings: PictureSettings) -> None:
    """Raise InputError unless there is a content or the settings are those of a texture."""
    if "content" not in names:
        check_texture(settings)
        return
    if settings.drawing or settings.paper:
        check_drawing(names, settings)
    if settings.aspect is not None:
        raise InputError(
            "aspect is for pictures without a content, and there is one: leave it out, or make a "
            "texture of the style alone with 'gramarye texture'"
        )
    if settings.tileable:
        raise InputError(
            "tileable is for textures, which have no content: leave it out, or make one with "
            "'gramarye texture'"
        )


def check_drawing(names: Collection[str], settings: PictureSettings) -> None:
    """Raise InputError for settings and inputs that a line drawing cannot have."""
    if not settings.drawing:
        raise InputError(
            "paper is what a line drawing is on: leave it out, or color one with 'gramarye sketch'"
        )
    if settings.color in ("content", "luminance"):
        raise InputError(
            f"color {settings.color} takes colors from the content, and a line drawing has none: "
            "choose style or free"
        )
    if "content-regions" in names:
        raise InputError(
            "a line drawing has areas of its own, and content-regions are others: leave them out, "
            "or stylize the drawing as any picture with --no-drawing"
        )


def check_texture(settings: PictureSettings) -> None:
    """Raise InputError for settings that a picture without a content cannot have."""
    if settings.aspect is None:
        raise InputError(NO_CONTENT)
    if settings.denoise:
        raise InputError(
            "denoise takes noise from the content, and a texture has none: leave it out"
        )
    if settings.drawing:
        raise InputError("drawing is for pictures with a content, and a texture has none")
    if settings.color in ("content", "luminance"):
        raise InputError(
            f"color {settings.color} takes colors from the content, and a texture has none: choose "
            "style or free"
        )
    if settings.finish == "guided":
        raise InputError(
            "finish guided takes edges from the content, and a texture has none: leave it out"
        )
    if settings.init == "content":
        raise InputError(
            "init content is for pictures with a content, and a texture has none: choose noise, "
            "style-noise, style or a picture"
        )


def check_names(names: Collection[str]) -> None:
    """Raise InputError for what no run can be made from."""
    for name in names:
        kind = kind_of(name)
        if name == CONTENT_ALPHA:
            raise InputError(f"{name} comes with the content: give a content with transparency")
        if name == OWN_CONTENT:
            raise InputError(f"{name} comes with the content: give {PROTECT}, which says where")
        if origin(name) != name:
            raise InputError(f"{name} comes with {origin(name)}: give that, and a form_scale")
        base, slash, number = name.partition("/")
        if kind.many != bool(slash) or (slash and not re.fullmatch("[0-9]{1,4}", number)):
            numbered = f"{base}/0, {base}/1 ..." if kind.many else base
            raise InputError(f"input {show_value(name)} is not called so: write {numbered}")
    styles, masks = names_of("style", names), names_of("style-mask", names)
    if "content" not in names:
        if not styles:
            raise InputError("there is neither a content nor a style: name the pictures")
        for name in names:
            if name != "init" and kind_of(name).size == "image":
                raise InputError(
                    f"{name} is laid over the content, and a texture has none: leave it out"
                )
    for place, name in enumerate(styles):
        if name != f"style/{place}":
            raise InputError(
                f"there is {show_value(name)} and no 'style/{place}': number the styles from 0"
            )
    for name in masks:
        if under(name) not in styles:
            raise InputError(
                f"{name} has no style: there {is_or_are(len(masks), 'mask')} for "
                f"{counted(len(styles), 'style')}; give as many"
            )
    for name in names_of("warped-weights", names):
        if (frame := name.replace("-weights", "")) not in names:
            raise InputError(f"{name} is of no frame: give '{frame}', or as many of both")
    regions = names_of("style-regions", names)
    if bool(regions) != ("content-regions" in names):
        missing = "content-regions" if regions else "style-regions"
        raise InputError(
            f"there are no {missing}: regions are paired by their colors, so give a label picture "
            "of the content and one of each style"
        )
    if regions and [under(name) for name in regions] != styles:
        raise InputError(
            f"there {is_or_are(len(regions), 'picture')} of style-regions for "
            f"{counted(len(styles), 'style')}: give one for each, in their order"
        )
