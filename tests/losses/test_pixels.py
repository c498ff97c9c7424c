"""Losses of the image itself: Laplacians by hand, the range in tiles."""

import pytest
import torch
from torch.testing import assert_close

from gramarye.losses.pixels import LaplacianLoss, RangeLoss, laplacian
from gramarye.tiles.regions import IMAGE, Box, Region


def test_a_laplacian_by_hand() -> None:
    x = torch.zeros(1, 1, 5, 5)
    x[..., 2, 2] = 1.0
    expected = torch.tensor([[0.0, 1, 0], [1, -4, 1], [0, 1, 0]])
    assert_close(laplacian(x, 1)[0, 0], expected)
    plane = torch.arange(5.0).expand(1, 1, 5, 5)
    assert laplacian(plane, 1).abs().max() == 0


def test_the_laplacian_loss_sees_edges_and_no_brightness() -> None:
    content = torch.rand(1, 3, 50, 64, dtype=torch.float64)
    loss = LaplacianLoss(content)
    assert loss({IMAGE: content}).item() == 0
    assert loss({IMAGE: content + 0.2}).item() < 1e-30
    image = torch.rand(2, 3, 50, 64, dtype=torch.float64)
    expected = sum(
        (laplacian(image, level) - laplacian(content, level)).square().mean((1, 2, 3))
        for level in (4, 16)
    )
    assert_close(loss({IMAGE: image}), expected / 2)
    small = image[..., :8, :8].clone().requires_grad_(True)
    value = LaplacianLoss(content[..., :8, :8])({IMAGE: small})
    assert value.tolist() == [0, 0]
    assert torch.autograd.grad(value.sum(), small)[0].abs().max() == 0


def test_the_range_loss_by_hand() -> None:
    image = torch.tensor([-1.0, 0.0, 0.5, 1.0, 3.0, 1.0]).view(1, 3, 1, 2)
    assert RangeLoss()({IMAGE: image}).item() == pytest.approx((1 + 4) / 6)


def test_the_range_loss_in_parts_has_the_value_and_the_gradient_of_the_whole() -> None:
    image = (3 * torch.rand(2, 3, 6, 5, dtype=torch.float64) - 1).requires_grad_(True)
    loss, into = RangeLoss(), torch.zeros(2, 3, 6, 5, dtype=torch.float64)
    value = loss({IMAGE: image})
    (expected,) = torch.autograd.grad((value * torch.tensor([1.0, 2.0])).sum(), image)
    total = torch.zeros(2, dtype=torch.float64)
    for rows in (Box(0, 4, 0, 5), Box(4, 6, 0, 5)):
        region = Region(rows, rows, (6, 5))
        total += loss.sums(image.detach(), region)[0]
        slopes = (torch.tensor([1.0, 2.0], dtype=torch.float64),)
        loss.add_gradient(into, image.detach(), region, slopes)
    assert_close(total, value)
    assert_close(into, expected)
