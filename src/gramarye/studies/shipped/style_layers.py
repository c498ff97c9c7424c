"""Which layers a style needs (Gatys et al. 2015, figure 3, rows)."""

from __future__ import annotations

from gramarye.studies.papers import GATYS_2015, LIKE_THE_PAPERS, PAPER, STYLE_SETS, extremes
from gramarye.studies.results import Results, measured
from gramarye.studies.study import Study, layers_axis

ORDER = 5


def findings(results: Results) -> list[str]:
    return extremes(results.row(measured("edges")), "share of the content's edges that is kept")


STUDY = Study(
    name="style-layers",
    title="Which layers a style needs",
    question="The content stays the same. The style is compared at more and more layers, and at "
    "one alone.",
    columns=layers_axis(
        "style_layers",
        {**STYLE_SETS, "conv2_1 alone": ("relu2_1",), "conv4_1 alone": ("relu4_1",)},
        "style layers",
    ),
    settings=LIKE_THE_PAPERS,
    paper=PAPER,
    papers="Matching up to higher layers keeps structures of the painting that are larger, and "
    "looks smoother and more continuous.",
    sources=(GATYS_2015,),
    formulas=("style",),
    findings=findings,
)
