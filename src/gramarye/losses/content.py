"""The content term: the image's features at deep layers are the content's, place by place."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, final

from pydantic import Field

from gramarye.inputs.kinds import CONTENT_ALPHA
from gramarye.losses.kind import ErrorUnit, Needs, Term, TermKind, shares
from gramarye.settings import LARGEST_WEIGHT, LayerWeights, Part

if TYPE_CHECKING:
    from gramarye.losses.targets import Targets


# What the picture shows, by a deep layer of the image at half its size, and where its edges are, by
# two layers before it: strokes and swirls are free to move between them.
CONTENT_LAYERS = {"relu4_2/2": 2.0, "relu3_1/2": 1.0, "relu3_1": 1.0}


@final
class ContentSettings(Part):
    """The pull towards the content."""

    title: ClassVar[str] = "the losses"

    layers: LayerWeights = Field(
        CONTENT_LAYERS,
        alias="content_layers",
        description="layers of the content loss, with their weights",
    )
    unit: ErrorUnit = Field(
        "relative",
        alias="content_loss",
        description="squared error: over the content's own square, its mean, or half "
        "its sum (the paper's)",
    )
    gain: float = Field(
        1.0,
        ge=0,
        le=100,
        alias="content_gain",
        description="the content's features count as so many times themselves: more is more "
        "contrast",
    )
    weight: float = Field(
        1.0, ge=0, le=LARGEST_WEIGHT, alias="content_weight", description="pull towards the content"
    )

    def weights(self) -> dict[str, float]:
        """The weight of each layer that counts; shares of one where errors are relative."""
        layers = shares(self.layers) if self.unit == "relative" else self.layers
        return {k: self.weight * w for k, w in layers.items() if self.weight * w > 0}


def needs(settings: ContentSettings) -> Needs:
    layers = frozenset(settings.weights())
    if not layers:
        return Needs()
    return Needs(inputs=frozenset({"content"}), layers=layers, features={"content": layers})


def prepare(settings: ContentSettings, targets: Targets) -> Callable[[], list[Term]]:
    from gramarye.losses.squared_error import SquaredError, error_divisor

    weights = settings.weights()
    opaque = targets.weights(CONTENT_ALPHA)
    found = targets.features("content", weights, opaque)

    def terms() -> list[Term]:
        made = []
        for layer, weight in weights.items():
            target = found[layer]
            divisor = error_divisor(settings.unit, target.squares, target.entries)
            loss = SquaredError(layer, target, divisor, opaque, settings.gain)
            made.append(Term(f"content/{layer}", weight, loss, (layer,)))
        return made

    return terms


CONTENT = TermKind("content", ContentSettings, needs, prepare)
