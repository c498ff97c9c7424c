"""Every style loss of the package, and factors inside the squares."""

from __future__ import annotations

from gramarye.losses.style_losses import STYLE_LOSSES
from gramarye.studies.papers import GATYS_2016, extremes
from gramarye.studies.results import Results, measured
from gramarye.studies.study import Axis, Study, Value

ORDER = 11


def value(text: str) -> Value:
    return Value(text, {"style_loss": text})


def findings(results: Results) -> list[str]:
    return extremes(results.row(measured("edges")), "share of the content's edges that is kept")


STUDY = Study(
    name="losses",
    title="What of the style is compared",
    question="The Gram matrix is one way to say that two pictures are alike in style. Here are the "
    "others that the literature has, with the same layers and weights.\n\nThe last cells have "
    "factors inside the squares of the Gram loss, sum (alpha G - beta A)^2: with beta / alpha "
    "above 1 the style is aimed at with more contrast, and with less below.",
    columns=Axis(
        "style loss",
        (
            *(value(name) for name in STYLE_LOSSES),
            Value("gram, beta/alpha 0.7", {"style_loss": "gram", "style_gain": 0.7**0.5}),
            Value("gram, beta/alpha 1.4", {"style_loss": "gram", "style_gain": 1.4**0.5}),
        ),
        value,
    ),
    settings={"size": 192, "steps": 40, "finer_steps": 40},
    papers="See docs/losses.md for each loss's paper.",
    sources=(GATYS_2016,),
    formulas=("gram", "style"),
    curves=False,
    findings=findings,
)
