"""More content or more style (Gatys et al. 2016, figure 4)."""

from __future__ import annotations

from gramarye.errors import SettingsError
from gramarye.studies.papers import (
    GATYS_2015,
    GATYS_2016,
    LIKE_THE_PAPERS,
    PAPER,
    course,
)
from gramarye.studies.results import Results, measured
from gramarye.studies.study import Axis, Study, Value, number
from gramarye.units import show_value

ORDER = 3

RATIOS = ("1e-1", "1e-2", "1e-3", "1e-4")


# A style loss in units of the content's own way, and a content loss in units of the content, are
# of other sizes than the paper's sums. With this factor, 1e-3 is the balance of the default.
RELATIVE = 0.06


def ratio_of(text: str) -> float:
    ratio = number(text)
    if isinstance(ratio, str) or not 1e-12 <= ratio <= 1e12:
        raise SettingsError(
            f"alpha / beta is {show_value(text)}: give numbers above 0, such as 1e-1,1e-3"
        )
    return ratio


def value(text: str) -> Value:
    """In the units of the default."""
    return Value(text, {"style_weight": RELATIVE / ratio_of(text), "content_weight": 1.0})


def paper_value(text: str) -> Value:
    """In the paper's units, sums over the features of VGG-19."""
    return Value(text, {"style_weight": 1 / ratio_of(text), "content_weight": 1.0})


def findings(results: Results) -> list[str]:
    return [
        *course(results.row(measured("edges")), "share of the content's edges that is kept"),
        *course(results.row(measured("content")), "distance from the content"),
        *course(results.row(measured("style, stroke")), "distance from the style's strokes"),
    ]


STUDY = Study(
    name="trade-off",
    title="More of the content or more of the style",
    question="Content and style pull at the same picture. How does it change with the ratio of "
    "their weights?\n\nWithout --paper the losses are shares in place of the paper's sums: the "
    "content's of its own size, the style's of what the untouched photograph has. The ratio is in "
    "units of its own, too: 1e-3 is the balance of gramarye's default.",
    columns=Axis("alpha / beta", tuple(map(value, RATIOS)), value, tuple(map(paper_value, RATIOS))),
    settings=LIKE_THE_PAPERS,
    paper=PAPER,
    papers="With a strong weight of the style the picture is a texture of the painting that hardly "
    "shows the photograph; with a strong weight of the content the photograph is clear and its "
    "style is not the painting's. In between there are the pictures one wants.",
    sources=(GATYS_2015, GATYS_2016),
    formulas=("total", "content", "style"),
    findings=findings,
)
