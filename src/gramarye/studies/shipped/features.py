"""What the layers see: maps, Gram matrices, and what a channel responds to."""

from __future__ import annotations

from gramarye.studies.papers import GATYS_2015
from gramarye.studies.study import Axis, Study, Value

ORDER = 13


def layer(text: str) -> Value:
    return Value(text, {"content_layers": {text.replace("conv", "relu"): 1.0}})


STUDY = Study(
    name="features",
    title="What the layers see",
    question="Of each layer: the nine channels that respond most to the photograph and to the "
    "painting, the Gram matrices of both, and a picture that the photograph's strongest channel "
    "responds to, made from noise.\n\nMaps are shown from black to their own brightest place, Gram "
    "matrices as the root of each entry, of the greatest. A channel that measures brightness "
    "responds most to a white picture.",
    columns=Axis(
        "layer", tuple(layer(name) for name in ("conv1_1", "conv2_1", "conv3_1", "conv4_1")), layer
    ),
    rows=Axis(
        "what is shown",
        (
            Value("maps of the content", task="maps of the content"),
            Value("maps of the style", task="maps of the style"),
            Value("Gram matrix of the content", task="gram of the content"),
            Value("Gram matrix of the style", task="gram of the style"),
            Value("what a channel responds to", task="channel"),
        ),
    ),
    settings={"size": 192},
    papers="Low layers see edges and colors in place; deep ones see parts of objects, at fewer "
    "places and by more channels. Gram matrices of deep layers are sparse.",
    sources=(
        GATYS_2015,
        "K. Simonyan, A. Vedaldi, A. Zisserman: Deep Inside Convolutional Networks, 2013",
    ),
    formulas=("gram",),
    curves=False,
)
