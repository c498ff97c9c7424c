"""`gramarye sketch`: a line drawing, colored and painted."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

from gramarye.cli.commands import FILE, Command, argument
from gramarye.cli.options import given_inputs, given_settings, input_options, setting_options
from gramarye.cli.output import given_output, new_name, output_options
from gramarye.cli.styles import style_names, with_weights

if TYPE_CHECKING:
    from gramarye.config import StylizeConfig

OWN = ("--drawing", "--aspect", "--tileable")  # options that say what a drawing is or is not
REGIONS = ("--content-regions", "--style-regions")  # a drawing has areas of its own


def command() -> Command:
    many = "how it is painted: pictures or folders, with weights if you like (painting.jpg:2)"
    settings = [option for option in setting_options() if option.opts[0] not in OWN]
    for option in settings:
        if option.opts[0] == "--preset":
            option.help = (option.help or "").replace("[default]", "[sketch]")
    return Command(
        "sketch",
        run,
        "color and paint a line drawing",
        argument("content", "lines: ink, pencil, a scan", FILE, metavar="DRAWING"),
        argument("styles", many, FILE, nargs=-1, required=True, metavar="STYLE..."),
        *(option for option in input_options() if option.opts[0] not in REGIONS),
        *output_options(),
        *settings,
        help="Color DRAWING with the colors of STYLE and paint it so: the lines stay, and the "
        "areas they close are painted between them. With --paper, what is around them stays white.",
        epilog="Settings start from the preset 'sketch' ('gramarye presets sketch' shows it); "
        "those of another preset, and yours, win. Another --seed colors the areas otherwise.",
        makes_files=True,
    )


def run(args: SimpleNamespace) -> int:
    styles, config = given_sketch(args)
    output = given_output(args)
    out = args.out or new_name(args.content, [*style_names(args.styles), Path("sketch")])

    from gramarye.cli.reporting import tell  # PyTorch: only once the settings are right
    from gramarye.cli.running import run_job
    from gramarye.jobs.job import Job, name_inputs

    inputs = name_inputs(args.content, styles, config, given_inputs(args))
    job = Job(inputs, out, config, output, new=args.out is None)
    return tell(run_job(job, quiet=args.quiet, shared=True), args.json)


def given_sketch(args: SimpleNamespace) -> tuple[list[Path], StylizeConfig]:
    """The styles' paths, and the settings with the weights written behind them."""
    from gramarye.special_configs import make_sketch_config

    vars(args).update({option[2:]: None for option in OWN})
    styles, settings = with_weights(args, given_settings(args))
    return styles, make_sketch_config(**settings)
