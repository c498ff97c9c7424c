"""`gramarye stylize`: a content, a style, a picture."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

from gramarye.cli.commands import FILE, Command, argument
from gramarye.cli.options import (
    given_inputs,
    given_settings,
    input_options,
    setting_options,
)
from gramarye.cli.output import given_output, new_name, output_options
from gramarye.errors import InputError, SettingsError
from gramarye.files import is_there, user_path
from gramarye.settings import LARGEST_WEIGHT
from gramarye.units import counted

if TYPE_CHECKING:
    from gramarye.config import StylizeConfig


def command() -> Command:
    many = "how it is painted; one or more, each with its weight if you like (painting.jpg:2)"
    return Command(
        "stylize",
        run,
        "render a picture in the style of another",
        argument("content", "what the picture shows", FILE),
        argument("styles", many, FILE, nargs=-1, required=True, metavar="STYLE..."),
        *input_options(),
        *output_options(),
        *setting_options(),
        help="Render CONTENT in the style of STYLE; several styles are mixed.",
        epilog="Settings start from a preset ('gramarye presets' lists them); yours win.",
        makes_files=True,
    )


def run(args: SimpleNamespace) -> int:
    styles, config = given_styles(args)
    output = given_output(args)
    out = args.out or new_name(args.content, styles)

    from gramarye.cli.reporting import tell  # PyTorch: only once the settings are right
    from gramarye.cli.running import run_job
    from gramarye.jobs.job import Job, name_inputs

    inputs = name_inputs(args.content, styles, config, given_inputs(args))
    job = Job(inputs, out, config, output, new=args.out is None)
    return tell(run_job(job, quiet=args.quiet, shared=True), args.json)


def given_styles(args: SimpleNamespace) -> tuple[list[Path], StylizeConfig]:
    """The styles' paths, and the settings with the weights written behind them."""
    from gramarye.config import make_config

    styles, weights = weighted_styles(args.styles)
    settings = given_settings(args)
    if weights:
        if "style_weights" in settings:
            raise SettingsError(
                "the styles' weights were given twice: behind the pictures, or with "
                "--style-weights, but not both"
            )
        if not any(weights):
            raise InputError(
                f"no style counts: give a weight above 0 behind the picture, as in '{styles[0]}:2'"
            )
        settings["style_weights"] = weights
    if 0 < len(args.style_mask) < len(styles):
        raise InputError(
            f"{counted(len(styles), 'style')} and {counted(len(args.style_mask), 'style mask')} "
            "were given: give a mask for each style, a white one where all of it counts"
        )
    return styles, make_config(**settings)


def weighted_styles(names: Sequence[Path]) -> tuple[list[Path], tuple[float, ...]]:
    """The styles' paths and weights: `painting.jpg:2` counts twice as much as `woodblock.jpg`.

    The weights are empty where no style has one. A file whose own name ends so is taken as it is.
    """
    found = [weight_behind(name) for name in names]
    paths = [path for path, _ in found]
    if all(weight is None for _, weight in found):
        return paths, ()
    return paths, tuple(1.0 if weight is None else weight for _, weight in found)


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
