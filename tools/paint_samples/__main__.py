"""Paint the sample pictures again: python -m tools.paint_samples [--only NAME] [--out DIR]."""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import final

import numpy as np
from PIL import Image

from gramarye.samples import sample_path
from tools.paint_samples.canal import canal
from tools.paint_samples.facets import facets
from tools.paint_samples.fox import fox
from tools.paint_samples.impasto import impasto
from tools.paint_samples.ink import ink
from tools.paint_samples.landscape import landscape
from tools.paint_samples.mosaic import mosaic
from tools.paint_samples.noise import Array
from tools.paint_samples.pointillism import pointillism
from tools.paint_samples.woodblock import woodblock


@final
@dataclass(frozen=True)
class Painting:
    """How a shipped picture was made: painter, longest side, seed and JPEG quality."""

    paint: Callable[[int, int], Array]
    size: int
    seed: int
    quality: int


PAINTINGS: dict[str, Painting] = {
    "canal": Painting(canal, 1024, 1, 91),
    "fox": Painting(fox, 1024, 1, 91),
    "landscape": Painting(landscape, 1024, 1, 91),
    "facets": Painting(facets, 960, 2, 87),
    "impasto": Painting(impasto, 1024, 1, 86),
    "ink": Painting(ink, 1000, 1, 88),
    "mosaic": Painting(mosaic, 1000, 1, 84),
    "pointillism": Painting(pointillism, 1000, 1, 84),
    "woodblock": Painting(woodblock, 1024, 1, 86),
}


def save_jpeg(picture: Array, path: Path, quality: int) -> None:
    """Write (H, W, 3) in [0, 1] as a progressive JPEG."""
    pixels = np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    Image.fromarray(pixels).save(path, quality=quality, optimize=True, progressive=True)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.paint_samples", description=__doc__)
    parser.add_argument("--only", choices=sorted(PAINTINGS), help="paint just this one")
    parser.add_argument("--out", type=Path, help="folder (default: where the package keeps them)")
    parser.add_argument("--size", type=int, help="longest side in pixels (default: as shipped)")
    args = parser.parse_args(argv)
    for name in [args.only] if args.only else PAINTINGS:
        painting = PAINTINGS[name]
        start = time.perf_counter()
        picture = painting.paint(args.size or painting.size, painting.seed)
        path = args.out / f"{name}.jpg" if args.out else sample_path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        save_jpeg(picture, path, painting.quality)
        print(
            f"{path}  {picture.shape[1]} x {picture.shape[0]}  {time.perf_counter() - start:.0f} s"
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
