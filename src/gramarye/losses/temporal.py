"""The temporal term: the picture is, where that is known, what the frames before it were."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, ClassVar, final

from pydantic import Field

from gramarye.errors import InputError
from gramarye.inputs.kinds import laid_over, names_of
from gramarye.losses.kind import Needs, Term, TermKind
from gramarye.settings import LARGEST_WEIGHT, Part

if TYPE_CHECKING:
    from torch import Tensor

    from gramarye.losses.targets import Targets
    from gramarye.tiles.regions import Box


@final
class TemporalSettings(Part):
    """The pull towards frames before."""

    title: ClassVar[str] = "the losses"

    weight: float = Field(
        0.0,
        ge=0,
        le=LARGEST_WEIGHT,
        alias="temporal_weight",
        description="pull towards what the frames before were, moved to where things are now "
        "(--warped)",
    )


# Three frames with their weights, in float32; one more is a small part of what an evaluation takes.
BYTES = 4.0 * 3 * (3 + 1)


def check_warped(settings: Part, inputs: Collection[str]) -> None:
    """Raise InputError for frames that nothing pulls towards."""
    assert isinstance(settings, TemporalSettings)
    if names_of("warped", inputs) and not settings.weight:
        raise InputError(
            "warped is given, and nothing pulls towards it: give --temporal-weight, such as 10000, "
            "or leave --warped out"
        )


def needs(settings: TemporalSettings) -> Needs:
    if not settings.weight:
        return Needs()
    return Needs(inputs=frozenset({"warped"}), bytes_per_pixel=BYTES)


def prepare(settings: TemporalSettings, targets: Targets) -> Callable[[], list[Term]]:
    """1/D sum c (x - w)^2 over the D numbers of the image, of every frame w with its weights c.

    Ruder, Dosovitskiy, Brox (2016), eq. 7; of older frames, eq. 9, whose weights are zero where
    those of newer ones are not: whoever gives them sees to that. Without weights all pixels count.
    """
    from gramarye.losses.squared_error import SquaredError
    from gramarye.tiles.regions import IMAGE

    if not settings.weight:
        return list
    height, width = targets.band.bands.size

    def term(name: str) -> Term:
        mask = laid_over(name, "weights")
        weights = pixel_weights(targets.pixels(mask)) if mask in targets.seen else None
        loss = SquaredError(IMAGE, targets.pixels(name), 3.0 * height * width, weights)
        return Term(f"temporal/{name.partition('/')[2]}", settings.weight, loss)

    return lambda: [term(name) for name in targets.names("warped")]


def pixel_weights(placed: Callable[[Box], Tensor]) -> Callable[[str, Box], Tensor]:
    """A mask's own pixels, as weights of the layer "image"."""
    return lambda layer, box: placed(box)


TEMPORAL = TermKind("temporal", TemporalSettings, needs, prepare)
