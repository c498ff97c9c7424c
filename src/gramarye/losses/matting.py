"""The matting term: the picture is, everywhere, an affine map of the content's colors."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, final

from pydantic import Field

from gramarye.inputs.kinds import OWN_CONTENT
from gramarye.losses.kind import Needs, Term, TermKind
from gramarye.settings import LARGEST_WEIGHT, Part

if TYPE_CHECKING:
    from gramarye.losses.targets import Targets


@final
class MattingSettings(Part):
    """The pull towards photographs."""

    title: ClassVar[str] = "the losses"

    weight: float = Field(
        0.0,
        ge=0,
        le=LARGEST_WEIGHT,
        alias="matting_weight",
        description="pull towards a photograph: around every pixel, colors that are an affine map "
        "of the content's (the matting Laplacian)",
    )


# The content, means and inverse covariances, and what an evaluation makes of them.
BYTES = 4.0 * (3 + 15 + 50)


def needs(settings: MattingSettings) -> Needs:
    if not settings.weight:
        return Needs()
    return Needs(inputs=frozenset({"content"}), bytes_per_pixel=BYTES, own_content=True)


def prepare(settings: MattingSettings, targets: Targets) -> Callable[[], list[Term]]:
    from gramarye.losses.laplacian import MattingLoss

    if not settings.weight:
        return list
    name = OWN_CONTENT if OWN_CONTENT in targets.seen else "content"
    content = targets.pixels(name)
    return lambda: [Term("matting", settings.weight, MattingLoss(content))]


MATTING = TermKind("matting", MattingSettings, needs, prepare)
