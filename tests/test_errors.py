"""Hints that fit, or none."""

import pytest

from gramarye.errors import did_you_mean, did_you_mean_file

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


def test_an_ending_alone_makes_no_file_likely() -> None:
    assert did_you_mean_file("nope.jpg", ["-p.jpg", "a.jpg", "nose.png"]) == (
        "; did you mean 'nose.png'?"
    )
    assert did_you_mean_file("a.jpg", ["b.jpg", "c.jpg"]) == ""
    assert did_you_mean_file("phot.jpg", ["photo.jpeg"]) == "; did you mean 'photo.jpeg'?"
    assert did_you_mean_file("photo", ["photo.jpg"]) == "; did you mean 'photo.jpg'?"
