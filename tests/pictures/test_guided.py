"""The colored guided filter against its definition, window by window."""

import torch
from torch import Tensor
from torch.testing import assert_close

from gramarye.pictures.guided import EPS, guided


def picture(seed: int, height: int = 8, width: int = 10) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed)).double()


def by_hand(p: Tensor, guide: Tensor, r: int, eps: float) -> Tensor:
    """He et al. 2013, equations 19 to 21: a ridge regression in each window, then their mean."""
    height, width = p.shape[-2:]
    total, count = torch.zeros_like(p[0]), torch.zeros(height, width).double()
    slopes = torch.zeros(3, 4, height, width).double()
    for y in range(height):
        for x in range(width):
            box = (slice(max(0, y - r), y + r + 1), slice(max(0, x - r), x + r + 1))
            colors, values = (t[0][:, box[0], box[1]].flatten(1) for t in (guide, p))
            mean, value = colors.mean(1, keepdim=True), values.mean(1, keepdim=True)
            centered = colors - mean
            covariance = centered @ centered.T / colors.shape[1] + eps * torch.eye(3).double()
            a = (values - value) @ centered.T / colors.shape[1] @ torch.linalg.inv(covariance)
            slopes[:, :, y, x] = torch.cat([a, value - a @ mean], 1)
    for y in range(height):
        for x in range(width):
            box = (slice(max(0, y - r), y + r + 1), slice(max(0, x - r), x + r + 1))
            mean = slopes[:, :, box[0], box[1]].flatten(2).mean(2)
            total[:, y, x] = mean[:, :3] @ guide[0, :, y, x] + mean[:, 3]
            count[y, x] = 1
    return total[None]


def test_it_is_the_papers() -> None:
    p, guide = picture(0), picture(1)
    for radius in (1, 3):
        assert_close(guided(p, guide, radius), by_hand(p, guide, radius, EPS))


def test_an_affine_map_of_the_guide_stays() -> None:
    guide = picture(2)
    matrix = torch.randn(3, 3, generator=torch.Generator().manual_seed(3)).double()
    mapped = torch.einsum("ij,bjhw->bihw", matrix, guide) + 0.1
    assert_close(guided(mapped, guide, 2, 1e-12), mapped)


def test_what_the_guide_does_not_have_is_gone_and_the_mean_stays() -> None:
    flat, noise = torch.full((1, 3, 40, 40), 0.5).double(), picture(4, 40, 40)
    smooth = guided(noise, flat, 6)
    assert smooth.diff(dim=-1).abs().mean() < 0.02 * noise.diff(dim=-1).abs().mean()
    assert_close(smooth.mean(), noise.mean(), atol=0.01, rtol=0)


def test_strips_change_nothing(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    p, guide = picture(5, 30, 9), picture(6, 30, 9)
    whole = guided(p, guide, 2)
    monkeypatch.setattr("gramarye.pictures.guided.ROWS", 7)
    assert_close(guided(p, guide, 2), whole)


def test_the_radius_is_a_fiftieth_of_the_longest_side() -> None:
    p, guide = picture(7, 20, 150), picture(8, 20, 150)
    assert_close(guided(p, guide), guided(p, guide, 3))
