"""What each layer keeps of a photograph (Gatys et al. 2015, figure 1, below; 2016, figure 1)."""

from __future__ import annotations

from gramarye.studies.papers import GATYS_2015, GATYS_2016, MAHENDRAN, PAPER, PLAIN, course
from gramarye.studies.results import Results, measured
from gramarye.studies.study import Axis, Study, Value

ORDER = 1

LAYERS = ("1_1", "2_1", "2_2", "3_1", "4_1", "4_2", "5_1")


def value(layer: str) -> Value:
    """After ReLU, as in the papers, who call such a layer by its convolution."""
    return Value(layer, {"content_layers": {layer.replace("conv", "relu"): 1.0}})


def findings(results: Results) -> list[str]:
    return [
        *course(results.row(measured("pixel error")), "pixel error"),
        *course(results.row(measured("edges")), "share of the edges that is kept"),
    ]


STUDY = Study(
    name="content-reconstruction",
    title="What a layer keeps of a photograph",
    question="A picture is made from noise until one layer of the network sees in it what it sees "
    "in the photograph. What is then the same is what the layer keeps; what is not, it does not "
    "see.",
    columns=Axis("content layer", tuple(value(f"conv{layer}") for layer in LAYERS), value),
    settings={**PLAIN, "style_weight": 0.0},
    paper={**PAPER, "style_weight": 0.0},
    papers="Reconstructions from low layers are almost perfect. From higher layers the content "
    "remains, objects and their arrangement, while the exact pixels are lost.",
    sources=(GATYS_2015, GATYS_2016, MAHENDRAN),
    formulas=("content",),
    needs_style=False,
    findings=findings,
)
