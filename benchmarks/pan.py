"""The moving picture of docs/video.md: a camera goes over a sample, painted in two ways.

    python -m benchmarks.pan --out docs/images/video.webp

From left to right: the film, its frames painted one by one, and as `gramarye video` paints them.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.video import painted
from gramarye.pictures.picture import load_image
from gramarye.samples import sample_path
from gramarye.scales.resizing import resize
from gramarye.scales.sizes import fit
from gramarye.video.frames import Frame, as_pixels
from gramarye.video.settings import STEADY

CONTENT, STYLE = "fox", "impasto"
SPEED = 2.5  # pixels a frame, and a third of it down
NOISE = 0.008  # of values in [0, 1]: a camera's


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", type=int, default=192, help="width of a film in pixels")
    parser.add_argument("--frames", type=int, default=16)
    args = parser.parse_args(argv)
    torch.set_grad_enabled(False)
    size = (args.size * 3 // 4, args.size)
    film = list(pan(size, args.frames))
    style = sample_path(STYLE)
    ways = [list(painted(film, style, size, steady)) for steady in (None, STEADY)]
    shown = [
        Image.fromarray(np.concatenate([first[0], first[1], second[1]], 1))
        for first, second in zip(*ways, strict=True)
    ]
    shown += shown[-2:0:-1]  # forth and back
    first, *others = shown
    options = {"duration": 80, "loop": 0, "quality": 60, "method": 6}
    first.save(args.out, "WEBP", save_all=True, append_images=others, **options)


def pan(size: tuple[int, int], count: int) -> Iterator[Frame]:
    """Frames of a camera that goes over the sample, with a camera's noise."""
    height, width = size
    image = load_image(sample_path(CONTENT))
    image = resize(image, *fit(image.shape[-2], image.shape[-1], round(1.5 * width)))
    generator = torch.Generator().manual_seed(0)
    for number in range(count):
        # A window at a part of a pixel: the whole is moved by what is missing.
        left, top = SPEED * number, SPEED / 3 * number
        y, x = (torch.arange(n) + start for n, start in ((height, top), (width, left)))
        grid = torch.stack(
            torch.meshgrid(
                (2 * x + 1) / image.shape[-1] - 1, (2 * y + 1) / image.shape[-2] - 1, indexing="xy"
            ),
            -1,
        )
        window = torch.nn.functional.grid_sample(
            image, grid[None], mode="bicubic", align_corners=False
        )
        window = window + NOISE * torch.randn(window.shape, generator=generator)
        yield Frame(as_pixels(window.clamp(0, 1)), Fraction(number, 25), Fraction(1, 25))


if __name__ == "__main__":
    main()
