"""The styles as they are typed: pictures, folders of pictures, and the weights behind them."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from gramarye.errors import InputError, SettingsError
from gramarye.files import is_there, user_path
from gramarye.pictures.formats import EXTENSIONS
from gramarye.settings import LARGEST_WEIGHT
from gramarye.units import counted

NETWORK = ".safetensors"  # the end of a trained network's name, which may come last of all names
GRAPH = ".onnx"  # of one that was exported
READ = (*EXTENSIONS, ".gif", ".bmp", ".ppm", ".pgm")  # of the files in a folder, what is a picture


def with_weights(
    args: SimpleNamespace, settings: dict[str, Any]
) -> tuple[list[Path], dict[str, Any]]:
    """The styles' paths, and the settings with the weights that were written behind them."""
    styles, weights = weighted_styles(args.styles)
    if weights:
        if "style_weights" in settings:
            raise SettingsError(
                "the styles' weights were given twice: behind the pictures, or with "
                "--style-weights, but not both"
            )
        if not any(weights):
            raise InputError(
                "no style counts: give a weight above 0 behind the name, as in "
                f"'{style_names(args.styles)[0]}:2'"
            )
        settings["style_weights"] = weights
    check_laid_over(args, styles)
    return styles, settings


def take_network(args: SimpleNamespace, names: list[Path]) -> None:
    """Make a network that was named last `args.painter`; InputError for one named before."""
    for name in names[:-1]:
        if name.suffix.lower() == NETWORK:
            raise InputError(
                f"'{name}' is a network, and not named last: name it after all styles, or alone "
                "if it has its style in itself"
            )
    if names and names[-1].suffix.lower() == GRAPH:
        raise InputError(
            f"'{names[-1]}' is a network for other programs, and gramarye paints with the file it "
            f"was exported from: name that, which ends in {NETWORK}; without one, the network that "
            "comes with gramarye paints in the style of a picture"
        )
    if not names or names[-1].suffix.lower() != NETWORK:
        return
    last = names.pop()
    if args.painter is not None:
        raise InputError(
            f"'{last}' is a network, and --painter names another: one paints a picture"
        )
    args.painter = str(last)


def check_laid_over(args: SimpleNamespace, styles: Sequence[Path]) -> None:
    """Raise InputError for fewer masks or label pictures than styles.

    Where several were written behind one option, all but the first have become styles.
    """
    for option, each in (
        ("style_mask", "a white one where all of it counts"),
        ("style_regions", "one of one color where all of it is one region"),
    ):
        given = len(getattr(args, option, ()))
        if 0 < given < len(styles):
            name = f"--{option.replace('_', '-')}"
            raise InputError(
                f"{counted(len(styles), 'style')} and {counted(given, 'picture')} of {name} were "
                f"given: write {name} once for each style, before each of its pictures, {each}"
            )


def style_names(names: Sequence[Path]) -> list[Path]:
    """What was named, without weights: a folder is one name, however many pictures it holds.

    The current folder, `.`, is called as it is from outside.
    """
    paths = [weight_behind(name)[0] for name in names]
    return [path if path.stem.strip(".") else Path(os.path.abspath(path)) for path in paths]  # noqa: PTH100 (links stay)


def weighted_styles(names: Sequence[Path]) -> tuple[list[Path], tuple[float, ...]]:
    """The styles' paths and weights: `painting.jpg:2` counts twice as much as `woodblock.jpg`.

    The weights are empty where no style has one. A file whose own name ends so is taken as it is. A
    folder is one style: its pictures share the weight, all alike.
    """
    found = [(pictures_of(path), weight) for path, weight in map(weight_behind, names)]
    paths = [path for pictures, _ in found for path in pictures]
    alike = len(found) == 1 or all(len(pictures) == 1 for pictures, _ in found)
    if alike and all(weight is None for _, weight in found):
        return paths, ()
    shares = [
        (1.0 if weight is None else weight) / len(pictures)
        for pictures, weight in found
        for _ in pictures
    ]
    return paths, tuple(shares)


def pictures_of(name: Path) -> list[Path]:
    """The pictures in a folder, by name, its subfolders' not among them; a file as it is."""
    folder = user_path(name)
    if not os.path.isdir(folder):  # noqa: PTH112 (any name, also too long)
        return [name]
    try:
        files = sorted(folder.iterdir())
    except OSError as error:
        raise InputError(f"the folder '{name}' cannot be read ({error.strerror})") from error
    seen = [file for file in files if not file.name.startswith(".") and file.is_file()]
    found = [file for file in seen if file.suffix.lower() in READ]
    if not found:
        raise InputError(
            f"'{name}' is a folder, and no file in it is a picture by its name (.jpg, .png ...): "
            "give a picture, or a folder of pictures"
        )
    return found


def weight_behind(name: Path) -> tuple[Path, float | None]:
    """A style's file, and the weight behind its name; None where there is none."""
    path, colon, written = str(name).rpartition(":")
    if not colon or not path or is_there(user_path(name)):
        return name, None
    if re.fullmatch(r"\d+(\.\d+)?", written) and float(written) <= LARGEST_WEIGHT:
        return Path(path), float(written)
    if is_there(user_path(path)):
        raise InputError(
            f"{written!r} behind the picture '{path}' is no weight: write a number from 0 to "
            f"{LARGEST_WEIGHT:g}, as in '{path}:2'"
        )
    return name, None
