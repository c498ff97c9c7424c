"""A step of a painter over a picture: tile by tile where it is large, and in the picture's place.

A step looks no further than a tile's margin. What it takes in at a layer (features, and what they
miss of the wanted ones) is made a few rows at a time and goes through the step's first convolutions
at once, so that it stays in the processor's cache and never takes a tile's memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product, zip_longest
from typing import final

import torch
from torch import Tensor

from gramarye.feedforward.network import Painter, Step
from gramarye.feedforward.settings import MULTIPLE
from gramarye.feedforward.transport import Move
from gramarye.networks.features import PerceptualNetwork
from gramarye.tiles.extractor import FeatureExtractor
from gramarye.tiles.regions import Box
from gramarye.wanted import Features, Target

WINDOW = 768**2  # pixels of a picture, or a part of it, that a step sees at once: some 0.4 GiB
CHUNK = 1 << 17  # numbers of features that are compared at a time


def stepped(
    painter: Painter,
    extractor: FeatureExtractor,
    image: Tensor,
    targets: Sequence[Target],
    amount: float,
    part: int,
    known: Features | None,
) -> Tensor:
    """The image a step further, in the image's own memory where it is taken in tiles.

    `amount` is how far features are to be carried; `known` are those of an image in one piece.
    """
    step = painter.step(part)
    if known is not None:
        return moved(step, extractor, image, known, targets, Box.whole(*image.shape[-2:]), amount)
    return step_in_tiles(step, extractor, image, targets, amount)


def step_in_tiles(
    step: Step,
    extractor: FeatureExtractor,
    image: Tensor,
    targets: Sequence[Target],
    amount: float,
) -> Tensor:
    """The same window by window, in the image's own memory."""
    network = extractor.network
    stride = max(network.geometry(layer).stride for layer in step.layers)
    height, width = image.shape[-2:]
    rows, columns = windows(height, width, margin_of(step, network), stride, WINDOW)
    # What a window sees of its neighbors above and to the left is kept as it was before the step.
    above = image[..., :0, :]
    for row, below in zip_longest(rows, rows[1:]):
        kept = image[..., below.first if below else row.stop : row.stop, :].clone()
        if below is not None:  # small windows are all margin: two rows above are seen
            again = above[..., below.first - row.first :, :]
            kept[..., : again.shape[-2], :] = again
        left = image[..., row.first : row.last, :0]
        for column, beside in zip_longest(columns, columns[1:]):
            pixels = image[..., row.first : row.last, column.first : column.last]
            pixels = pixels.clone(memory_format=torch.channels_last)
            pixels[..., : above.shape[-2], :] = above[..., column.first : column.last]
            pixels[..., : left.shape[-1]] = left
            if beside is not None:
                seen = slice(beside.first - column.first, column.stop - column.first)
                left = pixels[..., seen].clone()
            features = extractor.passes(pixels, step.layers, keep=False).features
            window = Box(row.first, row.last, column.first, column.last)
            found = moved(step, extractor, pixels, features, targets, window, amount)
            owned = Box(row.start, row.stop, column.start, column.stop)
            owned.of(image).copy_(owned.seen_from(window).of(found))
        above = kept
    return image


def moved(
    step: Step,
    extractor: FeatureExtractor,
    pixels: Tensor,
    features: Features,
    targets: Sequence[Target],
    window: Box,
    amount: float,
) -> Tensor:
    """A window of the image a step further."""
    with torch.autocast(
        pixels.device.type, torch.bfloat16, enabled=extractor.precision == "bfloat16"
    ):
        heard = {}
        for layer in step.layers:
            stride = extractor.network.geometry(layer).stride  # which windows begin and end at
            place = Box(*(side // stride for side in window.sides))
            heard[layer] = heard_at(step, layer, features[layer], targets, place, amount)
        return step.joined(pixels, heard)


def heard_at(
    step: Step,
    layer: str,
    features: Tensor,
    targets: Sequence[Target],
    place: Box,
    amount: float,
) -> Tensor:
    """What a step takes in at a layer (1, width, h, w), of the features of a box of positions."""
    known = [target for target in targets if layer in target.moves]
    height, width = features.shape[-2:]
    hears = Hearing.of(step, layer, amount)
    made = features.new_empty((height * width, hears.bias.shape[0]), dtype=torch.float32)
    # Where no style has the layer, its unit is the features' own, of all of them.
    rows = max(1, CHUNK // (features.shape[1] * width)) if known else height
    for top in range(0, height, rows):
        box = Box(top, min(top + rows, height), 0, width)
        into = made[top * width : box.bottom * width]
        part = box.of(features).float()
        if len(known) == 1 and known[0].mask is None:
            hears.moved(flat(part), known[0].moves[layer], into)
        else:
            where = Box(place.top + top, place.top + box.bottom, place.left, place.right)
            hears.told(*differences(part, known, layer, where), into)
    return made.view(1, height, width, -1).permute(0, 3, 1, 2)


@final
@dataclass(frozen=True)
class Hearing:
    """A layer's first convolutions, which see one position, as products of rows of positions.

    Features f that one move M f + o carries over, in the unit u of the style's, are heard with what
    they miss as H f / u + a W (g - f) / u = (H - a W) f / u + a W g / u, where g = max(M f + o, 0)
    as what a rectifier lets through.
    """

    own: Tensor  # H, as (C, width)
    wanted: Tensor  # a W, likewise
    bias: Tensor  # (width,), both convolutions'

    @classmethod
    def of(cls, step: Step, layer: str, amount: float) -> Hearing:
        here, wanted = step.ears(layer)
        assert here.bias is not None and wanted.bias is not None
        own, told = (conv.weight[..., 0, 0].t().contiguous() for conv in (here, wanted))
        return cls(own, amount * told, here.bias + wanted.bias)

    def moved(self, rows: Tensor, move: Move, into: Tensor) -> None:
        """Of features (N, C) with one move, into (N, width)."""
        unit = 1 / move.size
        goals = torch.addmm(move.offset, rows, move.matrix[0].t()).clamp_min_(0)
        torch.addmm(self.bias, rows, (self.own - self.wanted) * unit, out=into)
        into.addmm_(goals, self.wanted * unit)

    def told(self, felt: Tensor, missing: Tensor, into: Tensor) -> None:
        """Of features (1, C, h, w) and what they miss, in a style's unit, likewise."""
        torch.addmm(self.bias, flat(felt), self.own, out=into)
        into.addmm_(flat(missing), self.wanted)


def flat(x: Tensor) -> Tensor:
    """Features (1, C, h, w) as rows of positions (h w, C), as channels-last memory has them."""
    return x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])


def differences(
    features: Tensor, targets: Sequence[Target], layer: str, place: Box
) -> tuple[Tensor, Tensor]:
    """Features of a box of positions, and what they miss of the wanted ones, in styles' units.

    All targets have the layer. Where there are none, nothing is missed.
    """
    if not targets:
        size = features.square().mean().sqrt().clamp_min(1e-6)
        return features / size, torch.zeros_like(features)
    moves = [target.moves[layer] for target in targets]
    missing = torch.zeros_like(features)
    sizes = total = torch.zeros_like(features[:, :1])
    for target, move in zip(targets, moves, strict=True):
        weight = torch.ones_like(total) if target.mask is None else target.mask(layer, place)
        missing += weight * (move(features).clamp_min(0) - features)
        sizes = sizes + weight * move.size[:, None, None, None]
        total = total + weight
    # A position's unit is that of the styles that count there; where none does, of all alike.
    mean = torch.stack([move.size for move in moves]).mean(0)
    size = torch.where(total > 0, sizes / total, mean[:, None, None, None])
    return features / size, missing / size


def margin_of(step: Step, network: PerceptualNetwork) -> int:
    """Pixels that a step sees around what it makes, at a multiple of its coarsest stride.

    They are half of what its layers see, and its own convolutions: two of a block, and of one more
    pixel for enlarging.
    """
    seen = [network.geometry(layer) for layer in step.layers]
    own = (
        (2 * count + 1) * geometry.stride
        for count, geometry in zip(step.config.blocks, seen, strict=True)
    )
    pixels = max(geometry.receptive_field for geometry in seen) // 2 + sum(own)
    stride = max(geometry.stride for geometry in seen)
    return (-(-pixels // stride) + 1) * stride


@final
@dataclass(frozen=True)
class Span:
    """Along a side: what a tile owns, `start` to `stop`, and what it sees, `first` to `last`."""

    start: int
    stop: int
    first: int
    last: int


def windows(
    height: int, width: int, margin: int, stride: int, largest: int
) -> tuple[list[Span], list[Span]]:
    """The rows and columns of an image's tiles, which see the fewest pixels, `largest` at once.

    Where no tiles see so few, the smallest. All windows are of one size: each takes the memory that
    the one before has left.
    """

    def cost(rows: int, columns: int) -> tuple[int, int]:
        seen = window_side(height, rows, margin) * window_side(width, columns, margin)
        return max(0, seen - largest), rows * columns * seen

    most = [max(1, (side - 2 * margin) // MULTIPLE) for side in (height, width)]
    counts = product(range(1, most[0] + 1), range(1, most[1] + 1))
    rows, columns = min(counts, key=lambda found: cost(*found))
    return spans(height, rows, margin, stride), spans(width, columns, margin, stride)


def window_side(size: int, count: int, margin: int) -> int:
    """How long so many windows are that share a side, neighbors two margins."""
    return -(-(size + 2 * (count - 1) * margin) // count)


def spans(size: int, count: int, margin: int, stride: int) -> list[Span]:
    """A side in so many windows, which begin at multiples of a stride."""
    side = -(-window_side(size, count, margin) // stride) * stride
    found: list[Span] = []
    start = 0
    for number in range(count):
        first = min(number * (side - 2 * margin), max(0, size - side) // stride * stride)
        last = size if number == count - 1 else first + side
        stop = size if number == count - 1 else last - margin
        found.append(Span(start, stop, first, last))
        start = stop
    return found
