"""The table of all kinds of loss terms.

Objective, budget, tiles, several processes, forecast, recipe and the command line's options iterate
over it; a new kind is its own module and its line here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from gramarye.errors import SettingsError, did_you_mean
from gramarye.losses import (
    content,
    detail,
    matting,
    self_similarity,
    style,
    temporal,
    total_variation,
)
from gramarye.losses.kind import Needs, Term, TermKind
from gramarye.settings import Part

if TYPE_CHECKING:
    from gramarye.losses.targets import Targets

TERMS: dict[str, TermKind[Any]] = {
    kind.name: kind
    for kind in (
        content.CONTENT,
        self_similarity.SELF_SIMILARITY,
        style.STYLE,
        total_variation.TOTAL_VARIATION,
        detail.DETAIL,
        detail.RANGE,
        matting.MATTING,
        temporal.TEMPORAL,
    )
}

TermSettings = Mapping[str, Part]  # by kind


def check_names(names: Iterable[str]) -> None:
    """Raise SettingsError for a term that no kind makes."""
    for name in names:
        if name not in TERMS:
            hint = did_you_mean(name, TERMS)
            raise SettingsError(f"unknown loss term {name!r}: there are {', '.join(TERMS)}{hint}")


def needs_of(settings: TermSettings) -> Needs:
    """What all terms together ask of a run."""
    return reduce(or_, (TERMS[name].needs(part) for name, part in settings.items()), Needs())


def layers_by_kind(settings: TermSettings) -> dict[str, frozenset[str]]:
    """The layers at which terms look at the kinds of input they cannot do without."""
    found: dict[str, frozenset[str]] = {}
    for name, part in settings.items():
        needs = TERMS[name].needs(part)
        for kind in needs.inputs:
            found[kind] = found.get(kind, frozenset()) | needs.layers
    return found


def without_layers(settings: TermSettings, layers: Collection[str]) -> TermSettings:
    """The settings with a weight of 0 for some layers; as they are where a term has no others."""
    return {name: without(TERMS[name], part, layers) for name, part in settings.items()}


def without(kind: TermKind[Any], part: Part, layers: Collection[str]) -> Part:
    read = kind.needs(part).layers & frozenset(layers)
    if not read or not isinstance(getattr(part, "layers", None), Mapping):
        return part
    weights = {**part.layers, **dict.fromkeys(read, 0.0)}  # type: ignore[attr-defined]
    rest = part.model_copy(update={"layers": weights})
    return rest if kind.needs(rest).layers else part


def prepare_terms(settings: TermSettings, targets: Targets) -> list[Term]:
    """All terms with their targets, which are measured in one look at each input."""
    makers = [TERMS[name].prepare(part, targets) for name, part in settings.items()]
    targets.measure()
    return [term for maker in makers for term in maker()]
