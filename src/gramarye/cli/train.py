"""`gramarye train`: a network for a style of one's own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import TYPE_CHECKING

import click

from gramarye.cli.commands import FILE, Command, Option, argument
from gramarye.cli.options import given, seconds, setting_option
from gramarye.errors import InputError
from gramarye.feedforward.settings import SHIPPED
from gramarye.files import user_path
from gramarye.johnson.settings import JohnsonConfig
from gramarye.settings import Part, settings_of
from gramarye.training.settings import (
    FROM_NOTHING,
    WAYS,
    LossConfig,
    TrainConfig,
    Way,
    make_settings,
)
from gramarye.units import counted, show_seconds

if TYPE_CHECKING:
    from gramarye.training.job import TrainRecord

PARTS: tuple[type[Part], ...] = (TrainConfig, LossConfig, JohnsonConfig)
REPORTS = 20  # lines about steps, in a whole training


def command() -> Command:
    styles = "the paintings; several are drawn in turn"
    images = (
        "photographs to learn from: a folder, however deep, or a ZIP; COCO's as it is [samples]"
    )
    minute = "about a minute: the painter that comes with gramarye, trained on with this style"
    small = "an hour: a quick network of this style alone, like Johnson's and a tenth of its work"
    video = "the same, trained to be steady, for 'gramarye video CLIP FILE'"
    paper = "Johnson et al. (2016) from nothing, to the letter: days on a processor"
    start = "the painter's file to begin with [instant, which comes with gramarye]"
    hub = "also write model.safetensors, config.json and README.md into this folder"
    every = "how often FILE.checkpoint is written; 0 is only where it ends [60]"
    return Command(
        "train",
        run,
        "train a network for a style of your own",
        argument("styles", styles, FILE, nargs=-1, required=True, metavar="STYLE..."),
        Option("-o --out", "the network's file", FILE, "FILE", required=True),
        Option("--images", images, FILE, "DIR|ZIP"),
        Option("--minute", minute),
        Option("--small", small),
        Option("--video", video),
        Option("--paper", paper),
        Option("--start", start, click.Path(readable=False), "FILE"),
        Option("--hub", hub, FILE, "DIR"),
        Option("--checkpoint-every", every, seconds, "SECONDS", default=60.0),
        Option("-q --quiet", "show no progress"),
        *(setting_option(setting) for part in PARTS for setting in settings_of(part, ())),
        help="Train a network that paints in STYLE, for 'gramarye instant PHOTO FILE'. Without "
        "one of the ways it trains on the painter that comes with gramarye, for half an hour "
        "at most, and ends when held-out photographs get no better. One that is stopped goes on "
        "where it was: give the same command again.",
        epilog="docs/training.md says what each way does.",
        makes_files=True,
    )


def run(args: SimpleNamespace) -> int:
    named: list[Way] = [way for way in WAYS if getattr(args, way, False)]
    if len(named) > 1:
        options = " and ".join(f"--{way}" for way in named)
        raise InputError(f"{options} are two ways to train: choose one")
    way: Way = named[0] if named else "warm"
    if way in FROM_NOTHING and args.start is not None:
        raise InputError(f"--{way} begins with nothing: leave --start out")
    names = [name for part in PARTS for name in part.model_fields]
    settings = make_settings(way, **given(args, names))

    from gramarye.cli.interrupts import stop_politely
    from gramarye.training.job import TrainJob
    from gramarye.training.running import open_training

    job = TrainJob(
        tuple(user_path(style) for style in args.styles),
        user_path(args.out),
        settings,
        args.images,
        Path(args.start or SHIPPED),
        None if args.hub is None else user_path(args.hub),
        args.checkpoint_every,
    )
    training = open_training(job)
    stop, records = Event(), training.records()
    with stop_politely(stop.set) as interrupts:
        for record in shown(records, quiet=args.quiet):
            if stop.is_set() and record.output is None and record.step:
                interrupts.saving = True
                records.close()  # type: ignore[attr-defined]
                say(
                    f"stopped after step {record.step}: the network so far is '{job.out}', and the "
                    f"same command goes on from '{job.checkpoint}'"
                )
                return 130
            if stop.is_set() and not record.step:
                say("stopped before the first step: nothing was written")
                return 130
    if job.hub is not None:
        say(f"the folder for the Hub is '{job.hub}'")
    print(job.out)
    return 0


def shown(records: Iterator[TrainRecord], *, quiet: bool) -> Iterator[TrainRecord]:
    """The records; a line about some of them, and every note."""
    told, forecast = 0, False
    for record in records:
        for note in record.notes:
            say(f"note: {note}")
        if quiet:
            yield record
            continue
        every = max(1, record.steps // REPORTS)
        if record.left is not None and record.step and not forecast and record.output is None:
            forecast = True
            say(f"about {show_seconds(record.left)} to go here, for {describe_end(record)}")
        if record.held_out is not None:
            say(f"step {record.step}  held out: {listed(record.held_out)}{where(record)}")
        elif record.losses and record.step // every > told:
            told = record.step // every
            left = "" if record.left is None else f"  {show_seconds(record.left)} left"
            say(f"step {record.step}/{record.steps}  {listed(record.losses)}{left}")
        if record.output is not None:
            say(f"done in {show_seconds(record.seconds)} and {counted(record.step, 'step')}: "
                f"{record.ended}")  # fmt: skip
        yield record


def describe_end(record: TrainRecord) -> str:
    left = record.steps - record.step
    return f"{counted(left, 'step')} at most; Ctrl-C ends it and keeps what it has learned"


def where(record: TrainRecord) -> str:
    return "" if record.strip is None else f"  (shown in '{record.strip}')"


def listed(losses: dict[str, float]) -> str:
    return "  ".join(f"{name} {value:.3g}" for name, value in losses.items())


def say(line: str) -> None:
    """Print it for people; who closed the terminal does not end a training."""
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)
