"""`gramarye photoreal`: a photograph in the light and colors of another."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, get_args

from gramarye.cli.commands import FILE, Choice, Command, Option, argument
from gramarye.cli.options import given_inputs, given_settings, input_options, setting_options
from gramarye.cli.output import given_output, new_name, output_options
from gramarye.cli.styles import style_names, with_weights
from gramarye.special_configs import PhotorealMode, make_photoreal_config

if TYPE_CHECKING:
    from gramarye.config import StylizeConfig

OWN = ("--preset", "--aspect", "--tileable")  # which the mode says, or which textures have
MODE = "map: the content's colors go through a map, so that no edge can move; matting: pixels are "
MODE += "moved, and held to a photograph [map]"


def command() -> Command:
    many = "whose light and colors it takes: pictures or folders, with weights (evening.jpg:2)"
    settings = [option for option in setting_options() if option.opts[0] not in OWN]
    for option in settings:
        if option.opts[0] == "--size":
            option.help = (option.help or "").replace("[512]", "[map: the content's; matting: 512]")
        if option.opts[0] == "--map":
            option.help = (option.help or "").replace("[none]", "[grid]")
    return Command(
        "photoreal",
        run,
        "give a photograph the light and colors of another",
        argument("content", "the photograph", FILE),
        argument("styles", many, FILE, nargs=-1, required=True, metavar="REFERENCE..."),
        Option("--mode", MODE, Choice(get_args(PhotorealMode)), default="map", group="the picture"),
        *input_options(),
        *output_options(),
        *settings,
        help="Give CONTENT the light and colors of REFERENCE; it stays a photograph. With masks or "
        "regions, each part takes those of its counterpart.",
        epilog="Settings start from the preset 'photoreal', or 'photoreal-matting' with --mode "
        "matting ('gramarye presets photoreal' shows it); yours win.",
        makes_files=True,
    )


def run(args: SimpleNamespace) -> int:
    styles, config = given_photograph(args)
    output = given_output(args)
    names = [*style_names(args.styles), Path("photoreal")]
    out = args.out or new_name(args.content, names)

    from gramarye.cli.reporting import tell  # PyTorch: only once the settings are right
    from gramarye.cli.running import run_job
    from gramarye.jobs.job import Job, name_inputs

    inputs = name_inputs(args.content, styles, config, given_inputs(args))
    job = Job(inputs, out, config, output, new=args.out is None)
    return tell(run_job(job, quiet=args.quiet, shared=True), args.json)


def given_photograph(args: SimpleNamespace) -> tuple[list[Path], StylizeConfig]:
    """The references' paths, and the settings with the weights written behind them."""
    args.preset = args.aspect = args.tileable = None
    styles, settings = with_weights(args, given_settings(args))
    make_photoreal_config(args.mode, (512, 512), **settings)  # a mistake is told before all else

    from gramarye.pictures.picture import picture_size

    return styles, make_photoreal_config(args.mode, picture_size(args.content), **settings)
