"""What a kind of loss term is: its settings, what it needs, and how its terms are made.

A kind's own module is read whenever settings are, also for `--help`: what needs PyTorch it imports
in `prepare` only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Literal, TypeVar, final

from gramarye.settings import Part

if TYPE_CHECKING:
    from torch import Tensor

    from gramarye.losses.targets import Targets

S = TypeVar("S", bound=Part)

# Choices that settings and formulas share.
ErrorUnit = Literal["relative", "mean", "sum"]
VariationKind = Literal["squared", "absolute"]
MaskMode = Literal["simple", "inside"]


@final
@dataclass(frozen=True)
class Term:
    """A loss with its name and weight.

    The loss reads features by layer, the image itself as "image", and gives one value per image,
    (B,): never negative, and zero when its target is met. If it is an `AdditiveLoss`, the image may
    be taken in tiles.
    """

    name: str
    weight: float
    loss: Callable[[Mapping[str, Tensor]], Tensor]
    layers: tuple[str, ...] = ()  # what the loss reads besides "image"


@final
@dataclass(frozen=True, kw_only=True)
class Needs:
    """What terms ask of a run; known from the settings, before anything is loaded."""

    inputs: frozenset[str] = frozenset()  # kinds of input there must be one of
    layers: frozenset[str] = frozenset()  # read of the image
    # Layers of an input of the content's size whose features are kept, or computed in every step.
    features: Mapping[str, frozenset[str]] = field(default_factory=dict)
    bytes_per_pixel: float = 0.0  # whatever else is kept from step to step, per pixel of the image
    # How many times the features of a layer, in float32, are made or kept besides.
    copies: Mapping[str, float] = field(default_factory=dict)
    whole: frozenset[str] = frozenset()  # names of terms that are no functions of sums
    neighbors: frozenset[str] = frozenset()  # and of those that compare neighboring positions
    own_content: bool = False  # whether they look at the content in its own colors

    @property
    def all_layers(self) -> frozenset[str]:
        """The layers that are read of any picture."""
        return self.layers.union(*self.features.values())

    def __or__(self, other: Needs) -> Needs:
        names = self.features.keys() | other.features.keys()
        none: frozenset[str] = frozenset()
        return Needs(
            inputs=self.inputs | other.inputs,
            layers=self.layers | other.layers,
            features={n: self.features.get(n, none) | other.features.get(n, none) for n in names},
            bytes_per_pixel=self.bytes_per_pixel + other.bytes_per_pixel,
            copies=added_up(self.copies, other.copies),
            whole=self.whole | other.whole,
            neighbors=self.neighbors | other.neighbors,
            own_content=self.own_content or other.own_content,
        )


def added_up(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    return {key: one.get(key, 0) + other.get(key, 0) for key in one.keys() | other.keys()}


@final
@dataclass(frozen=True)
class TermKind(Generic[S]):
    """A kind of loss term.

    `prepare` asks the targets for what it will compare with; what comes back is called when they
    have been measured, and makes the terms. A kind that is switched off (its weight is 0) needs
    nothing and makes none.
    """

    name: str
    settings: type[S]
    needs: Callable[[S], Needs]
    prepare: Callable[[S, Targets], Callable[[], Sequence[Term]]]


def shares(weights: Mapping[str, float]) -> dict[str, float]:
    """The weights as shares of one: adding a layer does not add strength."""
    total = sum(weights.values()) or 1.0
    return {layer: weight / total for layer, weight in weights.items()}
