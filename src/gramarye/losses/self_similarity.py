"""The self-similarity term: what looks alike in the content looks alike in the picture."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, final

from pydantic import Field

from gramarye.inputs.kinds import CONTENT_ALPHA
from gramarye.losses.kind import Needs, Term, TermKind, shares
from gramarye.settings import LARGEST_WEIGHT, LayerWeights, Part

if TYPE_CHECKING:
    from gramarye.losses.targets import Targets


@final
class SelfSimilaritySettings(Part):
    """The pull towards the content's own likenesses."""

    title: ClassVar[str] = "the losses"

    weight: float = Field(
        0.0,
        ge=0,
        le=LARGEST_WEIGHT,
        alias="self_similarity_weight",
        description="pull towards places looking as alike as in the content, whatever they look "
        "like",
    )
    layers: LayerWeights = Field(
        {"relu3_1": 1.0, "relu4_1": 1.0},
        alias="self_similarity_layers",
        description="layers at which that is judged, with their weights",
    )

    def weights(self) -> dict[str, float]:
        """The weight of each layer that counts; they are shares."""
        return {k: self.weight * w for k, w in shares(self.layers).items() if self.weight * w > 0}


def needs(settings: SelfSimilaritySettings) -> Needs:
    layers = frozenset(settings.weights())
    return Needs(
        inputs=frozenset({"content"} if layers else ()),
        layers=layers,
        copies=dict.fromkeys(layers, 3.0),
        whole=frozenset({"self-similarity"} if layers else ()),
    )


def prepare(settings: SelfSimilaritySettings, targets: Targets) -> Callable[[], list[Term]]:
    from gramarye.losses.maps_loss import MapsLoss
    from gramarye.losses.seeing import Seeing
    from gramarye.losses.similarities import similarity_distance

    weights = settings.weights()
    opaque = targets.weights(CONTENT_ALPHA)
    seeing = {layer: Seeing.of(targets.network, layer) for layer in weights}
    found = targets.maps("content", seeing, opaque)

    def terms() -> list[Term]:
        made = []
        for layer, weight in weights.items():
            distance = similarity_distance(found[layer])
            loss = MapsLoss({layer: seeing[layer]}, distance, opaque)
            made.append(Term(f"self-similarity/{layer}", weight, loss, (layer,)))
        return made

    return terms


SELF_SIMILARITY = TermKind("self-similarity", SelfSimilaritySettings, needs, prepare)
