"""`gramarye stylize`: a content, a style, a picture."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from gramarye.cli.options import add_settings, given_settings
from gramarye.cli.output import add_output_options, given_output, new_name


def add_parser(subparsers: Any) -> None:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "stylize",
        help="render a picture in the style of another",
        usage="gramarye stylize CONTENT STYLE [STYLE ...] [-o FILE] [options]",
        description="Render CONTENT in the style of STYLE; several styles are mixed.",
        epilog="Settings start from a preset ('gramarye presets' lists them); yours win.",
    )
    parser.add_argument("content", type=Path, metavar="CONTENT", help="what the picture shows")
    parser.add_argument(
        "styles", type=Path, nargs="+", metavar="STYLE", help="how it is painted; one or more"
    )
    add_output_options(parser)
    add_settings(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from gramarye.config import make_config

    config = make_config(**given_settings(args))
    out = args.out or new_name(args.content, args.styles)

    from gramarye.jobs.job import Job, tell  # PyTorch: only once the settings are right
    from gramarye.jobs.single import run_shared_or_alone

    report = run_shared_or_alone(
        Job(args.content, tuple(args.styles), out, config, given_output(args))
    )
    return tell(report, args.json) if report else 0
