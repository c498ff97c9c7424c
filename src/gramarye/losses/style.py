"""The style term: distances between the statistics of the image's and the styles' features."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, final

from pydantic import Field, field_validator

from gramarye.errors import SettingsError
from gramarye.losses.kind import Needs, Term, TermKind, shares
from gramarye.settings import LARGEST_WEIGHT, LayerWeights, Part, Weight
from gramarye.units import counted
from gramarye.validation import OneOf, not_allowed

if TYPE_CHECKING:
    from torch import Tensor

    from gramarye.losses.moments_loss import Distance
    from gramarye.losses.statistics import Moments
    from gramarye.losses.targets import Targets
    from gramarye.networks.features import PerceptualNetwork

# Not relu5_1, which the papers use: its features are so rare that a few spots of the picture can
# satisfy it, as specks in the sky or parts of the style's figure (docs/quality.md shows it).
STYLE_LAYERS = {"relu1_1": 8.0, "relu2_1": 4.0, "relu3_1": 2.0, "relu4_1": 1.0}

# Names of functions in `losses.distances`, of moments and of moments seen through a metric head.
DISTANCES: dict[str, tuple[str, str | None]] = {
    "gram": ("gram_distance", "head_gram_distance"),
    "gram-paper": ("paper_gram_distance", "head_paper_gram_distance"),
    "covariance": ("covariance_distance", "head_covariance_distance"),
    "wasserstein": ("wasserstein_distance", None),
}


@final
class StyleSettings(Part):
    """The pull towards the style."""

    title: ClassVar[str] = "the losses"

    strength: float = Field(
        0.5, ge=0, le=1, description="how much the style shows: 0 hardly, 0.5 balanced, 1 wild"
    )
    layers: LayerWeights = Field(
        STYLE_LAYERS,
        alias="style_layers",
        description="layers of the style loss, with their weights",
    )
    distance: Annotated[str, OneOf(DISTANCES)] = Field(
        "covariance",
        alias="style_loss",
        description="distance between the statistics of image and style",
    )
    unit: Literal["relative", "absolute"] = Field(
        "relative",
        alias="balance",
        description="unit of the style weight: the style loss of the content itself, or 1 (the "
        "paper's)",
    )
    weight: float = Field(
        60.0, ge=0, le=LARGEST_WEIGHT, alias="style_weight", description="pull towards the style"
    )
    mix: tuple[Weight, ...] = Field(
        (),
        alias="style_weights",
        description="how much each of several styles counts, in their order (default: the same)",
    )

    @field_validator("mix")
    @classmethod
    def positive(cls, mix: tuple[float, ...]) -> tuple[float, ...]:
        if mix and not sum(mix):
            raise not_allowed("at least one style a weight above 0")
        return mix

    def weights(self) -> dict[str, float]:
        """The weight of each layer that counts, before the unit; shares where it is relative."""
        layers = shares(self.layers) if self.unit == "relative" else self.layers
        scale = self.weight * strength_factor(self.strength)
        return {k: scale * w for k, w in layers.items() if scale * w > 0}


def strength_factor(strength: float) -> float:
    """What a strength multiplies the style weight by: 1/10 at 0, 1 at 0.5, 10 at 1."""
    return float(10 ** (2 * strength - 1))


def needs(settings: StyleSettings) -> Needs:
    layers = frozenset(settings.weights())
    return Needs(inputs=frozenset({"style"} if layers else ()), layers=layers)


def prepare(settings: StyleSettings, targets: Targets) -> Callable[[], list[Term]]:
    from gramarye.losses.moments_loss import MomentsLoss
    from gramarye.losses.statistics import mix_moments

    weights = settings.weights()
    styles = targets.names("style")
    if settings.mix and len(settings.mix) != len(styles):
        raise SettingsError(
            f"style_weights has {counted(len(settings.mix), 'number')}, and there "
            f"{'is' if len(styles) == 1 else 'are'} {counted(len(styles), 'style')}: give one "
            "number for each style",
            setting="style_weights",
        )
    mask = targets.weights("content-mask")
    relative = settings.unit == "relative"
    of_content = targets.moments("content", weights, mask) if relative else {}
    of_styles = [
        targets.moments(name, weights, targets.weights(name.replace("style", "style-mask")))
        for name in styles
    ]

    def terms() -> list[Term]:
        mixed = {
            layer: mix_moments([found[layer] for found in of_styles], settings.mix or None)
            for layer in weights
        }
        distances = {
            layer: style_distance(settings.distance, targets.network, layer) for layer in weights
        }
        unit = content_distance(distances, of_content, mixed, weights) if relative else 1.0
        return [
            Term(
                f"style/{layer}",
                weight / unit,
                MomentsLoss(layer, mixed[layer], distances[layer], mask),
                (layer,),
            )
            for layer, weight in weights.items()
        ]

    return terms


def style_distance(kind: str, network: PerceptualNetwork, layer: str) -> Distance:
    """The distance of a kind at a layer, measured through the network's head if it has one."""
    from gramarye.losses import distances

    plain, through_head = DISTANCES[kind]
    if through_head is None or layer not in network.heads:
        distance: Distance = getattr(distances, plain)
        return distance
    head = network.heads[layer]
    head = head if head.device.type == "mps" else head.double()
    seen: Callable[..., Tensor] = getattr(distances, through_head)
    return partial(seen, metric=head.mT @ head, width=network.widths[layer])


def content_distance(
    distances: Mapping[str, Distance],
    content: Mapping[str, Moments],
    style: Mapping[str, Moments],
    weights: Mapping[str, float],
) -> float:
    """The style loss of the content itself: the distance a stylization has to go, layers as shares.

    Measured in this unit, one strength means the same for every style, size and network. Where
    content and style nearly agree, a thousandth of the distance from black keeps it above zero.
    """

    def total(found: Mapping[str, Moments]) -> float:
        of_layers = shares(weights)
        return sum(of_layers[k] * float(distances[k](found[k], style[k])) for k in weights)

    black = {layer: moments.empty() for layer, moments in style.items()}
    return max(total(content), 1e-3 * total(black)) or 1.0  # without style layers: no distance


STYLE = TermKind("style", StyleSettings, needs, prepare)
