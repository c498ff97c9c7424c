"""`gramarye distill`: train a narrow network to see as VGG-19 does."""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

from gramarye.cli.options import add_setting, seconds
from gramarye.distillation.settings import DistillConfig, make_distill_config
from gramarye.errors import OutputError

if TYPE_CHECKING:
    from gramarye.distillation.training import DistillRecord

REPORT_EVERY = 100  # steps


def add_parser(subparsers: Any) -> None:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "distill",
        help="train a narrow network to see as VGG-19 does",
        description="Train a narrow VGG-19 on a teacher's activations, from a random start, and "
        "write it as a network file for --weights. A run that is stopped goes on where it was: "
        "give the same command again.",
    )
    parser.add_argument(
        "--images", type=Path, action="append", required=True, metavar="DIR",
        help="a folder of pictures to train with (repeat for more)",
    )  # fmt: skip
    parser.add_argument(
        "--teacher", action="append", required=True, metavar="FILE",
        help="a teacher's safetensors file, or vgg19 (repeat for more)",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="what to write")
    parser.add_argument(
        "--skip", action="append", default=[], metavar="PREFIX",
        help="leave out the pictures whose names start so (repeat for more)",
    )  # fmt: skip
    parser.add_argument(
        "--checkpoint-every", type=seconds, default=120.0, metavar="SECONDS",
        help="how often FILE.checkpoint is written; 0 is only at the end [120]",
    )  # fmt: skip
    group = parser.add_argument_group("the training")
    for name, field in DistillConfig.model_fields.items():
        if name not in ("blocks", "crops"):
            add_setting(group, name, field)
    group.add_argument(
        "--crops", type=parse_whole_numbers, default=argparse.SUPPRESS, metavar="N,N,...",
        help="crop sides in pixels; each batch draws one [96,112,128,160,192]",
    )  # fmt: skip
    group.add_argument(
        "--blocks", type=parse_blocks, default=argparse.SUPPRESS, metavar="N,N/N,N/...",
        help="channels of every convolution, blocks apart [16,16/32,32/96,64,64,64/"
        "128,128,128,128/256]",
    )  # fmt: skip
    parser.set_defaults(run=run)


def parse_blocks(text: str) -> tuple[tuple[int, ...], ...]:
    """`16,16/32,32` as ((16, 16), (32, 32))."""
    try:
        return tuple(tuple(int(n) for n in block.split(",")) for block in text.split("/"))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text[:80]!r} does not name channels: write 16,16/32,32/64,64,64,64/..."
        ) from None


def parse_whole_numbers(text: str) -> tuple[int, ...]:
    """`96,128` as (96, 128)."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text[:80]!r} is not whole numbers: write N,N,N"
        ) from None


def run(args: argparse.Namespace) -> int:
    given = {k: v for k, v in vars(args).items() if k in DistillConfig.model_fields}
    config = make_distill_config(**given)

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
    progress = Progress(config.steps)
    with stop_politely() as stop:
        for record in distill(training):
            if isinstance(record, OutputError):
                tell(f"note: no checkpoint: {record}")
            elif stop.asked:
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
