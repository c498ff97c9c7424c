"""How much the positions of a layer count, by a mask."""

from __future__ import annotations

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from gramarye.losses.kind import MaskMode
from gramarye.losses.positions import Positions, positions_of
from gramarye.losses.statistics import Weights
from gramarye.networks.features import PerceptualNetwork
from gramarye.tiles.regions import Box


@final
class MaskWeights:
    """How much each position of a layer counts: a mask's mean over the pixels it stands for.

    In the mode "inside" it is the mask's least value over all pixels the position sees, its
    receptive field, so that none counts that sees beyond the mask (Gatys et al. 2017, section 3.1;
    there of masks that are black or white). What is seen beyond the picture is the picture again.

    `mask` (1, 1, h, W) may be some rows of it, from `top` on, where the whole's `size` is given.
    Means over a layer's stride are exact in tiles and bands: no position needs another's pixels;
    and whoever has a position's features has all pixels it sees.
    """

    def __init__(
        self,
        name: str,
        mask: Tensor,
        network: PerceptualNetwork,
        size: tuple[int, int],
        top: int = 0,
        mode: MaskMode = "simple",
    ) -> None:
        self.name, self.mask, self.network, self.size, self.top = name, mask, network, size, top
        self.mode = mode
        self.known: dict[tuple[str, Box], Tensor] = {}
        self.known_choices: dict[tuple[str, Box], Weights] = {}

    def __call__(self, layer: str, box: Box) -> Tensor:
        """The weights (1, 1, h, w) of a box of the layer's positions."""
        if (layer, box) not in self.known:
            self.known[layer, box] = self.weights(layer, box)
        return self.known[layer, box]

    def chosen(self, layer: str, box: Box) -> Weights:
        """The same, where few positions count those alone, and None where all count once."""
        if (layer, box) not in self.known_choices:
            found = self.known.get((layer, box))
            weights = self.weights(layer, box) if found is None else found
            self.known_choices[layer, box] = positions_of(weights)
        return self.known_choices[layer, box]

    def count(self, layer: str, box: Box) -> Tensor:
        """The sum of the weights of a box of positions (1,), in float64."""
        weights = self.chosen(layer, box)
        if weights is None:
            return self.mask.new_tensor([box.area], dtype=torch.float64)
        return (weights.count if isinstance(weights, Positions) else weights.double().sum())[None]

    def weights(self, layer: str, box: Box) -> Tensor:
        if not box.area:  # what a tile owns of a layer whose positions end before the image does
            return self.mask.new_zeros((1, 1, box.height, box.width))
        return self.least(layer, box) if self.mode == "inside" else self.means(layer, box)

    def means(self, layer: str, box: Box) -> Tensor:
        """Over the pixels that the positions stand for."""
        stride = self.network.geometry(layer).stride
        pixels = box.times(stride, *self.size).down(-self.top).of(self.mask)
        means = F.avg_pool2d(pixels, stride, ceil_mode=True, count_include_pad=False)
        # A padded network may have a position more than its pixels fill: it is as the last.
        missing = (0, box.width - means.shape[-1], 0, box.height - means.shape[-2])
        return F.pad(means, missing, mode="replicate")

    def least(self, layer: str, box: Box) -> Tensor:
        """Over the pixels that the positions see."""
        geometry = self.network.geometry(layer)
        stride, field, offset = geometry.stride, geometry.receptive_field, geometry.offset
        found = self.mask
        for axis, first, last, top, side in (
            (2, box.top, box.bottom, self.top, self.size[0]),
            (3, box.left, box.right, 0, self.size[1]),
        ):
            begin, end = first * stride - offset, (last - 1) * stride - offset + field
            from_, to = max(begin, 0), min(end, side)
            part = found.narrow(axis, from_ - top, to - from_)
            around = (from_ - begin, end - to)
            kernel, step = (field, 1), (stride, 1)
            if axis == 3:
                padding, kernel, step = (*around, 0, 0), kernel[::-1], step[::-1]
            else:
                padding = (0, 0, *around)
            found = -F.max_pool2d(F.pad(-part, padding, value=-1.0), kernel, step)
        return found
