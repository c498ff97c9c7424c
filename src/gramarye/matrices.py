"""Functions of matrices that more than one room needs."""

from __future__ import annotations

import torch
from torch import Tensor


def symmetric_power(matrix: Tensor, power: float) -> Tensor:
    """A power of positive semidefinite matrices (..., C, C); negative eigenvalues count as zero.

    For a negative power the matrices must be positive definite.
    """
    values, vectors = torch.linalg.eigh(matrix)
    result: Tensor = (vectors * values.clamp_min(0).pow(power)[..., None, :]) @ vectors.mT
    return result
