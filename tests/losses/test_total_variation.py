"""The total-variation term: its settings, and when there is one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from gramarye.losses.kind import Needs
from gramarye.losses.targets import Targets
from gramarye.losses.total_variation import TOTAL_VARIATION, VariationSettings
from gramarye.losses.variation import TotalVariation

NO_TARGETS = cast(Targets, SimpleNamespace(around=False))  # it asks for none


def test_it_is_made_of_its_settings() -> None:
    (term,) = TOTAL_VARIATION.prepare(VariationSettings(weight=2.5, kind="absolute"), NO_TARGETS)()
    assert (term.name, term.weight, term.layers) == ("tv", 2.5, ())
    assert term.loss == TotalVariation("absolute")


def test_without_a_weight_there_is_none() -> None:
    assert TOTAL_VARIATION.prepare(VariationSettings(), NO_TARGETS)() == []


def test_it_needs_no_features() -> None:
    assert TOTAL_VARIATION.needs(VariationSettings(weight=1.0)) == Needs()


def test_it_goes_on_around_the_border_where_the_picture_does() -> None:
    around = cast(Targets, SimpleNamespace(around=True))
    (term,) = TOTAL_VARIATION.prepare(VariationSettings(weight=1.0), around)()
    assert term.loss == TotalVariation("squared", around=True)
