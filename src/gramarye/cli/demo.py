"""`gramarye demo`: the sample pictures in the sample styles, and a contact sheet of them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gramarye.cli.options import whole_number
from gramarye.cli.output import Output

if TYPE_CHECKING:
    from gramarye.jobs.job import Report

PAIRS = {
    "landscape": ("pointillism", "ink"),
    "canal": ("woodblock", "impasto"),
    "fox": ("mosaic", "facets"),
}


def add_parser(subparsers: Any) -> None:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "demo",
        help="stylize the sample pictures",
        description="Stylize the sample pictures that come with gramarye, and lay out a contact "
        "sheet of the results.",
    )
    parser.add_argument(
        "--size",
        type=whole_number,
        default=512,
        metavar="N",
        help="longest side of each result, in pixels [512]",
    )
    parser.add_argument(
        "-o", "--out", type=Path, default=Path("demo"), metavar="DIR", help="folder [demo]"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="show no progress")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from gramarye.config import make_config
    from gramarye.jobs.job import Job, summary
    from gramarye.jobs.single import run_job
    from gramarye.samples import sample_path

    config = make_config(size=args.size)
    pairs = [(content, style) for content, styles in PAIRS.items() for style in styles]
    reports: dict[tuple[str, str], Report] = {}
    for number, (content, style) in enumerate(pairs, start=1):
        if not args.quiet:
            print(f"{number} of {len(pairs)}: {content} as {style}", file=sys.stderr)
        job = Job(
            sample_path(content),
            (sample_path(style),),
            args.out / f"{content}-{style}.png",
            config,
            Output(quiet=args.quiet),
        )
        report = reports[content, style] = run_job(job)
        if not args.quiet:
            print(summary(report), file=sys.stderr)
        print(report.output)
        if report.stopped:
            return 130
    print(write_sheet(reports, args.out / "contact-sheet.jpg", args.size))
    return 0


def write_sheet(reports: dict[tuple[str, str], Report], path: Path, size: int) -> Path:
    """Each content, then its results, a row each; the style in each result's corner."""
    from gramarye.pictures.contact_sheet import Cell, contact_sheet
    from gramarye.pictures.picture import Picture, load_image, save_picture
    from gramarye.samples import sample_path

    def row(content: str, styles: Sequence[str]) -> list[Cell]:
        results = [
            Cell(load_image(reports[content, style].output), load_image(sample_path(style)))
            for style in styles
        ]
        return [Cell(load_image(sample_path(content))), *results]

    rows = [row(content, styles) for content, styles in PAIRS.items()]
    sheet = contact_sheet(rows, width=min(3 * size, 1500))
    return save_picture(Picture.from_tensor(sheet), path, quality=90).path
