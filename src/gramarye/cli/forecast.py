"""`gramarye forecast`: what a run would take, in seconds and memory, without running it."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, get_args

from gramarye.cli import forecast_video
from gramarye.cli.commands import FILE, Choice, Command, Option, argument
from gramarye.cli.options import (
    given_inputs,
    input_options,
    setting_options,
)
from gramarye.cli.photoreal import MODE, given_photograph
from gramarye.cli.sketch import given_sketch
from gramarye.cli.stylize import given_styles
from gramarye.cli.texture import SIZE, Size, given_texture
from gramarye.cli.video import clip_options, given_video
from gramarye.errors import InputError, SettingsError
from gramarye.special_configs import PhotorealMode

if TYPE_CHECKING:
    from pathlib import Path

    from gramarye.config import StylizeConfig
    from gramarye.forecast import Forecast

OF = ("stylize", "photoreal", "sketch", "texture", "video")


def command() -> Command:
    return Command(
        "forecast",
        run,
        "tell what a run will take: seconds and memory",
        argument("content", "what the picture shows; of a texture, a style; or a clip", FILE),
        argument("styles", "how it is painted", FILE, nargs=-1, metavar="STYLE..."),
        Option("--of", "the command that will paint [stylize]", Choice(OF), default="stylize"),
        Option("--mode", MODE, Choice(get_args(PhotorealMode)), group="the picture"),
        Option("--json", "print one JSON object"),
        *input_options(),
        *setting_options(),
        *clip_options(group="of a clip"),
        help="Measure this machine for a second or two and tell how long 'gramarye stylize', or "
        "what is named with --of, will take with the same pictures and settings, and how much "
        "memory. A blend is as many runs as it has frames: the first as 'stylize' has it, the "
        "others with --frame-steps. Of a clip some frames are painted.",
    )


def run(args: SimpleNamespace) -> int:
    if args.of == "video":
        return forecast_video.run(args)
    if given := [name for name in given_video(args) if name not in ("trial", "quality")]:
        raise SettingsError(f"--{given[0]} is of clips: add --of video, or leave --{given[0]} out")
    styles, config = given_run(args)

    from gramarye.devices import keep_freed_memory
    from gramarye.forecast import forecast
    from gramarye.jobs.job import name_inputs
    from gramarye.jobs.reading import read_inputs
    from gramarye.plan import make_plan, run_device, run_network

    keep_freed_memory()
    device = run_device(config)
    paths = name_inputs(args.content, styles, config, given_inputs(args))
    inputs = read_inputs(paths, config.picture, device).inputs
    network = run_network(config, device)
    held, regions = inputs.held(device), inputs.region_count
    plan = make_plan(config, network, inputs.sizes, device, held=held, files=paths, regions=regions)
    expected = forecast(plan, network)
    print(json.dumps(as_dict(expected)) if args.json else table(expected, plan.history))
    return 0


def given_run(args: SimpleNamespace) -> tuple[list[Path], StylizeConfig]:
    """The styles' paths, and the settings as the command that will paint has them."""
    if args.mode is not None and args.of != "photoreal":
        raise SettingsError("--mode is of --of photoreal: add it, or leave --mode out")
    if args.of == "texture":
        args.styles, args.content = [args.content, *args.styles], None
        args.size = SIZE if args.size is None else Size().convert(args.size, None, None)
        return given_texture(args)
    if not args.styles:
        raise InputError("no style was given: name the picture that CONTENT is painted like")
    if args.of == "photoreal":
        if args.preset is not None:
            raise SettingsError("the mode of --of photoreal says the preset: leave out --preset")
        args.mode = args.mode or "map"
        return given_photograph(args)
    return given_sketch(args) if args.of == "sketch" else given_styles(args)


def as_dict(expected: Forecast) -> dict[str, Any]:
    """The forecast as --json prints it."""
    return {
        "seconds": round(expected.seconds, 1),
        "memory_mib": round(expected.memory / 2**20),
        "scales": [
            {
                "width": part.scale.width,
                "height": part.scale.height,
                "steps": part.scale.steps,
                "seconds": round(part.seconds, 1),
                "memory_mib": round(part.budget.bytes / 2**20),
                "tiles": len(part.budget.tiles.tiles),
                "tiles_computed_twice": len(part.budget.tiles.tiles) - part.budget.tiles.kept,
                "history": "bfloat16" if part.budget.storage.bfloat16 else "float32",
                "history_on_disk": part.budget.storage.folder is not None,
                "content_stored": part.budget.stored,
            }
            for part in expected.scales
        ],
    }


def table(expected: Forecast, history: int) -> str:
    """One line per scale and one for all."""
    from gramarye.forecast import describe
    from gramarye.units import show_bytes, show_seconds, show_size

    lines = []
    for part in expected.scales:
        size = show_size(part.scale.width, part.scale.height)
        given_up = part.budget.describe(history)
        lines.append(
            f"{size:>15}  {part.scale.steps:4} steps  {show_seconds(part.seconds):>12}  "
            f"{show_bytes(part.budget.bytes):>9}" + (f"  ({given_up})" if given_up else "")
        )
    return "\n".join([*lines, describe(expected, history)])
