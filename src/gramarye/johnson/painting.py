"""Pictures of any size through Johnson's network, in tiles where they are large."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from gramarye.johnson.network import ConditionalNorm, Counting, Johnson, Statistics
from gramarye.johnson.settings import STRIDE
from gramarye.scales.resizing import resize
from gramarye.tiles.regions import Box

TILE = 1 << 20  # pixels that go through at once


@final
class Remembered(dict[ConditionalNorm, Statistics]):
    """Lets what counts for the first picture count for all that follow."""

    def __init__(self, counting: Counting | None = None) -> None:
        super().__init__()
        self.counting = counting

    def __call__(self, norm: ConditionalNorm, own: Callable[[], Statistics]) -> Statistics:
        if norm not in self:
            self[norm] = own() if self.counting is None else self.counting(norm, own)
        return self[norm]


@torch.no_grad()
def transformed(
    network: Johnson,
    image: Tensor,
    mix: Tensor,
    tile: int = TILE,
    counting: Counting | None = None,
) -> Tensor:
    """The painting (1, 3, H, W) of an image in [0, 1], in the styles as `mix` (1, S) says.

    A large one goes through in tiles that see beyond their edges; their norms take the statistics
    of the whole at a smaller size (as URST does, Chen et al. 2022), so that no tile has a color of
    its own. `counting` may put others in their place, as for the frames of a shot.
    """
    height, width = image.shape[-2:]
    image = multiple_of(image.clamp(0, 1), STRIDE)
    if image.shape[-2] * image.shape[-1] <= tile:
        return network(image, mix, counting)[..., :height, :width]  # type: ignore[no-any-return]
    share = (tile / (image.shape[-2] * image.shape[-1])) ** 0.5
    sides = (max(STRIDE, int(side * share) // STRIDE * STRIDE) for side in image.shape[-2:])
    of_whole = Remembered(counting)
    network(resize(image, *sides).clamp(0, 1), mix, of_whole)
    made = torch.empty_like(image)
    for owned in boxes(image.shape[-2], image.shape[-1], tile):
        window = Box(
            max(0, owned.top - network.margin),
            min(image.shape[-2], owned.bottom + network.margin),
            max(0, owned.left - network.margin),
            min(image.shape[-1], owned.right + network.margin),
        )
        painted = network(window.of(image), mix, of_whole)
        top, left = owned.top - window.top, owned.left - window.left
        bottom, right = owned.bottom - window.top, owned.right - window.left
        owned.of(made).copy_(painted[..., top:bottom, left:right])
    return made[..., :height, :width]


def multiple_of(image: Tensor, multiple: int) -> Tensor:
    """The image (1, 3, H, W), continued at its far sides up to the next multiple of pixels."""
    height, width = image.shape[-2:]
    missing = -height % multiple, -width % multiple
    mirrored = missing[0] < height and missing[1] < width
    mode = "reflect" if mirrored else "replicate"
    return F.pad(image, (0, missing[1], 0, missing[0]), mode=mode)


def boxes(height: int, width: int, largest: int) -> Iterator[Box]:
    """Boxes that tile an image, at multiples of the stride, of so many pixels at most."""
    side = max(STRIDE, int(largest**0.5) // STRIDE * STRIDE)
    for top in range(0, height, side):
        for left in range(0, width, side):
            yield Box(top, min(top + side, height), left, min(left + side, width))
