"""The pictures of docs/before-after.md: our own samples, painted by this.

    python -m benchmarks.sheets --out docs/images

`before-after.jpg`: pairs of a row each, by the default as it was before the pyramid and as it is.
`strengths.jpg`: four pairs at five strengths.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gramarye
from gramarye.pictures.contact_sheet import Cell, contact_sheet
from gramarye.pictures.picture import Picture, load_image
from gramarye.samples import sample_path

# What the default was when layers looked at the whole image only.
BEFORE: Mapping[str, Any] = {
    "style_layers": {"relu1_1": 8.0, "relu2_1": 4.0, "relu3_1": 2.0, "relu4_1": 1.0},
    "content_layers": {"relu4_2": 1.0},
    "style_weight": 60.0,
    "min_size": 256,
}
PAIRS = (
    ("landscape", "woodblock"),
    ("canal", "impasto"),
    ("fox", "mosaic"),
    ("canal", "facets"),
    ("landscape", "pointillism"),
    ("fox", "ink"),
)
STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)


def paint(pair: tuple[str, str], **settings: Any) -> Cell:
    """A picture of two samples, with its style in the corner."""
    content, style = map(sample_path, pair)
    result = gramarye.stylize(content, style, **settings)
    print(f"{pair[0]}, {pair[1]}: {', '.join(f'{k} {v}' for k, v in settings.items())}", flush=True)
    return Cell(result.pixels, load_image(style))


def before_after(size: int) -> list[list[Cell]]:
    return [[paint(pair, size=size, **BEFORE), paint(pair, size=size)] for pair in PAIRS]


def strengths(size: int) -> list[list[Cell]]:
    return [[paint(pair, size=size, strength=s) for s in STRENGTHS] for pair in PAIRS[:4]]


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", type=int, default=512, help="longest side in pixels [512]")
    args = parser.parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    for name, rows, width in (
        ("before-after", before_after(args.size), 1000),
        ("strengths", strengths(args.size * 3 // 4), 1400),
    ):
        sheet = Picture.from_tensor(contact_sheet(rows, width))
        sheet.save(args.out / f"{name}.jpg", quality=82)


if __name__ == "__main__":
    main()
