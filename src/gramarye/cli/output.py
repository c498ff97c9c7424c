"""What a run writes and tells: the options shared by the commands that make pictures."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace

from pydantic import TypeAdapter, ValidationError

from gramarye.cli.commands import FILE, Choice, Option
from gramarye.cli.options import number, whole_number
from gramarye.errors import SettingsError
from gramarye.jobs.output import Output
from gramarye.validation import first_problem


def output_options() -> list[Option]:
    formats = "the result; its extension chooses the format (png, jpg, webp, tif, avif, heic)"
    quality = f"quality of JPEG, WebP, AVIF and HEIC, 1 to 100 [{Output.quality}]"
    preview = "keep writing the picture so far to this file"
    cube = "also write the color map as a table, for other programs (with --map)"
    nth = "also save the picture after every N steps, beside the result"
    often = "write FILE.checkpoint so often, for 'gramarye resume'; 0 is never "
    often += f"[{Output.checkpoint_every:.0f}]"
    late = Output.checkpoint_every
    file, running = {"group": "the file"}, {"group": "while it runs"}
    return [
        Option("-o --out", formats, FILE, "FILE", **file),
        Option("--quality", quality, whole_number, "N", default=Output.quality, **file),
        Option("--bit-depth", "bits per channel [the content's]", Choice((8, 16)), **file),
        Option("--strip", "leave out the metadata of the content's file", **file),
        Option("--cube", cube, FILE, "FILE", **file),
        Option("--preview", preview, FILE, "FILE", **running),
        Option("--save-every", nth, whole_number, "N", **running),
        Option("--checkpoint-every", often, number, "SECONDS", default=late, **running),
        Option("--json", "print one JSON object about the result on stdout", **running),
        Option("-q --quiet", "show no progress", **running),
    ]


def given_output(args: SimpleNamespace) -> Output:
    """How the result is written; SettingsError says what is wrong with a value."""
    given = {field.name: getattr(args, field.name) for field in fields(Output)}
    try:
        return TypeAdapter(Output).validate_python(given)
    except ValidationError as error:
        problem = first_problem(error, Output)
        name = str(problem.path[0])
        raise SettingsError(problem.of_setting(name), setting=name) from error


def new_name(content: Path, styles: Sequence[Path]) -> Path:
    """`photo-painting.png` in the current folder: what a result is called that has no name."""
    stem = "-".join([content.stem, *(style.stem for style in styles)])
    return Path(f"{os.fsdecode(os.fsencode(stem)[:200])}.png")  # disks take 255 bytes
