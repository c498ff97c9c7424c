"""Pooling by the maximum, the mean, or the root of the mean square."""

from __future__ import annotations

from gramarye.studies.papers import GATYS_2015, LIKE_THE_PAPERS, PAPER
from gramarye.studies.results import Results, last_loss
from gramarye.studies.study import Study, setting_axis

ORDER = 8


def findings(results: Results) -> list[str]:
    found = []
    for column, value in enumerate(results.study.columns.values):
        result = results.at(column=column)
        if result is None or not result.steps:
            continue
        worst = max(step.total for step in result.steps)
        last = last_loss(result)
        diverged = [note for note in result.notes if "diverg" in note or "explod" in note]
        if diverged or (last is not None and worst > 10 * result.steps[0].total):
            found.append(
                f"{value.label}: the loss exploded on the way ({worst:.3g} at its highest), and "
                f"the run stepped back with shorter steps. A network that was trained with the "
                f"maximum has other activations with another pooling: the further down, the more "
                f"they are off, and with them the length of the gradients. --normalize-weights "
                f"brings them back to a mean of 1."
            )
        else:
            found.append(
                f"{value.label}: the loss went from {result.steps[0].total:.3g} to "
                f"{last:.3g} without exploding."
            )
    return found


STUDY = Study(
    name="pooling",
    title="Pooling by the maximum, the mean, or the root of the mean square",
    question="Between its blocks the network halves the picture: one value takes the place of "
    "four. Is it the greatest, the mean, or the root of the mean square?\n\nIn a network that was "
    "trained with the maximum another pooling changes the size of everything behind it, and "
    "gradients may explode. Losses of different poolings cannot be compared.",
    columns=setting_axis("pooling", ["max", "avg", "l2"]),
    settings=LIKE_THE_PAPERS,
    paper=PAPER,
    papers="Average pooling improves the flow of gradients, and the pictures are slightly more "
    "appealing.",
    sources=(GATYS_2015,),
    findings=findings,
)
