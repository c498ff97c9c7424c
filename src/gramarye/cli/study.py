"""`gramarye study`: the papers' experiments, and a reader's own, with a report."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from gramarye.cli.commands import FILE, FOLDER, Choice, Command, Option, argument
from gramarye.cli.interrupts import stop_politely
from gramarye.cli.options import network_names, whole_number
from gramarye.errors import InputError, SettingsError
from gramarye.units import show_seconds, show_value

if TYPE_CHECKING:
    from gramarye.studies.making import StudyRun

EVERY = 10.0  # seconds between two lines where there is no bar


def command() -> Command:
    what = "which study, or a TOML file with one of your own; without a name they are listed"
    content = "the photograph [one that comes with gramarye]"
    style = "the painting [one that comes with gramarye]"
    setting = "a setting of all runs, by its option's name; repeat for more"
    axis = "what changes along the {}: values of the study's own, or SETTING=V,V,..."
    weights = "a network's weights file; repeat for more"
    return Command(
        "study",
        run,
        "repeat the papers' experiments, with a report",
        argument("name", what, required=False),
        argument("content", content, FILE, required=False),
        argument("style", style, FILE, required=False),
        Option("-o --out", "the folder [study-NAME]", FOLDER, "DIR"),
        Option("--size", "longest side of the pictures, in pixels", whole_number, "N"),
        Option("--steps", "steps of each run", whole_number, "N"),
        Option("--seeds", "seeds of the noise: each cell once for each", str, "N,N,..."),
        Option("--network", "network that defines the losses", Choice(network_names())),
        Option("--weights", weights, str, "NAME=FILE", multiple=True),
        Option("--columns", axis.format("columns"), str, "V,V,..."),
        Option("--rows", axis.format("rows"), str, "V,V,..."),
        Option("--set", setting, str, "SETTING=VALUE", multiple=True),
        Option("--paper", "the papers' size, steps and network, and the time that takes"),
        Option("--jobs", "cells made at once [as cores and memory allow]", whole_number, "N"),
        Option("-q --quiet", "show no progress"),
        help="Make a grid of pictures that answers a question of the papers, and write a contact "
        "sheet, curves, tables and a report that opens in a browser. Cells that are in the folder "
        "already stay: the same command goes on where it was stopped. Without pictures it takes "
        "those that come with gramarye.",
        makes_files=True,
    )


def run(args: SimpleNamespace) -> int:
    from gramarye.studies.shipping import find_study, shipped_studies

    if args.name is None:
        for study in shipped_studies().values():
            print(f"{study.name:24}{study.title}")
        return 0
    study = find_study(args.name)
    from gramarye.studies.making import StudyRun, Wish

    wish = Wish(
        args.content,
        args.style,
        args.out,
        given_settings(args),
        parts_of(args.columns, "columns"),
        parts_of(args.rows, "rows"),
        seeds_of(args.seeds),
        weights_of(args.weights),
        args.paper,
        checked(args.jobs, "jobs", 1, 256),
        args.name,
    )
    making = StudyRun(study, wish)
    if wish.paper and not args.quiet:
        from gramarye.studies.duration import describe_duration

        print(describe_duration(making), file=sys.stderr)
    with stop_politely(making.stop) as interrupts:
        watch(making, quiet=args.quiet)
        interrupts.saving = True
        written = making.finish()
    for line in failures(making):
        print(f"note: {line}", file=sys.stderr)
    for path in written:
        print(path)
    if making.stopped:
        print(
            "stopped: the report has what is there; the same command makes the rest",
            file=sys.stderr,
        )
        return 130
    failed = all(result.failure is not None for result in making.running.results.values())
    return 2 if failed else 0


def watch(making: StudyRun, *, quiet: bool) -> None:
    """Make the cells, saying how far it is: a line every few seconds, and one for each cell."""
    said = 0.0
    for progress in making.steps():
        if quiet or (progress.finished is None and progress.seconds - said < EVERY):
            continue
        said = progress.seconds
        seconds = progress.left if progress.cells < progress.of else None
        left = "" if seconds is None else f", about {show_seconds(seconds)} left"
        label = ""
        if progress.finished is not None:
            label = f": {making.results.label(progress.finished)}".rstrip(": ")
        print(f"{progress.cells} of {progress.of} cells{left}{label}", file=sys.stderr)


def failures(making: StudyRun) -> list[str]:
    """Which cells could not be made and why; a reason that several share is told once."""
    cells: dict[str, list[str]] = {}
    for place, result in making.running.results.items():
        if result.failure is not None:
            cells.setdefault(result.failure, []).append(making.results.label(place) or "the run")
    return [
        f"{labels[0]}{f' and {len(labels) - 1} more' if labels[1:] else ''}: {why}"
        for why, labels in cells.items()
    ]


def given_settings(args: SimpleNamespace) -> dict[str, Any]:
    """The settings of all runs, by their options' names."""
    from gramarye.config import make_config
    from gramarye.studies.study import typed

    found: dict[str, Any] = {}
    for text in args.set or ():
        name, equals, value = text.partition("=")
        if not equals:
            raise SettingsError(
                f"--set {show_value(text)} has no value: write SETTING=VALUE, such as "
                "--set style_weight=100"
            )
        option = name.strip().replace("-", "_")
        found[option] = typed(option, value)
    for name in ("size", "steps", "network"):
        if getattr(args, name) is not None:
            found[name] = getattr(args, name)
    make_config(**found)
    return found


def parts_of(text: str | None, option: str) -> list[str]:
    """`a,b,c` as three values; commas do not end a `SETTING=` before them."""
    if text is None:
        return []
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise SettingsError(f"--{option} names nothing: give values with commas between them")
    return parts


def seeds_of(text: str | None) -> list[int]:
    parts = parts_of(text, "seeds")
    for part in parts:
        if not part.isdecimal() or int(part) >= 2**63:
            raise SettingsError(
                f"--seeds has {show_value(part)}: give whole numbers from 0, such as 0,1,2"
            )
    return [int(part) for part in parts]


def weights_of(texts: Sequence[str] | None) -> Mapping[str, Path]:
    from gramarye.networks.catalog import find_network

    found = {}
    for text in texts or ():
        name, equals, path = text.partition("=")
        if not equals or not path:
            raise SettingsError(
                f"--weights {show_value(text)} names no file: write NAME=FILE, such as "
                "--weights vgg16=vgg16.pth"
            )
        found[find_network(name).name] = Path(path)
        if not Path(path).expanduser().is_file():
            raise InputError(f"the weights '{path}' are no file: name one that is there")
    return found


def checked(value: int | str | None, name: str, least: int, most: int) -> int | None:
    if value is None:
        return None
    if isinstance(value, str) or not least <= value <= most:
        raise SettingsError(f"{name} is {value!r}: give a whole number from {least} to {most}")
    return value
