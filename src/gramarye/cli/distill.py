"""`gramarye distill`: train a narrow network to see as VGG-19 does."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import click
from pydantic import ValidationError

from gramarye.cli.commands import FILE, Command, Option
from gramarye.cli.options import given, seconds, setting_option
from gramarye.distillation.settings import DistillConfig
from gramarye.errors import SettingsError, WeightsError
from gramarye.settings import Setting

if TYPE_CHECKING:
    from gramarye.distillation.training import Training

REPORT_EVERY = 100  # steps
GROUP = "the training"
SETTINGS = [
    Setting(name, (name,), field, GROUP) for name, field in DistillConfig.model_fields.items()
]


def command() -> Command:
    images = "a folder of pictures to train with (repeat for more)"
    teacher = "a teacher's safetensors file, or vgg19 (repeat for more)"
    skip = "leave out the pictures whose names start so (repeat for more)"
    every = "how often the run is saved beside the output [120]"
    blocks = "channels of every convolution, blocks apart "
    blocks += "[16,16/32,32/96,64,64,64/128,128,128,128/256]"
    return Command(
        "distill",
        run,
        "train a narrow network to see as VGG-19 does",
        Option("--images", images, FILE, "DIR", multiple=True, required=True),
        Option("--teacher", teacher, click.Path(), "FILE", multiple=True, required=True),
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
            f"{text!r} does not name channels: write 16,16/32,32/64,64,64,64/..."
        ) from None


def run(args: SimpleNamespace) -> None:
    from rich.console import Console

    from gramarye.distillation.crops import CropSampler, picture_files
    from gramarye.distillation.folding import export
    from gramarye.distillation.teachers import Teachers, load_teacher
    from gramarye.distillation.training import Training

    console = Console(stderr=True, highlight=False)
    config = make_distill_config(args)
    files = picture_files(args.images, args.skip)
    teachers = Teachers([load_teacher(name) for name in args.teacher])
    console.print(f"reading {len(files)} pictures")
    crops = CropSampler(files, config.pixels, config.crops, config.seed)
    training = Training(config, teachers, crops)
    checkpoint = args.out.with_suffix(".checkpoint")
    if checkpoint.exists():
        resume(training, checkpoint)
        console.print(f"going on after step {training.step}")
    start, first, saved = time.perf_counter(), training.step, time.perf_counter()
    for record in training.run():
        if record.step % REPORT_EVERY == 0 or record.step == config.steps:
            pace = (time.perf_counter() - start) / (record.step - first)
            errors = "  ".join(f"{layer} {error:.3f}" for layer, error in record.errors.items())
            left = pace * (config.steps - record.step) / 60
            console.print(f"step {record.step}/{config.steps}  {errors}  {left:.0f} min left")
        if time.perf_counter() - saved > args.checkpoint_every:
            save_checkpoint(training, checkpoint)
            saved = time.perf_counter()
    save_checkpoint(training, checkpoint)
    export(training, args.out)
    print(args.out)


def make_distill_config(args: SimpleNamespace) -> DistillConfig:
    try:
        return DistillConfig(**given(args, DistillConfig.model_fields))
    except ValidationError as error:
        first = error.errors()[0]
        option = "--" + str(first["loc"][0]).replace("_", "-")
        raise SettingsError(f"{option}: {first['msg']} (got {first['input']!r})") from error


def resume(training: Training, checkpoint: Path) -> None:
    import torch

    try:
        training.load_state_dict(torch.load(checkpoint, weights_only=True))
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        raise WeightsError(
            f"{checkpoint} does not fit this run: it was damaged, or made with other --blocks; "
            "move it away to start anew"
        ) from error


def save_checkpoint(training: Training, checkpoint: Path) -> None:
    import torch

    part = checkpoint.with_suffix(".part")
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    torch.save(training.state_dict(), part)
    part.replace(checkpoint)
