"""Pictures of the docs: our own samples, painted by this.

    python -m benchmarks.sheets --out docs/images
    python -m benchmarks.sheets --out docs/images --only textures

`before-after.jpg`: pairs of a row each, by the default as it was before the pyramid and as it is.
`strengths.jpg`: four pairs at five strengths. `controls.jpg`: one pair with each control.
`textures.jpg`: styles, a texture of each, and one that is tileable, laid two by two. `blends.jpg`:
from a photograph to a painting, and from a style to another. `sketches.jpg`: a drawing of our own
in four styles. `regions.jpg`: one pair by label pictures. `finishing.jpg`: what may be done to a
painting afterwards. `photoreal.jpg`: contents in the light of others, by color matching alone, a
grid, a table, and matting. `form-scale.jpg`: large forms half as large, as they are, and twice as
large. `instant.jpg`: three photographs in three styles each, in one pass.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import gramarye
from benchmarks.drawing import line_drawing
from gramarye.inputs.bringing import brought
from gramarye.pictures.color import match_color
from gramarye.pictures.contact_sheet import Cell, contact_sheet
from gramarye.pictures.finishing import finished
from gramarye.pictures.picture import Picture, load_image
from gramarye.pictures.settings import FinishingSettings
from gramarye.samples import sample_path
from gramarye.scales.resizing import resize
from gramarye.scales.sizes import fit

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
TEXTURED = ("mosaic", "impasto", "woodblock", "ink")
WAYS = (("fox", "mosaic"), ("canal", "impasto"), ("canal", "impasto", "woodblock"))
FRAMES = 7
DRAWN = ("impasto", "mosaic", "woodblock", "pointillism")
FINISHES: tuple[Mapping[str, float], ...] = (
    {},
    {"detail": 1.0},
    {"contrast": 0.6},
    {"contrast": -0.6},
    {"canvas": 0.5},
    {"film_grain": 0.6},
)
# What the controls do, one at a time, to the landscape in the impasto.
CONTROLS: tuple[str, ...] = (
    "plain",
    "content's colors",
    "light and dark only",
    "strength map",
    "protected",
    "style turned",
    "strokes and forms",
    "regions",
)
LIGHTS = (("canal", "landscape"), ("landscape", "canal"), ("fox", "woodblock"))
FORMS = (0.5, 1.0, 2.0)
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


def form_scales(size: int) -> list[list[Cell]]:
    pairs = ("canal", "facets"), ("landscape", "impasto")
    return [[paint(pair, size=size, form_scale=scale) for scale in FORMS] for pair in pairs]


def instants(size: int) -> list[list[Cell]]:
    styles = ("impasto", "mosaic", "woodblock")
    return [
        [painted(name, style, size) for style in styles] for name in ("landscape", "canal", "fox")
    ]


def painted(name: str, style: str, size: int) -> Cell:
    painting = load_image(sample_path(style))
    made = gramarye.instant(load_image(sample_path(name)), painting, size=size)
    print(f"{name}, {style}: at once", flush=True)
    return Cell(made.pixels, painting)


def textures(size: int) -> list[list[Cell]]:
    return [[Cell(picture) for picture in textured(name, size)] for name in TEXTURED]


def textured(name: str, size: int) -> list[Tensor]:
    """A style, a texture of it, and a tileable one, two by two."""
    style = load_image(sample_path(name))
    size = size // 32 * 32  # which the tileable one's layers ask for
    made = [gramarye.texture(style, size, tileable=t).pixels for t in (False, True)]
    print(f"{name}: textures", flush=True)
    return [style, made[0], made[1].repeat(1, 1, 2, 2)]


def blends(size: int) -> list[list[Cell]]:
    return [walked(way, size) for way in WAYS]


def walked(way: tuple[str, ...], size: int) -> list[Cell]:
    """The frames of a way, and the styles in the corners of its ends."""
    content, *styles = (load_image(sample_path(name)) for name in way)
    frames = [frame.pixels for frame in gramarye.blend(content, styles, FRAMES, size=size)]
    print(f"{', '.join(way)}: blended", flush=True)
    corners = {len(frames) - 1: styles[-1]} | ({0: styles[0]} if len(styles) > 1 else {})
    return [Cell(frame, corners.get(number)) for number, frame in enumerate(frames)]


def sketches(size: int) -> list[list[Cell]]:
    """The drawing, and in four styles; below, the same with the paper left white."""
    drawing = line_drawing()
    rows = []
    for paper in (False, True):
        row = [Cell(drawing)] if not paper else []
        for name in DRAWN if not paper else DRAWN[:1]:
            made = gramarye.sketch(drawing, sample_path(name), paper=paper, size=size)
            print(f"{name}: sketched", flush=True)
            row.append(Cell(made.pixels, load_image(sample_path(name))))
        rows.append(row)
    flat = [cell for row in rows for cell in row]
    return [flat[:3], flat[3:]]


def finishes(size: int) -> list[list[Cell]]:
    """One painting, as it is and finished in each way; the content's detail by way of its file."""
    content = load_image(sample_path("canal"))
    painting = gramarye.stylize(content, sample_path("impasto"), size=size).pixels
    print("canal, impasto: painted", flush=True)
    rows = partial(brought, content, (painting.shape[-2], painting.shape[-1]))
    made = [finished(painting.clone(), FinishingSettings(**how), rows, 0) for how in FINISHES]
    cells = [Cell(picture) for picture in made]
    return [cells[:3], cells[3:]]


def photographs(size: int) -> list[list[Cell]]:
    return [lit(*pair, size) for pair in LIGHTS]


def lit(content: str, reference: str, size: int) -> list[Cell]:
    """A content, its colors matched, and what a grid, a table and matting make of it."""
    here, there = (load_image(sample_path(name)) for name in (content, reference))
    here = resize(here, *fit(here.shape[-2], here.shape[-1], size)).clamp(0, 1)
    made = [
        gramarye.photoreal(here, there, size=size).pixels,
        gramarye.photoreal(here, there, size=size, map="lut").pixels,
        gramarye.photoreal(here, there, "matting", size=size).pixels,
    ]
    print(f"{content}, {reference}: lit", flush=True)
    matched = match_color(here, there, clamp=True)
    return [Cell(here, there), *map(Cell, (matched, *made))]


def controls(size: int) -> list[list[Cell]]:
    """The landscape in the impasto: with each of the controls."""
    cells = [controlled(name, size) for name in CONTROLS]
    return [cells[i : i + 4] for i in range(0, len(cells), 4)]


def controlled(name: str, size: int) -> Cell:
    content, style = (load_image(sample_path(sample)) for sample in ("landscape", "impasto"))
    ramp = torch.linspace(0, 1, content.shape[-1]).expand(1, 3, content.shape[-2], -1)
    styles = [style]
    settings: Mapping[str, Any] = {
        "content's colors": {"color": "content"},
        "light and dark only": {"color": "luminance"},
        "style turned": {"style_turn": 90.0},
        "strokes and forms": {"style_roles": ("strokes", "forms")},
    }.get(name, {})
    inputs: Mapping[str, Tensor] = {
        "strength map": {"strength-map": ramp},
        "protected": {"protect": (ramp > 0.7).float()},
        "regions": {
            "content-regions": halves(content, 0.55),
            "style-regions/0": halves(style, 0.5),
        },
    }.get(name, {})
    if name == "strokes and forms":
        styles.append(load_image(sample_path("woodblock")))
    made = gramarye.stylize(content, styles, inputs=inputs, size=size, **settings)
    print(f"landscape, impasto: {name}", flush=True)
    return Cell(made.pixels, styles[-1] if len(styles) > 1 else None)


def by_regions(size: int) -> list[list[Cell]]:
    """The label pictures of landscape and impasto; without them, simple and inside."""
    content, style = (load_image(sample_path(sample)) for sample in ("landscape", "impasto"))
    labels = {
        "content-regions": halves(content, 0.55),
        "style-regions/0": halves(style, 0.5).flip(-2),
    }
    painted: list[dict[str, Any]] = [
        {},
        {"inputs": labels},
        {"inputs": labels, "mask_mode": "inside"},
    ]
    cells = [Cell(labels["content-regions"]), Cell(labels["style-regions/0"], style)]
    for settings in painted:
        cells.append(Cell(gramarye.stylize(content, style, size=size, **settings).pixels))
        print("landscape, impasto: regions", flush=True)
    return [cells]


def halves(image: Tensor, share: float) -> Tensor:
    """Two regions: red above, blue below so much of the height."""
    labels = torch.zeros_like(image)
    border = round(share * image.shape[-2])
    labels[:, 0, :border] = 1
    labels[:, 2, border:] = 1
    return labels


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", type=int, default=512, help="longest side in pixels [512]")
    parser.add_argument("--only", choices=SHEETS, help="one of the sheets")
    args = parser.parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    for name in [args.only] if args.only else SHEETS:
        paint_rows, share, width = SHEETS[name]
        rows = paint_rows(round(args.size * share))
        sheet = Picture.from_tensor(contact_sheet(rows, width))
        sheet.save(args.out / f"{name}.jpg", quality=82)


# What paints a sheet's rows, of which share of the size, and how wide the sheet is.
SHEETS: Mapping[str, tuple[Callable[[int], list[list[Cell]]], float, int]] = {
    "before-after": (before_after, 1.0, 1000),
    "strengths": (strengths, 0.75, 1400),
    "controls": (controls, 0.75, 1500),
    "instant": (instants, 1.0, 1500),
    "form-scale": (form_scales, 0.75, 1200),
    "textures": (textures, 0.75, 1200),
    "sketches": (sketches, 0.75, 1400),
    "regions": (by_regions, 0.75, 1500),
    "finishing": (finishes, 1.0, 1500),
    "blends": (blends, 0.75, 1500),
    "photoreal": (photographs, 0.625, 1500),
}


if __name__ == "__main__":
    main()
