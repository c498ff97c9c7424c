"""`gramarye forecast`: what a run would take, in seconds and memory, without running it."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from gramarye.cli.commands import FILE, Command, Option, argument
from gramarye.cli.options import given_settings, setting_options

if TYPE_CHECKING:
    from gramarye.memory.forecast import Forecast


def command() -> Command:
    return Command(
        "forecast",
        run,
        "tell what a run will take: seconds and memory",
        argument("content", "what the picture shows", FILE),
        argument("styles", "how it is painted", FILE, nargs=-1, required=True, metavar="STYLE..."),
        Option("--json", "print one JSON object"),
        *setting_options(),
        help="Measure this machine for a second or two and tell how long 'gramarye stylize' with "
        "the same pictures and settings will take, and how much memory.",
    )


def run(args: SimpleNamespace) -> int:
    from gramarye.config import make_config

    config = make_config(**given_settings(args))

    from gramarye.devices import choose_device, keep_freed_memory
    from gramarye.jobs.inputs import open_input
    from gramarye.memory.budget import memory_budget
    from gramarye.memory.forecast import forecast
    from gramarye.stylize import config_network

    keep_freed_memory()
    device = choose_device(config.device)
    pictures = [open_input(path, device) for path in (args.content, *args.styles)]
    content, *styles = [(picture.height, picture.width) for picture in pictures]
    network = config_network(config)
    memory = memory_budget(config.memory, device)
    told = forecast(network, content, styles, config, memory, device)
    print(json.dumps(as_dict(told)) if args.json else table(told, config.history))
    return 0


def as_dict(told: Forecast) -> dict[str, Any]:
    """The forecast as --json prints it."""
    return {
        "seconds": round(told.seconds, 1),
        "memory_mib": round(told.memory / 2**20),
        "scales": [
            {
                "width": part.scale.width,
                "height": part.scale.height,
                "steps": part.scale.steps,
                "seconds": round(part.seconds, 1),
                "memory_mib": round(part.budget.bytes / 2**20),
                "tiles": len(part.budget.tiles.tiles),
                "tiles_computed_twice": len(part.budget.tiles.tiles) - part.budget.tiles.kept,
                "history": part.budget.history,
                "history_on_disk": part.budget.on_disk,
                "content_stored": part.budget.stored,
            }
            for part in told.scales
        ],
    }


def table(told: Forecast, history: int) -> str:
    """One line per scale and one for all."""
    from gramarye.memory.budget import show_bytes
    from gramarye.memory.forecast import describe
    from gramarye.progress import show_seconds

    lines = []
    for part in told.scales:
        size = f"{part.scale.width} × {part.scale.height}"
        given_up = part.budget.describe(history)
        lines.append(
            f"{size:>15}  {part.scale.steps:4} steps  {show_seconds(part.seconds):>12}  "
            f"{show_bytes(part.budget.bytes):>9}" + (f"  ({given_up})" if given_up else "")
        )
    return "\n".join([*lines, describe(told, history)])
