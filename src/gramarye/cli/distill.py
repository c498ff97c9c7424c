"""`gramarye distill`: train a narrow network to see as VGG-19 does."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from threading import Event
from types import SimpleNamespace
from typing import TYPE_CHECKING

import click

from gramarye.cli.commands import FILE, Command, Option
from gramarye.cli.options import given, parse_whole_numbers, seconds, setting_option
from gramarye.distillation.settings import DistillConfig, make_distill_config
from gramarye.errors import OutputError
from gramarye.settings import settings_of

if TYPE_CHECKING:
    from gramarye.distillation.training import DistillRecord

REPORT_EVERY = 100  # steps
SETTINGS = list(settings_of(DistillConfig, ()))


def command() -> Command:
    images = "a folder of pictures to train with (repeat for more)"
    teacher = "a teacher's weights file, or vgg19 (repeat for more)"
    start = "a network file to begin with, of distill or the package (else random weights)"
    skip = "leave out the pictures whose names start so (repeat for more)"
    every = "how often FILE.checkpoint is written; 0 is only at the end [120]"
    blocks = "channels of every convolution, blocks apart "
    blocks += "[16,16/32,48/96,64,64,64/128,128,128,128/256]"
    return Command(
        "distill",
        run,
        "train a narrow network to see as VGG-19 does",
        Option("--images", images, FILE, "DIR", multiple=True, required=True),
        Option(
            "--teacher", teacher, click.Path(readable=False), "FILE", multiple=True, required=True
        ),
        Option("--out", "what to write", FILE, "FILE", required=True),
        Option("--start", start, click.Path(readable=False), "FILE"),
        Option("--skip", skip, str, "PREFIX", multiple=True),
        Option("--checkpoint-every", every, seconds, "SECONDS", default=120.0),
        *(setting_option(setting) for setting in SETTINGS if setting.option != "blocks"),
        Option("--blocks", blocks, parse_blocks, "N,N/N,N/...", group=DistillConfig.title),
        help="Train a narrow VGG-19 on a teacher's activations and style gradients, and "
        "write it as a network file for --weights. A run that is stopped goes on where it was: "
        "give the same command again.",
        makes_files=True,
    )


def parse_blocks(text: str) -> tuple[tuple[int | str, ...], ...]:
    """`16,16/32,32` as ((16, 16), (32, 32))."""
    return tuple(map(parse_whole_numbers, text.split("/")))


def run(args: SimpleNamespace) -> int:
    config = make_distill_config(**given(args, DistillConfig.model_fields))

    from gramarye.cli.interrupts import stop_politely
    from gramarye.distillation.running import DistillJob, distill, open_distillation

    job = DistillJob(
        images=tuple(args.images),
        teachers=tuple(args.teacher),
        out=args.out,
        config=config,
        start=args.start,
        skip=tuple(args.skip),
        checkpoint_every=args.checkpoint_every,
    )
    say("reading the teachers and the pictures")
    training = open_distillation(job)
    for note in training.notes:
        say(f"note: {note}")
    stop = Event()
    with stop_politely(stop.set):
        for record in shown(distill(training), config.steps):
            if stop.is_set():
                training.save()
                say(
                    f"stopped after step {record.step}: the same command goes on from "
                    f"'{job.checkpoint}'"
                )
                return 130
    print(job.out)
    return 0


def shown(records: Iterator[DistillRecord | OutputError], steps: int) -> Iterator[DistillRecord]:
    """The records; a line about one every so many steps, and about what could not be written."""
    start, first = time.perf_counter(), None
    for record in records:
        if isinstance(record, OutputError):
            say(f"note: no checkpoint: {record}")
            continue
        first = record.step - 1 if first is None else first
        if record.step % REPORT_EVERY == 0 or record.step == steps:
            pace = (time.perf_counter() - start) / (record.step - first)
            errors = "  ".join(f"{layer} {error:.3f}" for layer, error in record.errors.items())
            left = pace * (steps - record.step) / 60
            cosines = "  ".join(f"{cosine:.2f}" for _, cosine in sorted(record.cosines.items()))
            pulls = f"  gradients {cosines}" if cosines else ""
            say(f"step {record.step}/{steps}  {errors}{pulls}  {left:.0f} min left")
        yield record


def say(line: str) -> None:
    """Print it for people; who closed the terminal does not end a training."""
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)
