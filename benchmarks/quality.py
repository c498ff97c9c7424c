"""Pictures and their figures, judged by networks that did not make them.

    python -m benchmarks.quality --teacher FILE [--teacher FILE] --out DIR CONTENT,STYLE ...

For every pair: style distance (Gram matrices of the teachers' relu1_1 ... relu5_1, as a share of
the content's own distance, mean over the layers of the square root), content distance (relative
L2 at the teachers' relu4_2), and edges kept (correlation of the luminance's gradient magnitude with
the content's). Writes the pictures, a contact sheet and figures.json.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from gramarye.config import make_config
from gramarye.distillation.folding import STYLE_HEADS
from gramarye.distillation.teachers import Teachers, load_teacher
from gramarye.inputs.inputs import Input, Inputs
from gramarye.losses.distances import gram_distance
from gramarye.losses.statistics import moments
from gramarye.pictures.color import luminance, match_color
from gramarye.pictures.contact_sheet import Cell, contact_sheet
from gramarye.pictures.picture import Picture, load_image
from gramarye.scales.resizing import resize, style_at
from gramarye.stylize import finish, stylize_steps


def style_share(teachers: Teachers, image: Tensor, content: Tensor, style: Tensor) -> float:
    """The image's distance from the style as a share of the content's; 0 is the style itself."""
    image_features, content_features, style_features = (
        teachers(x) for x in (image, content, style)
    )
    shares = []
    for layer in STYLE_HEADS:
        target = moments(style_features[layer])
        here = gram_distance(moments(image_features[layer]), target)
        start = gram_distance(moments(content_features[layer]), target)
        shares.append(float((here / start).sqrt()))
    return sum(shares) / len(shares)


def content_error(teachers: Teachers, image: Tensor, content: Tensor) -> float:
    """The relative L2 error at relu4_2."""
    features, target = teachers(image)["relu4_2"], teachers(content)["relu4_2"]
    return float((features - target).norm() / target.norm())


def edges_kept(image: Tensor, content: Tensor) -> float:
    """The correlation of the gradient magnitudes of the luminances, smoothed over 4 x 4 pixels."""

    def edges(x: Tensor) -> Tensor:
        y = torch.nn.functional.avg_pool2d(luminance(x), 4)
        dy, dx = y.diff(dim=-2)[..., :, 1:], y.diff(dim=-1)[..., 1:, :]
        return (dx.square() + dy.square()).sqrt().flatten()

    return float(torch.corrcoef(torch.stack([edges(image), edges(content)]))[0, 1])


def measure(teachers: Teachers, result: Tensor, content: Tensor, style: Tensor) -> dict[str, float]:
    content = resize(content, *result.shape[-2:]).clamp(0, 1)
    style = style_at(style, max(result.shape[-2:]), 1.0)
    matched = match_color(content, style, clamp=True)
    return {
        "style": style_share(teachers, result, content, style),
        "content": content_error(teachers, result, matched),
        "edges": edges_kept(result, content),
    }


def run(pairs: Sequence[tuple[Path, Path]], teachers: Teachers, out: Path, preset: str) -> None:
    out.mkdir(parents=True, exist_ok=True)
    config = make_config(preset)
    rows: list[dict[str, float]] = []
    names: list[str] = []
    sheet: list[Cell] = []
    for content_path, style_path in pairs:
        content, style = load_image(content_path), load_image(style_path)
        start = time.perf_counter()
        for iterate in stylize_steps(content, [style], config):
            image = iterate.image
        seconds = time.perf_counter() - start
        result = finish(image, Inputs({"content": Input.of(content)}), config)
        with torch.no_grad():
            figures = measure(teachers, result, content, style)
        name = f"{content_path.stem}-{style_path.stem}"
        picture = Picture.from_tensor(result)
        picture.save(out / f"{name}.png")
        names.append(name)
        rows.append({"seconds": seconds, **figures})
        sheet.append(Cell(result, style))
        print(name, "  ".join(f"{key} {value:.3f}" for key, value in rows[-1].items()))
    grid = [sheet[i : i + 4] for i in range(0, len(sheet), 4)]
    Picture.from_tensor(contact_sheet(grid, 1600)).save(out / "contact-sheet.jpg", quality=88)
    means = {
        key: sum(row[key] for row in rows) / len(rows)
        for key in ("style", "content", "edges", "seconds")
    }
    print("mean  " + "  ".join(f"{key} {value:.3f}" for key, value in means.items()))
    (out / "figures.json").write_text(
        json.dumps({"pairs": dict(zip(names, rows, strict=True)), "mean": means}, indent=2)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--teacher", action="append", required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--preset", default="default")
    parser.add_argument("pairs", nargs="+", metavar="CONTENT,STYLE")
    args = parser.parse_args()
    teachers = Teachers([load_teacher(name) for name in args.teacher])
    pairs = [tuple(map(Path, pair.split(","))) for pair in args.pairs]
    run([(pair[0], pair[1]) for pair in pairs], teachers, args.out, args.preset)


if __name__ == "__main__":
    main()
