"""Hints that fit, or none."""

import pytest

from gramarye.errors import did_you_mean

OPTIONS = ["--size", "--min-size", "--steps", "--finer-steps", "--grain", "--out", "--memory"]
OPTIONS += ["--style-scale", "--style-weight", "--color", "--optimizer", "--learning-rate"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("--sise", "--size"),
        ("-size", "--size"),
        ("--max-size", "--size"),
        ("--num-steps", "--steps"),
        ("--output", "--out"),
        ("--mem", "--memory"),
        ("--colour", "--color"),
        ("--optimiser", "--optimizer"),
        ("--style_weight", "--style-weight"),
        ("--style-wieght", "--style-weight"),
        ("--learningrate", "--learning-rate"),
    ],
)
def test_a_near_miss_gets_a_hint(typed: str, meant: str) -> None:
    assert did_you_mean(typed, OPTIONS) == f"; did you mean {meant!r}?"


@pytest.mark.parametrize(
    "typed", ["--iterations", "--image-size", "--style-image", "--lr", "--", ""]
)
def test_a_poor_match_gets_none(typed: str) -> None:
    assert did_you_mean(typed, OPTIONS) == ""


def test_without_names_there_is_nothing_to_mean() -> None:
    assert did_you_mean("size", []) == ""
