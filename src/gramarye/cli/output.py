"""What a run writes and tells: the options shared by the commands that make pictures."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import final

from gramarye.cli.options import count, seconds, whole_number


@final
@dataclass(frozen=True)
class Output:
    """How the picture is written, and what is said meanwhile."""

    quality: int = 95
    strip: bool = False
    bit_depth: int | None = None
    preview: Path | None = None
    save_every: int | None = None
    checkpoint_every: float = 300.0  # seconds; 0 is never
    json: bool = False
    quiet: bool = False


def add_output_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the file")
    group.add_argument(
        "-o",
        "--out",
        type=Path,
        metavar="FILE",
        help="the result; its extension chooses the format (png, jpg, webp, tif, avif, heic)",
    )
    group.add_argument(
        "--quality",
        type=whole_number,
        default=Output.quality,
        metavar="N",
        help=f"quality of JPEG, WebP, AVIF and HEIC, 1 to 100 [{Output.quality}]",
    )
    group.add_argument(
        "--bit-depth", type=int, choices=(8, 16), help="bits per channel [the content's]"
    )
    group.add_argument(
        "--strip", action="store_true", help="leave out the metadata of the content's file"
    )
    group = parser.add_argument_group("while it runs")
    group.add_argument(
        "--preview",
        type=Path,
        metavar="FILE",
        help="keep writing the picture so far to this file",
    )
    group.add_argument(
        "--save-every",
        type=count,
        metavar="N",
        help="also save the picture after every N steps, beside the result",
    )
    group.add_argument(
        "--checkpoint-every",
        type=seconds,
        default=Output.checkpoint_every,
        metavar="SECONDS",
        help="write FILE.checkpoint so often, for 'gramarye resume'; 0 is never "
        f"[{Output.checkpoint_every:.0f}]",
    )
    group.add_argument(
        "--json", action="store_true", help="print one JSON object about the result on stdout"
    )
    group.add_argument("-q", "--quiet", action="store_true", help="show no progress")


def given_output(args: argparse.Namespace) -> Output:
    return Output(
        quality=args.quality,
        strip=args.strip,
        bit_depth=args.bit_depth,
        preview=args.preview,
        save_every=args.save_every,
        checkpoint_every=args.checkpoint_every,
        json=args.json,
        quiet=args.quiet,
    )


def new_name(content: Path, styles: Sequence[Path]) -> Path:
    """`photo-painting.png` in the current folder, or the first `photo-painting-2.png` not there."""
    stem = "-".join([content.stem, *(style.stem for style in styles)])
    return unused(Path(f"{os.fsdecode(os.fsencode(stem)[:200])}.png"))  # disks take 255 bytes


def unused(path: Path) -> Path:
    """The path, or with the lowest number that makes it new: what was made is never lost."""
    number, free = 2, path
    while free.exists():
        free = path.with_name(f"{path.stem}-{number}{path.suffix}")
        number += 1
    return free
