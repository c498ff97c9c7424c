"""A loss of your own beside the papers': the picture's mean color pulled to one you name.

    python examples/own_loss.py photo.jpg painting.jpg out.png 0.9 0.6 0.3

It is a function of sums over positions, so it works in tiles as well.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

import gramarye
from gramarye.losses.additive import Sums
from gramarye.objective import Term
from gramarye.optimize import OptimizeConfig, optimize
from gramarye.scales.sizes import fit, resize
from gramarye.sources import match_pictures
from gramarye.stylize import config_network, make_objective
from gramarye.tiles.tiling import Region


@dataclass(frozen=True)
class MeanColorLoss:
    """Squared distance of the image's mean color from a target (3,)."""

    target: Tensor
    layer: str = "image"
    linear: bool = False

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        return (features["image"].mean((0, 2, 3)) - self.target).square().sum()

    def sums(self, features: Tensor, region: Region) -> Sums:
        here = region.inside.of(features)
        return here.sum((0, 2, 3)), here.new_tensor(here.numel() / 3)

    def value(self, sums: Sums) -> Tensor:
        total, count = sums
        return (total / count - self.target).square().sum()

    def add_gradient(self, into: Tensor, features: Tensor, region: Region, slopes: Sums) -> None:
        region.inside.of(into).add_(slopes[0].to(into.dtype)[:, None, None])


def main(
    content: str, style: str, out: str, *color: str, size: int = 384, steps: int = 100
) -> None:
    config = gramarye.make_config(size=size)
    network = config_network(config)
    picture, paintings = gramarye.load_image(content), [gramarye.load_image(style)]
    picture, paintings = match_pictures(picture, paintings, config)
    picture = resize(picture, *fit(*picture.shape[-2:], size))
    objective = make_objective(network, picture, paintings, config)
    target = torch.tensor([float(value) for value in color])
    mine = Term("mean color", 1000.0, MeanColorLoss(target))
    both = gramarye.Objective(network, [*objective.terms, mine], memory=200 * 2**20)
    for iterate in optimize(picture, both, OptimizeConfig(steps=steps)):
        image = iterate.image
    print({name: round(value, 4) for name, value in iterate.losses.items()})
    gramarye.Picture.from_tensor(image).save(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
