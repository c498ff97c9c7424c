"""A loss of your own beside the papers': the picture's mean color pulled to one you name.

    python examples/own_loss.py photo.jpg painting.jpg out.png 0.9 0.6 0.3

It is a kind of term like the package's own: it brings its settings, which recipes keep, and its
loss is a function of sums over positions, so that it works in tiles and on several processes.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import Field
from torch import Tensor

import gramarye
from gramarye.losses.kind import Needs, Term, TermKind
from gramarye.losses.terms import TERMS
from gramarye.settings import Part
from gramarye.tiles.regions import IMAGE, Region, Sums, whole_region


@dataclass(frozen=True)
class MeanColor:
    """Squared distance of the image's mean color from a target."""

    target: tuple[float, float, float]
    layer: str = IMAGE
    separable: bool = False  # the mean needs all tiles before any can have its gradient

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        return self.value(self.sums(features[IMAGE], whole_region(features[IMAGE])))

    def sums(self, features: Tensor, region: Region) -> Sums:
        here = region.inside.of(features)  # (B, 3, h, w)
        return here.sum((2, 3)), here.new_full((len(here), 1), here.shape[2] * here.shape[3])

    def value(self, sums: Sums) -> Tensor:
        total, count = sums
        return (total / count - total.new_tensor(self.target)).square().sum(1)  # (B,)

    def add_gradient(self, into: Tensor, features: Tensor, region: Region, slopes: Sums) -> None:
        region.inside.of(into).add_(slopes[0].to(into.dtype)[:, :, None, None])


class MeanColorSettings(Part):
    """The pull towards a color; the aliases are the names of the options."""

    target: tuple[float, float, float] = Field(
        (0.5, 0.5, 0.5), alias="mean_color", description="mean color the picture is pulled to"
    )
    weight: float = Field(0.0, ge=0, alias="mean_color_weight", description="and how hard")


def terms(settings: MeanColorSettings) -> list[Term]:
    if settings.weight == 0:
        return []
    return [Term("mean-color", settings.weight, MeanColor(settings.target))]


# It reads the image only and is measured against no picture: it needs nothing, and asks for none.
TERMS["mean-color"] = TermKind(
    "mean-color",
    MeanColorSettings,
    needs=lambda settings: Needs(),
    prepare=lambda settings, targets: lambda: terms(settings),
)


def main(content: str, style: str, out: str, *color: str, **settings: object) -> None:
    picture = gramarye.stylize(content, style, mean_color=color, mean_color_weight=1000, **settings)
    picture.save(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
