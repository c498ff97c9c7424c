"""L-BFGS, Adam and gradient descent, over steps and over seconds."""

from __future__ import annotations

from gramarye.studies.papers import GATYS_2016, LIKE_THE_PAPERS, PAPER, along
from gramarye.studies.results import Results, last_loss
from gramarye.studies.study import Axis, Study, Value

ORDER = 9


def findings(results: Results) -> list[str]:
    row = results.row(last_loss)
    if len(row) < 2:
        return []
    best, loss = min(row, key=lambda pair: pair[1])
    found = [f"Losses at the end: {along(row, 3)}. The lowest is that of {best}."]
    reached = []
    for column, value in enumerate(results.study.columns.values):
        result = results.at(column=column)
        if result is None:
            continue
        when = next((s for s in result.steps if s.total <= 2 * loss), None)
        if when is not None:
            reached.append(f"{value.label} after {when.step} steps ({when.seconds:.1f} s)")
    others = "" if len(reached) == len(row) else ", and by no other"
    return [*found, f"Twice that loss is reached by {'; '.join(reached)}{others}."]


STUDY = Study(
    name="optimizers",
    title="How the pixels are moved",
    question="The loss and its gradient are the same; the step made of them is another. Gradient "
    "descent moves against the gradient, Adam by its running mean over its running size, L-BFGS by "
    "what it knows of the curvature from its last steps.",
    columns=Axis(
        "optimizer",
        (
            Value("L-BFGS", {"optimizer": "lbfgs"}),
            Value("Adam", {"optimizer": "adam"}),
            Value("gradient descent", {"optimizer": "gradient-descent"}),
        ),
    ),
    settings=LIKE_THE_PAPERS,
    paper=PAPER,
    papers="L-BFGS was found to work best for images.",
    sources=(GATYS_2016,),
    formulas=("step", "gradient"),
    findings=findings,
)
