"""What Gram matrices keep of a painting (Gatys et al. 2015, figure 1, above)."""

from __future__ import annotations

from gramarye.studies.papers import GATYS_2015, GATYS_TEXTURE, PAPER, PLAIN, STYLE_SETS
from gramarye.studies.study import Study, layers_axis

ORDER = 2

STUDY = Study(
    name="style-reconstruction",
    title="What Gram matrices keep of a painting",
    question="A picture is made from noise until its Gram matrices at a few layers are those of "
    "the painting. They do not know where anything is: what comes out is its texture. With more "
    "layers, structures that are larger match.",
    columns=layers_axis("style_layers", STYLE_SETS, "style layers"),
    settings={**PLAIN, "aspect": (1, 1), "content_weight": 0.0, "style_loss": "gram"},
    paper={**PAPER, "aspect": (1, 1), "content_weight": 0.0},
    papers="The size and complexity of local structures grow with the layers that are included, "
    "while what the painting shows is thrown away.",
    sources=(GATYS_2015, GATYS_TEXTURE),
    formulas=("gram", "style"),
    needs_content=False,
)
