"""`gramarye stylize`: a content, a style, a picture."""

from __future__ import annotations

from types import SimpleNamespace

from gramarye.cli.commands import FILE, Command, argument
from gramarye.cli.options import given_settings, setting_options
from gramarye.cli.output import given_output, new_name, output_options


def command() -> Command:
    many = "how it is painted; one or more"
    return Command(
        "stylize",
        run,
        "render a picture in the style of another",
        argument("content", "what the picture shows", FILE),
        argument("styles", many, FILE, nargs=-1, required=True, metavar="STYLE..."),
        *output_options(),
        *setting_options(),
        help="Render CONTENT in the style of STYLE; several styles are mixed.",
        epilog="Settings start from a preset ('gramarye presets' lists them); yours win.",
        makes_files=True,
    )


def run(args: SimpleNamespace) -> int:
    from gramarye.config import make_config

    config = make_config(**given_settings(args))
    out = args.out or new_name(args.content, args.styles)

    from gramarye.jobs.job import Job, tell  # PyTorch: only once the settings are right
    from gramarye.jobs.single import run_shared_or_alone

    report = run_shared_or_alone(
        Job(args.content, tuple(args.styles), out, config, given_output(args))
    )
    return tell(report, args.json) if report else 0
