"""Every style loss on the same six pairs of our own samples, and what a step of it costs.

    python -m benchmarks.losses --out DIR [--loss LOSS ...] [--size 256] [--judge NAME|FILE ...]

A loss may be a mix as `--style-loss` takes it. Writes a contact sheet per loss, all.jpg with the
last pair by every loss, four in a row in the order of `gramarye stylize --help`, and figures.json:
the time of a step over that of one with `gram` (both in this run, in turns, on the first pair), and
the mean over the pairs of the content loss at the end and of the score (`gramarye score`): each
level by the first judge that sees it, the content by the last one.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gramarye.config import StylizeConfig, make_config
from gramarye.losses.style_losses import STYLE_LOSSES
from gramarye.optimize import Iterate
from gramarye.pictures.contact_sheet import Cell, contact_sheet
from gramarye.pictures.picture import Picture, load_image, load_picture
from gramarye.samples import sample_path
from gramarye.scales.resizing import resize
from gramarye.scoring.judge import Judge, load_judge
from gramarye.scoring.score import Scorer
from gramarye.stylize import stylize_steps

PAIRS = (
    ("landscape", "impasto"),
    ("landscape", "mosaic"),
    ("canal", "woodblock"),
    ("canal", "ink"),
    ("fox", "pointillism"),
    ("fox", "facets"),
)
WIDE = 3  # pairs in a row of a contact sheet
TIMED_STEPS = 8


def pictures(pair: tuple[str, str]) -> tuple[Tensor, Tensor]:
    content, style = (load_image(sample_path(name)) for name in pair)
    return content, style


def iterates(pair: tuple[str, str], config: StylizeConfig) -> Iterator[Iterate]:
    content, style = pictures(pair)
    return stylize_steps(content, [style], config)


def step_seconds(config: StylizeConfig, pair: tuple[str, str] = PAIRS[0]) -> float:
    """The median time of a step, without the first, before which everything is measured."""
    times = []
    for _ in iterates(pair, config):
        times.append(time.perf_counter())
    return statistics.median(b - a for a, b in pairwise(times))


def cost(config: StylizeConfig, rounds: int = 3) -> float:
    """The time of a step over that with the Gram loss, in turns, the median of the ratios."""
    gram = config.with_settings(style_loss="gram")
    return statistics.median(step_seconds(config) / step_seconds(gram) for _ in range(rounds))


def paint(pair: tuple[str, str], config: StylizeConfig) -> tuple[Cell, dict[str, float]]:
    """The painting with its style, and its last losses."""
    for iterate in iterates(pair, config):
        image, losses = iterate.image, iterate.losses
    style = resize(pictures(pair)[1], *(side // 4 for side in pictures(pair)[1].shape[-2:]))
    return Cell(image.clamp(0, 1), style), losses


def scored(
    pairs: Sequence[tuple[str, str]], cells: Sequence[Cell], judges: Sequence[Judge]
) -> dict[str, float]:
    """The mean score of the paintings of these pairs."""
    columns: dict[str, list[float]] = {}
    for pair, cell in zip(pairs, cells, strict=True):
        content, style = (load_picture(sample_path(name)) for name in pair)
        scores = Scorer(content, [style], judges).scores(Picture.from_tensor(cell.picture))
        row: dict[str, float | None] = {}
        for score in reversed(scores):
            row |= {level: value for level, value in score.levels.items() if value is not None}
        row |= {"content distance": scores[-1].content, "edges": scores[-1].edges}
        for column, value in row.items():
            if value is not None:
                columns.setdefault(column, []).append(value)
    return {column: statistics.mean(values) for column, values in columns.items()}


def sheet(cells: Sequence[Cell], wide: int, path: Path) -> None:
    rows = [cells[i : i + wide] for i in range(0, len(cells), wide)]
    while len(rows[-1]) < len(rows[0]):
        rows[-1] = [*rows[-1], Cell(torch.ones_like(rows[-1][0].picture))]
    Picture.from_tensor(contact_sheet(rows, 1200)).save(path, quality=86)


def one_loss(
    loss: str,
    settings: dict[str, Any],
    pairs: Sequence[tuple[str, str]],
    judges: Sequence[Judge],
    out: Path,
    *,
    timed: bool,
) -> tuple[dict[str, float], list[Cell]]:
    """Paint, measure and judge one loss; its contact sheet is written."""
    config = make_config(**{**settings, "style_loss": loss})
    figures = {}
    if timed:
        steps = min(TIMED_STEPS, config.value("steps"))
        figures["step_over_gram"] = cost(config.with_settings(coarse_to_fine=False, steps=steps))
    painted = [paint(pair, config) for pair in pairs]
    cells = [cell for cell, _ in painted]
    if painted:
        figures["content"] = statistics.mean(
            sum(value for name, value in losses.items() if name.startswith("content/"))
            for _, losses in painted
        )
        if judges:
            figures |= scored(pairs, cells, judges)
        name = "".join(c if c.isalnum() or c in "-=" else "_" for c in loss)
        sheet(cells, WIDE, out / f"{name}.jpg")
    return figures, cells


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.losses", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--loss", action="append", help="a loss or a mix (default: every loss)")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--steps", type=int, help="steps of the first scale")
    parser.add_argument("--weights", help="weights file of the network")
    parser.add_argument("--no-time", action="store_true", help="paint only")
    parser.add_argument(
        "--judge", action="append", default=[], help="as in `gramarye score`; may be repeated"
    )
    parser.add_argument(
        "--pairs",
        type=int,
        default=len(PAIRS),
        help="how many of the pairs; 0 measures the time only",
    )
    args = parser.parse_args(argv)
    judges = [load_judge(judge) for judge in args.judge]
    settings: dict[str, Any] = {"size": args.size}
    settings |= {k: v for k in ("steps", "weights") if (v := getattr(args, k)) is not None}
    args.out.mkdir(parents=True, exist_ok=True)
    figures: dict[str, dict[str, float]] = {}
    last: list[Cell] = []
    for loss in args.loss or STYLE_LOSSES:
        figures[loss], cells = one_loss(
            loss, settings, PAIRS[: args.pairs], judges, args.out, timed=not args.no_time
        )
        last += cells[-1:]
        shown = "  ".join(f"{key} {value:.3f}" for key, value in figures[loss].items())
        print(f"{loss:24} {shown}", flush=True)
        (args.out / "figures.json").write_text(json.dumps(figures, indent=2) + "\n", "utf-8")
    if last:
        sheet(last, 4, args.out / "all.jpg")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
