"""Whether it matters what a run begins with (Gatys et al. 2016, section 3.3 and figure 6)."""

from __future__ import annotations

from gramarye.studies.papers import GATYS_2016, LIKE_THE_PAPERS, PAPER, along
from gramarye.studies.results import Results, last_loss
from gramarye.studies.study import Axis, Study, Value

ORDER = 6


def value(text: str) -> Value:
    return Value(text, first=text)


def findings(results: Results) -> list[str]:
    row = results.row(last_loss)
    if len(row) < 2:
        return []
    losses = [loss for _, loss in row]
    spread = max(losses) / max(min(losses), 1e-12)
    return [
        f"Losses at the end: {along(row, 3)}.",
        f"The highest is {spread:.2f} times the lowest"
        + (
            ": their losses have met; the pictures show whether they are one, too."
            if spread < 1.05
            else ": their losses have not met after so many steps; more --steps show whether "
            "they do."
        ),
    ]


STUDY = Study(
    name="start",
    title="What a run begins with",
    question="The loss is the same, the first image is another: noise, the photograph, the "
    "painting, gray, and pictures that have nothing to do with it.\n\nDo all runs come to the "
    "same picture? The curves show how fast each loss falls, and the column 'loss' of the table "
    "where it ends. Give --steps 3000 or --steps 10000 to wait longer.",
    columns=Axis(
        "first image",
        (
            *(Value(name, {"init": name}) for name in ("noise", "content", "style", "gray")),
            *(value(name) for name in ("checkerboard", "stripes", "black", "landscape")),
        ),
        value,
    ),
    settings={**LIKE_THE_PAPERS, "steps": 200},
    paper={**PAPER, "steps": 3000},
    papers="The first image seems to have little effect on what comes out; a fixed one always "
    "leads to the same picture, and different noise to any number of pictures.",
    sources=(GATYS_2016,),
    formulas=("total",),
    findings=findings,
)
