"""A photograph in the light of another: held by nothing, by the matting Laplacian, by a map."""

from __future__ import annotations

from gramarye.studies.results import Results, measured
from gramarye.studies.study import Axis, Study, Value

ORDER = 14


def findings(results: Results) -> list[str]:
    edges, near = (dict(results.row(measured(name))) for name in ("edges", "style, fine stroke"))
    return [
        f"{name}: {edges[name]:.2f} of the edges kept, and {near[name]:.2f} of the way to the "
        "reference left at the fine strokes' level."
        for name in edges
        if name in near
    ]


STUDY = Study(
    name="photoreal",
    title="A photograph in the light of another",
    question="The losses are those of a painting, but the result is to be a photograph. What holds "
    "it: nothing, the matting Laplacian with a guided filter after it, or that only its colors can "
    "move?",
    columns=Axis(
        "what holds it",
        (
            Value("nothing"),
            Value("matting Laplacian", {"preset": "photoreal-matting"}),
            Value("color map", {"preset": "photoreal", "map_size": 192}),
        ),
    ),
    settings={"size": 256},
    pictures=("canal", "landscape"),
    papers="With the Laplacian, colors change by maps that are affine in every small window, and "
    "lines stay straight; without it, strokes of the reference's texture appear.",
    sources=(
        "F. Luan, S. Paris, E. Shechtman, K. Bala: Deep Photo Style Transfer, CVPR 2017 "
        "(arXiv:1703.07511)",
        "A. Levin, D. Lischinski, Y. Weiss: A Closed-Form Solution to Natural Image Matting, 2008",
    ),
    curves=False,
    findings=findings,
)
