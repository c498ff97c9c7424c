"""Content from a low or a deep layer (Gatys et al. 2016, figure 5)."""

from __future__ import annotations

from gramarye.studies.papers import GATYS_2016, LIKE_THE_PAPERS, PAPER
from gramarye.studies.results import Results, measured
from gramarye.studies.study import Axis, Study, Value, layers_axis

ORDER = 4


def content(layer: str) -> Value:
    return Value(layer, {"content_layers": {layer.replace("conv", "relu"): 1.0}})


def findings(results: Results) -> list[str]:
    found = []
    for row, label in enumerate(value.label for value in results.study.rows.values):
        edges = dict(results.row(measured("edges"), row))
        if len(edges) > 1:
            text = ", ".join(f"{name} {value:.2f}" for name, value in edges.items())
            found.append(f"Edges kept, with style from {label}: {text}.")
    return found


STUDY = Study(
    name="content-layer",
    title="Content from a low layer or a deep one",
    question="The style stays the same. Where is the content compared: where the network still "
    "sees pixels, or where it sees objects?",
    columns=Axis("content layer", (content("conv2_2"), content("conv4_2")), content),
    rows=layers_axis(
        "style_layers",
        {
            "conv1_1 to conv3_1": ("relu1_1", "relu2_1", "relu3_1"),
            "conv1_1 to conv4_1": ("relu1_1", "relu2_1", "relu3_1", "relu4_1"),
            "conv1_1 to conv5_1": ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"),
        },
        "style layers",
    ),
    settings=LIKE_THE_PAPERS,
    paper=PAPER,
    papers="On conv2_2 most of the photograph's detail is kept, and the painting's texture looks "
    "laid over it. On conv4_2 detail gives way: edges and colors change towards the painting, "
    "while what the photograph shows stays.",
    sources=(GATYS_2016,),
    formulas=("content", "style"),
    findings=findings,
)
