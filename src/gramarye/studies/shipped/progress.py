"""How a picture comes about, step by step."""

from __future__ import annotations

from gramarye.studies.papers import GATYS_2016, LIKE_THE_PAPERS, PAPER
from gramarye.studies.study import Axis, Study, Value

ORDER = 12

STUDY = Study(
    name="progress",
    title="How a picture comes about",
    question="The picture after 1, 10, 20, 30 and more steps, from noise and from the photograph. "
    "Beside the report there is an animation of each.",
    columns=Axis("", (Value(""),)),
    rows=Axis(
        "first image",
        (Value("noise", {"init": "noise"}), Value("content", {"init": "content"})),
    ),
    shown_after=(1, 10, 20, 30, 50, 75, 100, 150),
    settings={**LIKE_THE_PAPERS, "steps": 150},
    paper={**PAPER, "steps": 150},
    papers="Most of what is seen is there after a few dozen steps; the rest sharpens it.",
    sources=(GATYS_2016,),
    formulas=("total",),
)
