"""The matting Laplacian without a matrix, against the matrix of the paper."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from gramarye.losses.laplacian import EPS, MattingLoss
from gramarye.tiles.regions import IMAGE, Box, Region, whole_region

H, W = 9, 11


def picture(seed: int) -> Tensor:
    return torch.rand(1, 3, H, W, generator=torch.Generator().manual_seed(seed)).double()


def dense(content: Tensor, eps: float) -> Tensor:
    """Levin et al. 2008, equation 12: entry by entry, over the windows of 3 x 3 pixels."""
    colors = content[0].flatten(1).T  # (N, 3)
    matrix = torch.zeros(H * W, H * W, dtype=torch.float64)
    for y in range(1, H - 1):
        for x in range(1, W - 1):
            window = [(y + i) * W + x + j for i in (-1, 0, 1) for j in (-1, 0, 1)]
            here = colors[window]
            mean = here.mean(0)
            covariance = (here - mean).T @ (here - mean) / 9
            inverse = torch.linalg.inv(covariance + eps / 9 * torch.eye(3, dtype=torch.float64))
            for i in range(9):
                for j in range(9):
                    affinity = (1 + (here[i] - mean) @ inverse @ (here[j] - mean)) / 9
                    matrix[window[i], window[j]] += float(i == j) - affinity
    return matrix


@pytest.mark.parametrize("eps", [EPS, 1e-2])
def test_value_and_gradient_are_the_dense_laplacians(eps: float) -> None:
    content, v = picture(0), picture(1)
    loss, region = MattingLoss(lambda box: box.of(content), eps), whole_region(v)
    matrix, flat = dense(content, eps), v[0].flatten(1)
    wanted = torch.einsum("cn,nm,cm->", flat, matrix, flat) / v.numel()
    assert_close(loss({IMAGE: v}), wanted[None], rtol=1e-10, atol=0)
    gradient = torch.zeros_like(v)
    loss.add_gradient(gradient, v, region, (torch.ones(1, dtype=torch.float64),))
    assert_close(gradient[0].flatten(1), 2 * flat @ matrix / v.numel(), rtol=1e-9, atol=1e-12)


def test_it_is_zero_for_an_affine_map_of_the_content_but_for_eps() -> None:
    content = picture(2)
    matrix = torch.randn(3, 3, generator=torch.Generator().manual_seed(3)).double()
    mapped = torch.einsum("ij,bjhw->bihw", matrix, content) + 0.2
    other = float(MattingLoss(lambda box: box.of(content))({IMAGE: picture(4)}))
    assert float(MattingLoss(lambda box: box.of(content))({IMAGE: mapped})) < 1e-2 * other
    assert float(MattingLoss(lambda box: box.of(content), 1e-9)({IMAGE: mapped})) < 1e-7 * other
    one = torch.full_like(content, 0.7)  # which no fit is needed for
    assert float(MattingLoss(lambda box: box.of(content))({IMAGE: one})) < 1e-15


def tiles() -> list[tuple[Box, Region]]:
    """The picture in four parts, each seen with a margin of one pixel: its window and region."""
    found = []
    for top, bottom in ((0, 4), (4, H)):
        for left, right in ((0, 7), (7, W)):
            window = Box(max(0, top - 1), min(H, bottom + 1), max(0, left - 1), min(W, right + 1))
            y, x = top - window.top, left - window.left
            inside = Box(y, y + bottom - top, x, x + right - left)
            found.append((window, Region(inside, Box(top, bottom, left, right), (H, W))))
    return found


def test_tiles_add_up_to_the_whole() -> None:
    content, v = picture(5), picture(6)
    loss = MattingLoss(lambda box: box.of(content))
    whole, one = torch.zeros_like(v), (torch.ones(1, dtype=torch.float64),)
    total = loss.sums(v, whole_region(v))[0]
    loss.add_gradient(whole, v, whole_region(v), one)
    parts, gradient = torch.zeros_like(total), torch.zeros_like(v)
    for window, region in tiles():
        parts += loss.sums(window.of(v), region)[0]
        loss.add_gradient(window.of(gradient), window.of(v), region, one)
    assert_close(parts, total, rtol=1e-12, atol=0)
    assert_close(gradient, whole, rtol=1e-9, atol=1e-13)


def test_each_image_of_a_batch_has_its_own_loss_and_a_tiny_one_has_none() -> None:
    content = picture(7)
    loss = MattingLoss(lambda box: box.of(content))
    both = torch.cat([picture(8), picture(9)])
    assert_close(loss({IMAGE: both}), torch.cat([loss({IMAGE: x[None]}) for x in both]))
    small = content[..., :2, :]
    assert float(MattingLoss(lambda box: box.of(small))({IMAGE: small})) == 0


def test_float32_is_near_the_dense_laplacian_where_the_content_is_flat() -> None:
    content = (0.5 + 0.004 * picture(10)).float()
    v = picture(11).float()
    found = float(MattingLoss(lambda box: box.of(content))({IMAGE: v}))
    flat = v[0].flatten(1).double()
    wanted = torch.einsum("cn,nm,cm->", flat, dense(content.double(), EPS), flat) / v.numel()
    assert found == pytest.approx(float(wanted), rel=1e-4)
