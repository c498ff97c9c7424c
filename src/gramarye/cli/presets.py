"""`gramarye presets`: the named sets of settings, and what each changes."""

from __future__ import annotations

from types import SimpleNamespace

from gramarye.cli.commands import Command, argument
from gramarye.cli.options import show_default, starting_with
from gramarye.config import load_preset, preset_names, read_preset


def command() -> Command:
    complete = starting_with(preset_names)
    return Command(
        "presets",
        run,
        "list the named sets of settings",
        argument("name", "show what this preset sets", required=False, shell_complete=complete),
        help="List the presets, or show what one of them sets.",
    )


def run(args: SimpleNamespace) -> None:
    if args.name is None:
        width = max(map(len, preset_names()))
        for name in preset_names():
            print(f"{name:{width}}  {preset_about(name)}")
        return
    print(f"# {preset_about(args.name)}")
    for name, value in load_preset(args.name).items():
        print(show_option(name, value))


def show_option(name: str, value: object) -> str:
    """The setting as it is written on the command line."""
    option = name.replace("_", "-")
    if isinstance(value, bool):
        return f"--{option}" if value else f"--no-{option}"
    return f"--{option} {show_default(value)}"


def preset_about(name: str) -> str:
    """The preset's own sentence about itself."""
    return str(read_preset(name).get("about", ""))
