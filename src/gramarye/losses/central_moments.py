"""Central moments of each channel, up to the fifth (CMD)."""

from __future__ import annotations

from math import comb

import torch
from torch import Tensor

from gramarye.losses.seeing import Seeing
from gramarye.losses.statistic_loss import Statistic
from gramarye.losses.statistics import Moments
from gramarye.tiles.regions import Sums

ORDER = 5
CENTER = 0.5  # powers are taken around it: of sigmoids, which lie within half of it


def central_moments(style: Moments, seeing: Seeing, seed: int) -> Statistic:
    """|c_1 - c'_1| + ... + |c_5 - c'_5|, where c_1 are the means of sigmoid(F) and c_i the means of
    (sigmoid(F) - c_1)^i, by channel (Kalischek, Wegner, Schindler 2021, all weights 1).

    Norms as there, not squares: the gradient does not vanish as the target is neared. The paper
    takes conv layers before their ReLU; ours are whatever layers are named. Through a metric head
    it is the head's channels whose moments are compared. The moments are made of sums of powers.
    """

    def summing(x: Tensor, weights: Tensor | None) -> Sums:
        base = x.sigmoid() - CENTER
        power, found = base, []
        for _ in range(ORDER):
            found.append((power if weights is None else power * weights).sum(2))
            power = power * base
        return (torch.stack(found, dim=1),)  # (B, 5, C)

    return Statistic(summing, central_distance, 2 * seeing.channels)


def central_distance(image: Sums, style: Sums) -> Tensor:
    """The sum of the norms of the differences of central moments (B,), of mean powers (B, 5, C)."""
    difference = centered(image[0]) - centered(style[0])
    norms: Tensor = torch.linalg.vector_norm(difference, dim=2)
    return norms.sum(1)


def centered(powers: Tensor) -> Tensor:
    """The mean and central moments (B, 5, C), of means of powers around anything (B, 5, C)."""
    mean = powers[:, 0]
    raw = [torch.ones_like(mean), *powers.unbind(1)]
    found = [mean]
    for order in range(2, ORDER + 1):
        terms = [comb(order, k) * raw[k] * (-mean) ** (order - k) for k in range(order + 1)]
        found.append(sum(terms[1:], start=terms[0]))
    return torch.stack(found, dim=1)
