"""`gramarye demo`: the sample pictures in the sample styles, and a contact sheet of them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

from gramarye.cli.commands import FOLDER, Command, Option
from gramarye.cli.options import whole_number

if TYPE_CHECKING:
    from gramarye.jobs.job import Report

PAIRS = {
    "landscape": ("pointillism", "ink"),
    "canal": ("woodblock", "impasto"),
    "fox": ("mosaic", "facets"),
}


def command() -> Command:
    size = "longest side of each result, in pixels [512]"
    return Command(
        "demo",
        run,
        "stylize the sample pictures",
        Option("--size", size, whole_number, "N", default=512),
        Option("-o --out", "folder [demo]", FOLDER, "DIR", default="demo"),
        Option("-q --quiet", "show no progress"),
        help="Stylize the sample pictures that come with gramarye, and lay out a contact sheet of "
        "the results.",
        makes_files=True,
    )


def run(args: SimpleNamespace) -> int:
    from gramarye.cli.reporting import summary
    from gramarye.cli.running import run_job
    from gramarye.config import make_config
    from gramarye.jobs.job import Job, name_inputs
    from gramarye.samples import sample_path

    config = make_config(size=args.size)
    pairs = [(content, style) for content, styles in PAIRS.items() for style in styles]
    reports: dict[tuple[str, str], Report] = {}
    for number, (content, style) in enumerate(pairs, start=1):
        if not args.quiet:
            print(f"{number} of {len(pairs)}: {content} as {style}", file=sys.stderr)
        inputs = name_inputs(sample_path(content), [sample_path(style)], config)
        job = Job(inputs, args.out / f"{content}-{style}.png", config)
        report = run_job(job, quiet=args.quiet)
        assert report is not None, "there is one process"
        reports[content, style] = report
        if not args.quiet:
            print(summary(report), file=sys.stderr)
        print(report.output)
        if report.stopped:
            return 130
    print(write_sheet(reports, args.out / "contact-sheet.jpg", config.picture.size))
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
