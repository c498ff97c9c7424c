"""The formulas that reports show, in MathML, each with a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final


@final
@dataclass(frozen=True)
class Formula:
    math: str
    text: str


def math(body: str) -> str:
    return f'<math display="block"><mrow>{body}</mrow></math>'


def sub(base: str, index: str) -> str:
    return f"<msub><mi>{base}</mi><mi>{index}</mi></msub>"


def paired(base: str) -> str:
    return f"<msubsup><mi>{base}</mi><mrow><mi>i</mi><mi>j</mi></mrow><mi>l</mi></msubsup>"


def total(over: str, body: str) -> str:
    return f"<munder><mo>&#8721;</mo>{over}</munder>{body}"


IJ = "<mrow><mi>i</mi><mo>,</mo><mi>j</mi></mrow>"
SQUARE = "<msup><mrow><mo>(</mo>{}<mo>)</mo></mrow><mn>2</mn></msup>"
HALF = "<mfrac><mn>1</mn><mn>2</mn></mfrac>"
NORM = (
    "<mfrac><mn>1</mn><mrow><mn>4</mn><msubsup><mi>N</mi><mi>l</mi><mn>2</mn></msubsup>"
    "<msubsup><mi>M</mi><mi>l</mi><mn>2</mn></msubsup></mrow></mfrac>"
)

FORMULAS = {
    "content": Formula(
        math(
            sub("L", "content")
            + "<mo>=</mo>"
            + HALF
            + total(IJ, SQUARE.format(paired("F") + "<mo>&#8722;</mo>" + paired("P")))
        ),
        "F are the features of the image at layer l, P those of the content. This is the paper's "
        "sum; without --paper it is divided by the content's own, so that losses are shares.",
    ),
    "gram": Formula(
        math(
            paired("G")
            + "<mo>=</mo>"
            + total(
                "<mi>k</mi>",
                "<msubsup><mi>F</mi><mrow><mi>i</mi><mi>k</mi></mrow><mi>l</mi></msubsup>"
                "<msubsup><mi>F</mi><mrow><mi>j</mi><mi>k</mi></mrow><mi>l</mi></msubsup>",
            )
        ),
        "The Gram matrix: how much channels i and j fire together, over all positions k.",
    ),
    "style": Formula(
        math(
            sub("E", "l")
            + "<mo>=</mo>"
            + NORM
            + total(IJ, SQUARE.format(paired("G") + "<mo>&#8722;</mo>" + paired("A")))
        ),
        "G is the image's Gram matrix at layer l and A the style's, of N channels at M positions; "
        "the style loss is the sum over layers by their weights.",
    ),
    "total": Formula(
        math(
            "<mi>L</mi><mo>=</mo><mi>&#945;</mi>"
            + sub("L", "content")
            + "<mo>+</mo><mi>&#946;</mi>"
            + sub("L", "style")
        ),
        "The ratio of alpha to beta says how much of the content stays.",
    ),
    "gradient": Formula(
        math(
            "<mfrac><mrow><mo>&#8706;</mo>"
            + sub("E", "l")
            + "</mrow><mrow><mo>&#8706;</mo>"
            + paired("F")
            + "</mrow></mfrac><mo>=</mo><mfrac><mn>1</mn><mrow><msubsup><mi>N</mi><mi>l</mi><mn>2"
            "</mn></msubsup><msubsup><mi>M</mi><mi>l</mi><mn>2</mn></msubsup></mrow></mfrac>"
            "<msub><mrow><mo>(</mo><msup><mrow><mo>(</mo><msup><mi>F</mi><mi>l</mi></msup><mo>)</mo>"
            "</mrow><mi>T</mi></msup><mrow><mo>(</mo><msup><mi>G</mi><mi>l</mi></msup>"
            "<mo>&#8722;</mo><msup><mi>A</mi><mi>l</mi></msup><mo>)</mo></mrow><mo>)</mo></mrow>"
            "<mrow><mi>j</mi><mi>i</mi></mrow></msub>"
        ),
        "The gradient of the style loss at layer l where F is above zero; elsewhere it is zero "
        "(gramarye.losses.published_gradients).",
    ),
    "step": Formula(
        math(
            "<msup><mi>x</mi><mo>&#8242;</mo></msup><mo>=</mo><mi>x</mi><mo>&#8722;</mo>"
            "<mi>&#955;</mi><mfrac><mrow><mo>&#8706;</mo><mi>L</mi></mrow><mrow><mo>&#8706;</mo>"
            "<mi>x</mi></mrow></mfrac>"
        ),
        "Gradient descent: every pixel moves against its slope, lambda times it.",
    ),
}
