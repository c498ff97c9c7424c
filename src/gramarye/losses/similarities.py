"""Self-similarity: how alike the places of one picture are, whatever they look like."""

from __future__ import annotations

from torch import Tensor

from gramarye.losses.maps_loss import Map, Maps, MapsDistance
from gramarye.losses.matching import LEAST, POINTS, unit


def similarity_distance(content: Map) -> MapsDistance:
    """1/N sum_ij |D_ij / sum_i D_ij - D'_ij / sum_i D'_ij|, D the cosine distances between the N
    positions of a picture (Kolkin, Salavon, Shakhnarovich 2019, content loss).

    The paper divides by N^2, which makes it smaller the more positions there are; ours is from 0 to
    2. Positions are the means of at most 1024 cells, layer by layer; the paper's are hypercolumns.
    """
    target = shares_of_distance(content)[0]

    def distance(maps: Maps) -> Tensor:
        (found,) = maps.values()
        difference = shares_of_distance(found) - target.to(found.features.dtype)
        return difference.abs().sum((1, 2)) / len(target)

    return distance


def shares_of_distance(found: Map) -> Tensor:
    """Cosine distances between positions, each column as shares of its sum (B, N, N)."""
    here = found.pooled(POINTS)
    x = unit(here.features.flatten(2)[:, :, here.chosen()])
    distances = (1 - x.mT @ x).clamp_min(0)
    return distances / distances.sum(1, keepdim=True).clamp_min(LEAST)
