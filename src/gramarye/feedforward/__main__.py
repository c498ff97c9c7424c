"""Train the network that takes any style: python -m gramarye.feedforward OUT --photographs DIR ...

Give the same command again to go on where it stopped; Ctrl-C and SIGTERM save first.
"""

from __future__ import annotations

import argparse
import csv
import json
import signal
import sys
import time
from pathlib import Path

from gramarye.errors import GramaryeError, OutputError
from gramarye.feedforward.running import Shown, TrainJob, open_training, save_training, train
from gramarye.feedforward.settings import FeedForwardConfig
from gramarye.feedforward.training import Training


def parse(argv: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m gramarye.feedforward")
    parser.add_argument("out", type=Path, help="folder of checkpoint, network, log and strips")
    parser.add_argument("--photographs", type=Path, action="append", required=True)
    parser.add_argument("--paintings", type=Path, action="append", required=True)
    parser.add_argument("--skip", action="append", default=[], help="prefixes of names left out")
    parser.add_argument("--start", type=Path, help="a network's file to begin with")
    parser.add_argument("--teacher", help="a wide network's file whose style loss joins, or vgg19")
    parser.add_argument("--pairs", type=Path, help="a table of held-out pairs (content, style)")
    parser.add_argument("--only", action="append", default=[], help="of their names")
    parser.add_argument("--set", default="{}", help="settings of the training, as JSON")
    parser.add_argument("--steps", type=int, default=10**9, help="stop after this step")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="or after this time")
    parser.add_argument("--log", type=int, default=50, help="steps between two rows of the log")
    parser.add_argument("--every", type=int, default=250, help="steps between two strips")
    parser.add_argument("--save", type=float, default=300.0, help="seconds between checkpoints")
    return parser.parse_args(argv)


def held_out(args: argparse.Namespace) -> tuple[tuple[Path, Path], ...]:
    if args.pairs is None:
        return ()
    files = {
        path.stem: path
        for folder in (*args.photographs, *args.paintings)
        for path in folder.iterdir()
    }
    with args.pairs.open(encoding="utf-8") as file:
        rows = [(row["content"], row["style"]) for row in csv.DictReader(file)]
    return tuple((files[c], files[s]) for c, s in rows if not args.only or f"{c}-{s}" in args.only)


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    try:
        job = TrainJob(
            tuple(args.photographs),
            tuple(args.paintings),
            args.out,
            FeedForwardConfig(**json.loads(args.set)),
            tuple(args.skip),
            args.start,
            args.teacher,
            held_out(args),
            args.log,
            args.every,
            args.save,
        )
        job.out.mkdir(parents=True, exist_ok=True)
        training = open_training(job)
        say(f"after step {training.step}")
        train_until(job, training, args.steps, args.seconds)
        save_training(training, job)
    except (GramaryeError, ValueError, OSError) as error:
        print(f"gramarye: {error}", file=sys.stderr)
        return 2
    say(f"stopped after step {training.step}")
    return 0


def train_until(job: TrainJob, training: Training, steps: int, seconds: float) -> None:
    """Train up to a step, for a time, or until somebody asks to stop, whatever comes first."""
    asked: list[bool] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked.append(True))
    began = time.monotonic()
    if training.step >= steps:
        return
    for event in train(job, training):
        if isinstance(event, Shown):
            losses = " ".join(f"{name} {loss:.3f}" for name, loss in event.losses.items())
            say(f"step {event.step}: {losses}")
        elif isinstance(event, OutputError):
            say(f"note: {event}")
        elif asked or event.step >= steps or time.monotonic() - began > seconds:
            return


def say(line: str) -> None:
    print(time.strftime("%H:%M:%S"), line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
