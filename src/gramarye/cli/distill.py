"""`gramarye distill`: train a narrow network to see as VGG-19 does."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from threading import Event
from types import SimpleNamespace
from typing import TYPE_CHECKING, final

import click

from gramarye.cli.commands import FILE, Command, Option
from gramarye.cli.options import given, seconds, setting_option
from gramarye.distillation.settings import DistillConfig, make_distill_config
from gramarye.errors import OutputError
from gramarye.settings import Setting

if TYPE_CHECKING:
    from gramarye.distillation.training import DistillRecord

REPORT_EVERY = 100  # steps
GROUP = "the training"
SETTINGS = [
    Setting(name, (name,), field, GROUP) for name, field in DistillConfig.model_fields.items()
]


def command() -> Command:
    images = "a folder of pictures to train with (repeat for more)"
    teacher = "a teacher's weights file, or vgg19 (repeat for more)"
    skip = "leave out the pictures whose names start so (repeat for more)"
    every = "how often FILE.checkpoint is written; 0 is only at the end [120]"
    blocks = "channels of every convolution, blocks apart "
    blocks += "[16,16/32,32/96,64,64,64/128,128,128,128/256]"
    return Command(
        "distill",
        run,
        "train a narrow network to see as VGG-19 does",
        Option("--images", images, FILE, "DIR", multiple=True, required=True),
        Option(
            "--teacher", teacher, click.Path(readable=False), "FILE", multiple=True, required=True
        ),
        Option("--out", "what to write", FILE, "FILE", required=True),
        Option("--skip", skip, str, "PREFIX", multiple=True),
        Option("--checkpoint-every", every, seconds, "SECONDS", default=120.0),
        *(setting_option(setting) for setting in SETTINGS if setting.option != "blocks"),
        Option("--blocks", blocks, parse_blocks, "N,N/N,N/...", group=GROUP),
        help="Train a narrow VGG-19 on a teacher's activations, from a random start, and "
        "write it as a network file for --weights. A run that is stopped goes on where it was: "
        "give the same command again.",
        makes_files=True,
    )


def parse_blocks(text: str) -> tuple[tuple[int, ...], ...]:
    """`16,16/32,32` as ((16, 16), (32, 32))."""
    try:
        return tuple(tuple(int(n) for n in block.split(",")) for block in text.split("/"))
    except ValueError:
        raise click.BadParameter(
            f"{text[:80]!r} does not name channels: write 16,16/32,32/64,64,64,64/..."
        ) from None


def run(args: SimpleNamespace) -> int:
    config = make_distill_config(**given(args, DistillConfig.model_fields))

    from gramarye.cli.interrupts import stop_politely
    from gramarye.distillation.running import DistillJob, distill, open_distillation

    job = DistillJob(
        images=tuple(args.images),
        teachers=tuple(args.teacher),
        out=args.out,
        config=config,
        skip=tuple(args.skip),
        checkpoint_every=args.checkpoint_every,
    )
    tell("reading the teachers and the pictures")
    training = open_distillation(job)
    for note in training.notes:
        tell(f"note: {note}")
    progress, stop = Progress(config.steps), Event()
    with stop_politely(stop.set):
        for record in distill(training):
            if isinstance(record, OutputError):
                tell(f"note: no checkpoint: {record}")
            elif stop.is_set():
                training.save()
                tell(
                    f"stopped after step {record.step}: the same command goes on from "
                    f"'{job.checkpoint}'"
                )
                return 130
            else:
                progress.show(record)
    print(job.out)
    return 0


@final
class Progress:
    """A line about the training every so many steps."""

    def __init__(self, steps: int) -> None:
        self.steps, self.start = steps, time.perf_counter()
        self.first: int | None = None

    def show(self, record: DistillRecord) -> None:
        if self.first is None:
            self.first = record.step - 1
        if record.step % REPORT_EVERY == 0 or record.step == self.steps:
            pace = (time.perf_counter() - self.start) / (record.step - self.first)
            errors = "  ".join(f"{layer} {error:.3f}" for layer, error in record.errors.items())
            left = pace * (self.steps - record.step) / 60
            tell(f"step {record.step}/{self.steps}  {errors}  {left:.0f} min left")


def tell(line: str) -> None:
    """Print it for people; who closed the terminal does not end a training."""
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)
