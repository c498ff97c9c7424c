"""The total-variation term: the pull towards smoothness."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, final

from pydantic import Field

from gramarye.losses.kind import Needs, Term, TermKind, VariationKind
from gramarye.settings import LARGEST_WEIGHT, Part

if TYPE_CHECKING:
    from gramarye.losses.targets import Targets


@final
class VariationSettings(Part):
    """The pull towards smoothness."""

    title: ClassVar[str] = "the losses"

    weight: float = Field(
        0.0,
        ge=0,
        le=LARGEST_WEIGHT,
        alias="tv_weight",
        description="pull towards smoothness (total variation)",
    )
    kind: VariationKind = Field("squared", alias="tv", description="kind of total variation")


def prepare(settings: VariationSettings, targets: Targets) -> Callable[[], list[Term]]:
    from gramarye.losses.variation import TotalVariation

    terms = [Term("tv", settings.weight, TotalVariation(settings.kind, targets.around))]
    return lambda: terms if settings.weight > 0 else []


TOTAL_VARIATION = TermKind("tv", VariationSettings, lambda settings: Needs(), prepare)
