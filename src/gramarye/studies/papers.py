"""What the shipped studies share: the papers, their settings, and words for what numbers show."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from gramarye.studies.study import Settings

GATYS_2015 = (
    "L. A. Gatys, A. S. Ecker, M. Bethge: A Neural Algorithm of Artistic Style, 2015 "
    "(arXiv:1508.06576)"
)
GATYS_2016 = (
    "L. A. Gatys, A. S. Ecker, M. Bethge: Image Style Transfer Using Convolutional Neural "
    "Networks, CVPR 2016"
)
GATYS_TEXTURE = (
    "L. A. Gatys, A. S. Ecker, M. Bethge: Texture Synthesis Using Convolutional Neural Networks, "
    "NIPS 2015 (arXiv:1505.07376)"
)
MAHENDRAN = (
    "A. Mahendran, A. Vedaldi: Understanding Deep Image Representations by Inverting Them, "
    "CVPR 2015"
)

# The style layers of both papers, from fine to coarse.
STYLE_SETS = {
    "a: conv1_1": ("relu1_1",),
    "b: to conv2_1": ("relu1_1", "relu2_1"),
    "c: to conv3_1": ("relu1_1", "relu2_1", "relu3_1"),
    "d: to conv4_1": ("relu1_1", "relu2_1", "relu3_1", "relu4_1"),
    "e: to conv5_1": ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"),
}

# One size, from noise, with colors as the losses find them: as the papers do it, but small.
PLAIN: Settings = {
    "size": 192,
    "coarse_to_fine": False,
    "steps": 120,
    "init": "noise",
    "color": "free",
}
# And with the papers' losses at the papers' layers, but for conv5_1: at the same weight its rare
# features decide all, and a ring or two of the picture satisfies them (docs/quality.md).
LIKE_THE_PAPERS: Settings = {
    **PLAIN,
    "content_layers": {"relu4_2": 1.0},
    "style_layers": dict.fromkeys(STYLE_SETS["d: to conv4_1"], 1.0),
    "style_loss": "gram",
}
# The papers' settings, where they can be; see docs/presets.md.
PAPER: Settings = {"preset": "gatys2016", "size": 512, "steps": 500}

Row = Sequence[tuple[str, float]]


def along(row: Row, digits: int = 2) -> str:
    """`conv1_1 0.02, conv2_1 0.05`."""
    return ", ".join(f"{label} {value:.{digits}f}" for label, value in row)


def course(row: Row, what: str, *, digits: int = 2) -> list[str]:
    """How a number goes along an axis, in a sentence; nothing where there are not two of them."""
    if len(row) < 2:
        return []
    values = [value for _, value in row]
    if all(a <= b for a, b in pairwise(values)):
        how = "grows from each to the next"
    elif all(a >= b for a, b in pairwise(values)):
        how = "falls from each to the next"
    else:
        how = "goes up and down"
    return [f"The {what} {how}: {along(row, digits)}."]


def extremes(row: Row, what: str, *, digits: int = 3) -> list[str]:
    """Where a number is least and greatest."""
    if len(row) < 2:
        return []
    (least, low), (most, high) = (f(row, key=lambda pair: pair[1]) for f in (min, max))
    return [
        f"The {what} is least with {least} ({low:.{digits}f}), and greatest with {most} "
        f"({high:.{digits}f})."
    ]
