"""The Gaussian kernel, against the kernel itself."""

import torch

from gramarye.losses.kernels import fourier_distance, gaussian
from gramarye.losses.statistics import moments
from tests.losses.making import plainly, random_features


def exact_mmd(x: torch.Tensor, y: torch.Tensor, squared_width: float) -> float:
    """The squared MMD of columns (C, N) and (C, M), by its definition."""

    def mean(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        distances = torch.cdist(a.mT, b.mT).square()
        return (-distances / (2 * squared_width)).exp().mean()

    return float(mean(x, x) + mean(y, y) - 2 * mean(x, y))


def test_fourier_features_stand_for_the_kernel() -> None:
    style, image = random_features(0, 3, 12, 12), 1.5 * random_features(1, 3, 12, 12) + 0.7
    x, y = image[0].flatten(1), style[0].flatten(1)
    squared_width = torch.cdist(y.mT, y.mT).square().mean().item()
    expected = exact_mmd(x, y, squared_width)
    found = []
    for seed in range(40):  # each with its own 128 frequencies
        statistic = gaussian(moments(style), plainly(style), seed)
        waves = [
            tuple(part / 144 for part in statistic.summing(f.flatten(2), None))
            for f in (image, style)
        ]
        found.append(float(statistic.distance(*waves)))
    # Without bias; one draw is off by a fifth or less.
    assert abs(sum(found) / 40 - expected) < 0.03 * expected
    assert all(abs(value - expected) < 0.3 * expected for value in found)


def test_the_distance_of_waves_by_hand() -> None:
    one = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    other = torch.tensor([[0.0, 0.0]]), torch.tensor([[0.0, 3.0]])
    assert fourier_distance(one, other).item() == (1 + 0) / 2 + (0 + 4) / 2
