"""Pictures of what a layer sees: its channels, their Gram matrix, what one responds to."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from gramarye.losses.statistics import moments
from gramarye.losses.variation import total_variation
from gramarye.networks.features import PerceptualNetwork

SHOWN = 9  # channels in a picture of maps, three in a row
GAP = 2  # pixels of white between them
STEPS = 100  # of Adam, for a picture that a channel responds to
RATE = 0.05
SMOOTH = 0.05  # total variation, as a share of the response

Watch = Callable[[float], bool]


@torch.no_grad()
def features_of(network: PerceptualNetwork, layer: str, image: Tensor) -> Tensor:
    """What the layer sees of an image, (1, C, h, w)."""
    found: Tensor = network(image, [layer])[layer]
    return found


def strongest(features: Tensor, count: int) -> list[int]:
    """The channels (1, C, h, w) that respond most on average, the strongest first."""
    means = features.mean((0, 2, 3))
    return [int(channel) for channel in means.topk(min(count, len(means))).indices]


def maps_picture(
    network: PerceptualNetwork, layer: str, image: Tensor, *, size: int, watch: Watch
) -> Tensor:
    """The maps (1, 3, H, W) of the strongest channels, each from black to its own brightest."""
    features = features_of(network, layer, image)
    maps = []
    for channel in strongest(features, SHOWN):
        shown = features[:, channel : channel + 1]
        maps.append(shown / shown.max().clamp_min(1e-12))
    while len(maps) < SHOWN:
        maps.append(torch.ones_like(maps[0]))
    side = math.isqrt(SHOWN)
    room = (size - GAP * (side - 1)) // side
    height, width = maps[0].shape[-2:]
    factor = room / max(height, width)
    shape = (max(1, round(height * factor)), max(1, round(width * factor)))
    maps = [F.interpolate(found, size=shape, mode="nearest") for found in maps]
    return tiled(maps, side).expand(1, 3, -1, -1).contiguous()


def tiled(pictures: list[Tensor], columns: int) -> Tensor:
    """Pictures of one size in rows, with white between them."""

    def joined(parts: list[Tensor], dim: int) -> Tensor:
        shape = list(parts[0].shape)
        shape[dim] = GAP
        white = parts[0].new_ones(shape)
        return torch.cat([p for part in parts for p in (part, white)][:-1], dim=dim)

    rows = [joined(pictures[i : i + columns], -1) for i in range(0, len(pictures), columns)]
    return joined(rows, -2)


def gram_picture(
    network: PerceptualNetwork, layer: str, image: Tensor, *, size: int, watch: Watch
) -> Tensor:
    """The Gram matrix (1, 3, S, S) as a heat map: the root of each entry, of its greatest."""
    gram = moments(features_of(network, layer, image)).gram()[0]
    heat = (gram / gram.max().clamp_min(1e-12)).clamp(0, 1).sqrt()
    picture = heated(heat)[None]
    return F.interpolate(picture, size=(size, size), mode="nearest")


def heated(heat: Tensor) -> Tensor:
    """Values (h, w) from 0 to 1 as colors (3, h, w): black, red, yellow, white."""
    return torch.stack([(3 * heat - start).clamp(0, 1) for start in (0, 1, 2)])


def channel_picture(
    network: PerceptualNetwork, layer: str, image: Tensor, *, size: int, watch: Watch
) -> Tensor:
    """What the image's strongest channel responds to: noise moved until it responds most.

    By Adam on the mean response less the total variation, as Simonyan et al. (2013) move an image
    towards a class, who hold its square back; the values stay in [0, 1].
    """
    (channel,) = strongest(features_of(network, layer, image), 1)
    generator = torch.Generator().manual_seed(0)
    noise = 0.5 + 0.05 * torch.randn(1, 3, size, size, generator=generator)
    with torch.enable_grad():
        x = noise.clamp(0, 1).requires_grad_()
        adam = torch.optim.Adam([x], lr=RATE)
        first = None
        for step in range(STEPS):
            response = network(x, [layer])[layer][:, channel].mean()
            first = first or max(float(response.detach()), 1e-6)
            loss = -response / first + SMOOTH * total_variation(x).sum() * size
            adam.zero_grad()
            loss.backward()
            adam.step()
            with torch.no_grad():
                x.clamp_(0, 1)
            if watch((step + 1) / STEPS):
                break
    return x.detach()
