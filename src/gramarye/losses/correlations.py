"""Gram matrices of features with other features than their own: shifted ones, those of a neighbor
layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor

from gramarye.losses.maps_loss import Map, Maps, MapsDistance, nothing
from gramarye.losses.statistics import mixed

SHIFTS = (2, 4, 8, 16)


def shifted(
    styles: Sequence[Maps], shares: Sequence[float], weights: Mapping[str, float]
) -> MapsDistance:
    """The mean of |G_d - A_d|^2 / C^2 over shifts d right and down, where G_d is the mean of
    f(p) f(p + d)^T (Berger and Memisevic 2016).

    Which features occur together at a distance: what repeats, mirrors or runs on. The paper adds
    this to the Gram loss (`gram=1,shifted-gram=1`); its sums are means over the pairs of positions
    here. Shifts are 2, 4, 8 and 16 positions of the layer, as far as they are at most half of both
    pictures' sides.
    """
    (layer,) = weights
    sides = [min(maps[layer].features.shape[2:]) for maps in styles]

    def grams(found: Map, most: int) -> list[Tensor]:
        return [
            shifted_gram(found, down, right)
            for shift in SHIFTS
            if shift <= most // 2
            for down, right in ((shift, 0), (0, shift))
        ]

    target = mixed([grams(maps[layer], min(sides)) for maps in styles], shares)

    def distance(maps: Maps) -> Tensor:
        found = maps[layer]
        ours = grams(found, min(*sides, *found.features.shape[2:]))
        squares = [(a - b).square().mean((1, 2)) for a, b in zip(ours, target, strict=False)]
        return sum(squares, start=nothing(found.features)) / max(1, len(squares))

    return distance


def shifted_gram(found: Map, down: int, right: int) -> Tensor:
    """The mean of f(p) f(p + d)^T over pairs of positions (B, C, C), d down and to the right."""
    height, width = found.features.shape[2:]
    here = (..., slice(0, height - down), slice(0, width - right))
    there = (..., slice(down, height), slice(right, width))
    x, y = found.features[here].flatten(2), found.features[there].flatten(2)
    if found.weights is None:
        return x @ y.mT / x.shape[2]
    w = (found.weights[here] * found.weights[there]).flatten(2).to(x.dtype)
    return (x * w) @ y.mT / w.sum(2, keepdim=True).clamp_min(1e-6)


def across_layers(
    styles: Sequence[Maps], shares: Sequence[float], weights: Mapping[str, float]
) -> MapsDistance:
    """The mean of |G - A|^2 / (C C') over neighboring layers, G = E[f f'^T] of a layer and the next
    deeper one (the chain of inter-layer Gram matrices of Novak and Nikulin 2016).

    They enlarge the deeper layer; we average the finer one over what a position of the deeper one
    stands for, which is the same where sizes divide. They sum over positions; ours are means.
    Layers are neighbors in the order in which they are named, and a pair counts by the mean of its
    two weights.
    """
    pairs = list(pairwise(weights))

    def gram(maps: Maps, fine: str, coarse: str) -> Tensor:
        deep = maps[coarse].features
        # Averaged to the fewer positions of the two, whichever layer has them.
        (height, width), (h, w) = deep.shape[2:], maps[fine].features.shape[2:]
        sides = min(height, h), min(width, w)
        x, y = (F.adaptive_avg_pool2d(f, sides).flatten(2) for f in (maps[fine].features, deep))
        mask = maps[coarse].weights
        if mask is None:
            return x @ y.mT / x.shape[2]
        count = F.adaptive_avg_pool2d(mask.to(x.dtype), sides).flatten(2)
        return (x * count) @ y.mT / count.sum(2, keepdim=True).clamp_min(1e-6)

    targets = mixed([[gram(maps, *pair) for pair in pairs] for maps in styles], shares)
    pair_weights = [(weights[fine] + weights[coarse]) / 2 for fine, coarse in pairs]

    def distance(maps: Maps) -> Tensor:
        result = nothing(maps[pairs[0][0]].features)
        for pair, target, weight in zip(pairs, targets, pair_weights, strict=True):
            squares = (gram(maps, *pair) - target).square().mean((1, 2))
            result = result + weight / sum(pair_weights) * squares
        return result

    return distance
