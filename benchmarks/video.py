"""How steady painted clips are: warping error and drift, beside the film's own and single frames.

    python -m benchmarks.video CLIP... --style painting.jpg --size 160 --frames 12

Three ways each: frames painted one by one, as `gramarye instant` would; with the shot's statistics
(`--steady 0`); and blended besides, as `gramarye video` does. Sharpness is the mean difference of
neighboring pixels, in levels of 8 bits: a blur is steady, too.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from gramarye.pictures.picture import load_picture
from gramarye.special_configs import make_instant_config
from gramarye.video.frames import Frame, Pixels, as_pixels, even_size
from gramarye.video.measures import drift, sharpness, steadiness
from gramarye.video.painter import FramePainter
from gramarye.video.reading import open_clip
from gramarye.video.settings import STEADY
from gramarye.video.steady import SteadyPainter


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--style", type=Path, required=True)
    parser.add_argument("--size", type=int, default=160, help="longest side in pixels")
    parser.add_argument("--frames", type=int, default=12)
    parser.add_argument("--skip", type=int, default=0, help="frames at the beginning")
    parser.add_argument("--still", action="store_true", help="the first frame, over and over")
    parser.add_argument("--steady", type=float, default=STEADY)
    parser.add_argument("--strips", type=Path, help="folder for a strip of every clip")
    args = parser.parse_args(argv)
    torch.set_grad_enabled(False)
    print(
        "| clip | way | short | times the film's | ten apart | times the film's | sharp | s/frame |"
    )
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for clip in args.clips:
        measure(clip, args)


def measure(path: Path, args: argparse.Namespace) -> None:
    clip = open_clip(path)
    size = even_size(clip.size, args.size)
    frames = list(islice(clip.frames(), args.skip, args.skip + args.frames))
    if args.still:
        frames = [frames[0]] * args.frames
    strips: list[Sequence[Pixels]] = []
    for way, steady in (("one by one", None), ("the shot's", 0.0), ("and blended", args.steady)):
        start = time.process_time()
        found = list(painted(frames, args.style, size, steady))
        seconds = (time.process_time() - start) / len(frames)
        film, images = [one for one, _ in found], [image for _, image in found]
        row = steadiness(film, images)
        sharp = np.mean([sharpness(image) for image in images[1:]])
        long = f"{row.long:.4f} | {row.long / (row.film_long or 1):.2f}" if row.long else "- | -"
        print(
            f"| {path.name} | {way} | {row.short:.4f} | {row.ratio:.2f} | {long} | {sharp:.2f} | "
            f"{seconds:.2f} |",
            flush=True,
        )
        if args.still:
            print(f"drift over {len(images)} still frames: {drift(images):.4f} levels of 8 bits")
        strips = strips or [film]
        strips.append(images)
    if args.strips is not None:
        save_strips(strips, args.strips / f"{path.stem}.png")


def painted(
    frames: Sequence[Frame], style: Path, size: tuple[int, int], steady: float | None
) -> Iterator[tuple[Pixels, Pixels]]:
    """Each frame at the painting's size, and painted; with None one by one, knowing no other."""
    config = make_instant_config((size[1], size[0]))
    painter = FramePainter([load_picture(style)], config, size)
    made = SteadyPainter(painter, size, steady or 0.0)
    for frame in frames:
        if steady is None:
            painter.new_shot()
        found = made.paint(Frame(frame.pixels, Fraction(0), Fraction(1)))
        yield as_pixels(found.film), as_pixels(found.image)


def save_strips(rows: Sequence[Sequence[Pixels]], path: Path) -> None:
    """Film and paintings, four frames of each; at the right what changed at the last, doubled."""
    drawn = []
    for row in rows:
        chosen = [row[i] for i in np.linspace(0, len(row) - 1, 4).round().astype(int)]
        change = row[-1].astype(int) - row[-2]
        chosen.append((128 + 2 * change).clip(0, 255).astype(np.uint8))
        drawn.append(np.concatenate(chosen, 1))
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(drawn, 0)).save(path)


if __name__ == "__main__":
    main()
