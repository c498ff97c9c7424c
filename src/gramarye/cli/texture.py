"""`gramarye texture`: a picture of the style alone, of any size."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import click

from gramarye.cli.commands import FILE, Command, Option, Wrong, argument
from gramarye.cli.options import given_inputs, given_settings, input_options, setting_options
from gramarye.cli.output import given_output, new_name, output_options
from gramarye.cli.styles import style_names, with_weights
from gramarye.pictures.settings import LARGEST

if TYPE_CHECKING:
    from gramarye.config import StylizeConfig

SIZE = (512, 512)
WRITTEN = r"\s*(\d{1,6})(?:\s*[xX×]\s*(\d{1,6}))?\s*"
OWN = ("--size", "--aspect")  # options for which --size WxH stands here


class Size(click.ParamType[tuple[int, int]]):
    """`768x512` as (768, 512), and `512` as (512, 512)."""

    name = "size"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, int]:
        if isinstance(value, tuple):
            return value
        found = re.fullmatch(WRITTEN, str(value))
        sides = [int(side) for side in found.groups() if side] if found else []
        if not sides or not all(16 <= side <= LARGEST for side in sides):
            raise Wrong(value, f"WIDTHxHEIGHT, such as 768x512, each from 16 to {LARGEST}")
        return sides[0], sides[-1]


def command() -> Command:
    many = "what the texture is of: pictures or folders, with weights if you like (painting.jpg:2)"
    size = "width and height of the texture, in pixels [512x512]"
    settings = [option for option in setting_options() if option.opts[0] not in OWN]
    for option in settings:
        if option.opts[0] == "--preset":
            option.help = (option.help or "").replace("[default]", "[texture]")
    return Command(
        "texture",
        run,
        "make a texture of a style, which may be tiled",
        argument("styles", many, FILE, nargs=-1, required=True, metavar="STYLE..."),
        Option("--size", size, Size(), "WxH", default=SIZE, group="the picture"),
        *(option for option in input_options() if option.opts[0] == "--style-mask"),
        *output_options(),
        *settings,
        help="Make a texture like STYLE, of any size; several styles are mixed. With --tileable it "
        "can be laid side by side with itself without a seam.",
        epilog="Settings start from the preset 'texture' ('gramarye presets texture' shows it); "
        "those of another preset, and yours, win.",
        makes_files=True,
    )


def run(args: SimpleNamespace) -> int:
    styles, config = given_texture(args)
    output = given_output(args)
    first, *others = style_names(args.styles)
    out = args.out or new_name(first, [*others, Path("texture")])

    from gramarye.cli.reporting import tell  # PyTorch: only once the settings are right
    from gramarye.cli.running import run_job
    from gramarye.jobs.job import Job, name_inputs

    inputs = name_inputs(None, styles, config, given_inputs(args))
    job = Job(inputs, out, config, output, new=args.out is None)
    return tell(run_job(job, quiet=args.quiet, shared=True), args.json)


def given_texture(args: SimpleNamespace) -> tuple[list[Path], StylizeConfig]:
    """The styles' paths, and the settings with the weights written behind them."""
    from gramarye.special_configs import make_texture_config

    width, height = args.size
    args.size = args.aspect = None
    styles, settings = with_weights(args, given_settings(args))
    return styles, make_texture_config(width, height, **settings)
