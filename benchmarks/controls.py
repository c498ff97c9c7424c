"""What each control costs over plain `stylize`: processor time, in turns, the least of each.

    python -m benchmarks.controls [--size 256] [--repeats 2]

The landscape in the impasto, of the samples; a sketch is of our own drawing. The table comes as
Markdown.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from functools import partial

import torch

import gramarye
from benchmarks.drawing import line_drawing
from benchmarks.sheets import halves
from gramarye.pictures.picture import Picture, load_image
from gramarye.samples import sample_path

FINISHING = {"denoise": 0.5, "detail": 0.5, "contrast": 0.3, "canvas": 0.3, "film_grain": 0.3}


def quarters(image: torch.Tensor) -> torch.Tensor:
    """Four regions of the same size: red or blue, with green in the left half."""
    labels = halves(image, 0.5)
    labels[:, 1, :, : image.shape[-1] // 2] = 1
    return labels


def runs(size: int) -> Mapping[str, Callable[[], Picture]]:
    content, style, other = (
        load_image(sample_path(n)) for n in ("landscape", "impasto", "woodblock")
    )
    ramp = torch.linspace(0, 1, content.shape[-1]).expand(1, 3, content.shape[-2], -1)
    paint = partial(gramarye.stylize, content, style, size=size)
    two = partial(gramarye.stylize, content, [style, other], size=size)
    regions = {"content-regions": quarters(content), "style-regions/0": quarters(style)}
    return {
        "plain": paint,
        "`--content-mask`": partial(paint, inputs={"content-mask": (ramp > 0.5).float()}),
        "`--strength-map`": partial(paint, inputs={"strength-map": ramp}),
        "`--protect`": partial(paint, inputs={"protect": (ramp > 0.7).float()}),
        "four regions": partial(paint, inputs=regions),
        "two styles": two,
        "`--style-roles`": partial(two, style_roles=("strokes", "forms")),
        "`--style-turn 30`": partial(paint, style_turn=30.0),
        "`--color luminance`": partial(paint, color="luminance"),
        "all of finishing": partial(paint, **FINISHING),
        "`photoreal`, map": partial(gramarye.photoreal, content, other, size=size),
        "`photoreal`, matting": partial(gramarye.photoreal, content, other, "matting", size=size),
        "`sketch`": partial(gramarye.sketch, line_drawing(), style, size=size),
        "`texture`": partial(gramarye.texture, style, size, size * 2 // 3),
    }


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--size", type=int, default=256, help="longest side in pixels [256]")
    parser.add_argument("--repeats", type=int, default=2, help="times that each is made [2]")
    args = parser.parse_args(argv)
    made = runs(args.size)
    made["plain"]()  # what the first run of a process pays for
    best = dict.fromkeys(made, float("inf"))
    for _ in range(args.repeats):
        for name, make in made.items():
            began = time.process_time()
            make()
            best[name] = min(best[name], time.process_time() - began)
    print("| control | s | over plain |\n|---|---:|---:|")
    for name, seconds in best.items():
        print(f"| {name} | {seconds:.1f} | {seconds / best['plain']:.2f} |")


if __name__ == "__main__":
    main()
