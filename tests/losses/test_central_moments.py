"""Central moments, against their definition."""

import torch
from torch.testing import assert_close

from gramarye.losses.central_moments import centered
from tests.losses.making import loss_for, random_features


def test_centered_moments_of_a_coin_by_hand() -> None:
    # 0 and 1 in equal parts: mean 1/2, then 1/4, 0, 1/16, 0; all raw powers are 1/2.
    powers = torch.full((1, 5, 1), 0.5, dtype=torch.float64)
    expected = torch.tensor([0.5, 0.25, 0.0, 0.0625, 0.0], dtype=torch.float64)
    assert_close(centered(powers).flatten(), expected)


def test_the_loss_is_the_papers_sum_of_norms() -> None:
    image, style = random_features(1), 2 * random_features(2)

    def central(x: torch.Tensor) -> list[torch.Tensor]:
        y = x[0].flatten(1).sigmoid()
        mean = y.mean(1)
        return [mean, *(((y - mean[:, None]) ** k).mean(1) for k in range(2, 6))]

    expected = sum((a - b).norm() for a, b in zip(central(image), central(style), strict=True))
    found = loss_for("cmd", [{"fine": style}])({"fine": image})
    assert_close(found.sum(), expected)
