"""Moments of features and the map between two of them, in numpy.

The same as `losses.statistics` and `feedforward.transport`, which need PyTorch; the tests compare.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from gramarye.feedforward.settings import LARGEST, RIDGE, ROUNDING
from gramarye.graphs.writing import Array


@final
@dataclass(frozen=True)
class Moments:
    """E[f f^T] (C, C) and E[f] (C,) over the positions of a picture, in float64."""

    gram: Array
    mean: Array

    @classmethod
    def of(cls, features: Array) -> Moments:
        """Of features (1, C, h, w)."""
        rows = features.reshape(features.shape[1], -1)
        count = rows.shape[1]
        second = (rows @ rows.T).astype(np.float64)
        return cls(second / count, rows.sum(1, dtype=np.float64) / count)

    def covariance(self) -> Array:
        found: Array = self.gram - np.outer(self.mean, self.mean)
        return found


@final
@dataclass(frozen=True)
class Move:
    """A map of features f: `matrix` f + `offset`, and the size of the style's features."""

    matrix: Array  # (C, C) float32
    offset: Array  # (C, 1) float32
    size: float


def transport(content: Moments, style: Moments) -> Move:
    """The map from the content's features to the style's that moves them least."""
    sigma, goal = content.covariance(), style.covariance()
    ridge = RIDGE * max(np.trace(sigma) / len(sigma), 0.0)
    ridge += ROUNDING * np.trace(content.gram) / len(sigma) + 1e-12
    values, vectors = np.linalg.eigh(sigma)
    deviations = np.sqrt(values.clip(0) + ridge)
    root, inverse = (vectors * deviations) @ vectors.T, (vectors / deviations) @ vectors.T
    matrix = inverse @ symmetric_root(root @ goal @ root) @ inverse
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    matrix = (vectors * values.clip(0, LARGEST)) @ vectors.T
    offset = style.mean - matrix @ content.mean
    size = max(np.trace(style.gram) / len(sigma), 1e-12) ** 0.5
    return Move(matrix.astype(np.float32), offset.astype(np.float32)[:, None], float(size))


def symmetric_root(matrix: Array) -> Array:
    values, vectors = np.linalg.eigh(matrix)
    found: Array = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    return found


def mixed(parts: Sequence[Moments], weights: Sequence[float], *, between: bool) -> Moments:
    """Several styles as one: pooled, or one whose means and covariances lie between theirs."""
    shares = np.array(weights, np.float64) / sum(weights)
    mean = np.tensordot(shares, np.stack([part.mean for part in parts]), 1)
    if not between:
        return Moments(np.tensordot(shares, np.stack([part.gram for part in parts]), 1), mean)
    covariance = np.tensordot(shares, np.stack([part.covariance() for part in parts]), 1)
    return Moments(covariance + np.outer(mean, mean), mean)
