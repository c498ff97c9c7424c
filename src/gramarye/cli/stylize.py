"""`gramarye stylize`: a content, a style, a picture."""

from __future__ import annotations

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
from gramarye.cli.styles import style_names, with_weights

if TYPE_CHECKING:
    from gramarye.config import StylizeConfig


def command() -> Command:
    many = "how it is painted: pictures or folders, with weights if you like (painting.jpg:2)"
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
    out = args.out or new_name(args.content, style_names(args.styles))

    from gramarye.cli.reporting import tell  # PyTorch: only once the settings are right
    from gramarye.cli.running import run_job
    from gramarye.jobs.job import Job, name_inputs

    inputs = name_inputs(args.content, styles, config, given_inputs(args))
    job = Job(inputs, out, config, output, new=args.out is None)
    return tell(run_job(job, quiet=args.quiet, shared=True), args.json)


def given_styles(args: SimpleNamespace) -> tuple[list[Path], StylizeConfig]:
    """The styles' paths, and the settings with the weights written behind them."""
    from gramarye.config import make_config

    styles, settings = with_weights(args, given_settings(args))
    return styles, make_config(**settings)
