"""Terms of the image itself: the content's detail, and the range of colors there are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, final

from pydantic import Field

from gramarye.losses.kind import Needs, Term, TermKind
from gramarye.settings import LARGEST_WEIGHT, Part

if TYPE_CHECKING:
    from gramarye.losses.targets import Targets


@final
class DetailSettings(Part):
    """The pull towards the content's edges."""

    title: ClassVar[str] = "the losses"

    weight: float = Field(
        0.0,
        ge=0,
        le=LARGEST_WEIGHT,
        alias="detail_weight",
        description="pull towards the content's edges and lines (Laplacians of a pyramid)",
    )


def detail_needs(settings: DetailSettings) -> Needs:
    if not settings.weight:
        return Needs()
    content = frozenset({"content"})
    return Needs(inputs=content, bytes_per_pixel=12.0, whole=frozenset({"detail"}))


def prepare_detail(settings: DetailSettings, targets: Targets) -> Callable[[], list[Term]]:
    from gramarye.losses.pixels import LaplacianLoss
    from gramarye.tiles.regions import Box

    if not settings.weight:
        return list
    content = targets.pixels("content")
    whole = Box.whole(*targets.band.bands.size)
    return lambda: [Term("detail", settings.weight, LaplacianLoss(content(whole)))]


DETAIL = TermKind("detail", DetailSettings, detail_needs, prepare_detail)


@final
class RangeSettings(Part):
    """The pull into the range of colors there are."""

    title: ClassVar[str] = "the losses"

    weight: float = Field(
        0.0,
        ge=0,
        le=LARGEST_WEIGHT,
        alias="range_weight",
        description="pull of colors that cannot be shown, below black or above white, into range",
    )


def prepare_range(settings: RangeSettings, targets: Targets) -> Callable[[], list[Term]]:
    from gramarye.losses.pixels import RangeLoss

    terms = [Term("range", settings.weight, RangeLoss())] if settings.weight else []
    return lambda: terms


RANGE = TermKind("range", RangeSettings, lambda settings: Needs(), prepare_range)
