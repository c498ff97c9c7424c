"""Powers of matrices: scipy's root, laws, and what happens below zero."""

import pytest
import scipy.linalg
import torch
from torch.testing import assert_close

from gramarye.matrices import symmetric_power


def positive_matrices() -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    factor = torch.randn(3, 5, 5, generator=generator, dtype=torch.float64)
    return factor @ factor.mT


def test_symmetric_power_agrees_with_scipy() -> None:
    for matrix in positive_matrices():
        expected = torch.from_numpy(scipy.linalg.sqrtm(matrix.numpy()).real)
        assert_close(symmetric_power(matrix, 0.5), expected)


@pytest.mark.parametrize("power", [1.0, 0.5, -0.5, -1.0])
def test_powers_multiply_as_numbers_do(power: float) -> None:
    matrices = positive_matrices()
    squared = symmetric_power(matrices, power) @ symmetric_power(matrices, power)
    assert_close(squared, symmetric_power(matrices, 2 * power), rtol=1e-6, atol=1e-6)


def test_negative_eigenvalues_count_as_zero() -> None:
    matrix = torch.diag(torch.tensor([4.0, -1e-6, 9.0]))
    assert_close(symmetric_power(matrix, 0.5), torch.diag(torch.tensor([2.0, 0.0, 3.0])))
