"""How much of a picture is chance: the same run from different noise."""

from __future__ import annotations

from gramarye.studies.papers import GATYS_2016, LIKE_THE_PAPERS, PAPER
from gramarye.studies.results import Results, last_loss
from gramarye.studies.study import Axis, Study, Value

ORDER = 7


def findings(results: Results) -> list[str]:
    losses = [
        loss
        for seed in range(len(results.study.seeds))
        if (result := results.at(seed=seed)) is not None and (loss := last_loss(result)) is not None
    ]
    if len(losses) < 2:
        return []
    mean = sum(losses) / len(losses)
    deviation = (sum((loss - mean) ** 2 for loss in losses) / len(losses)) ** 0.5
    return [
        f"The loss at the end is {mean:.3f} on average over {len(losses)} seeds, and its standard "
        f"deviation {100 * deviation / mean:.1f} % of that.",
    ]


STUDY = Study(
    name="seeds",
    title="How much of a picture is chance",
    question="The same run from different noise: what is the same in all pictures, and where do "
    "they differ?",
    columns=Axis("start", (Value("noise"),)),
    seeds=(0, 1, 2, 3, 4),
    settings=LIKE_THE_PAPERS,
    paper=PAPER,
    papers="Noise to begin with lets one make any number of new pictures.",
    sources=(GATYS_2016,),
    formulas=("total",),
    findings=findings,
)
