"""Measures of lines in colored drawings, with answers known beforehand."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from gramarye.drawings.measures import ink_overlap, line_edges, strokes_over_lines


def cross(side: int = 48, width: int = 4) -> Tensor:
    """The ink of two soft-edged lines."""
    ink = torch.zeros(1, 1, side, side)
    ink[..., side // 2 : side // 2 + width, :] = 1
    ink[..., side // 2 : side // 2 + width] = 1
    ink[..., side // 2 - 1, : side // 2] = 0.5
    return ink


@pytest.mark.parametrize("contrast", [1.0, 0.4])
def test_edges_that_follow_the_ink_are_crisp_whatever_their_contrast(contrast: float) -> None:
    edges = line_edges((0.9 - contrast * cross()).expand(-1, 3, -1, -1), cross())
    assert edges.contrast == pytest.approx(contrast, abs=1e-5)
    assert edges.crispness == pytest.approx(1, abs=1e-5)


def test_a_blurred_line_has_less_of_both() -> None:
    # A hard edge seen through a box of 3 pixels has a third of its step in the same place.
    ink = torch.zeros(1, 1, 48, 48)
    ink[..., 20:28] = 1
    blurred = F.avg_pool2d(F.pad(1 - ink, (1, 1, 1, 1), mode="replicate"), 3, 1)
    assert line_edges(blurred.expand(-1, 3, -1, -1), ink).contrast == pytest.approx(1 / 3, abs=1e-5)
    noise = torch.rand(1, 3, 48, 48, generator=torch.Generator().manual_seed(0))
    assert line_edges(noise, ink).crispness < 0.3


def test_overlap_is_the_shares_of_dark_ink_and_of_new_dark() -> None:
    ink = torch.zeros(1, 1, 10, 10)
    ink[..., :2, :] = 1  # 20 pixels
    result = torch.ones(1, 3, 10, 10)
    result[..., :1, :] = 0  # half of the line
    result[..., 6:, :1] = 0.1  # 4 of the other 80 pixels
    overlap = ink_overlap(result, ink)
    assert overlap.kept == pytest.approx(0.5) and overlap.new == pytest.approx(0.05)


def test_strokes_that_run_over_a_line_are_alike_on_both_sides() -> None:
    ink = torch.zeros(1, 1, 64, 64)
    ink[..., 32:34] = 1
    index = torch.zeros(64, 64, dtype=torch.int64)
    index[:, 33:] = 1
    generator = torch.Generator().manual_seed(0)
    rows = torch.randn(1, 1, 64, 1, generator=generator).expand(-1, 3, -1, 64)  # strokes across
    over = strokes_over_lines(0.5 + 0.1 * rows, ink, index, distance=6)
    assert over.across == pytest.approx(1, abs=0.05)
    other = torch.randn(1, 1, 64, 1, generator=generator).expand(-1, 3, -1, 64)
    ended = torch.where(index == 0, rows, other)
    assert abs(strokes_over_lines(0.5 + 0.1 * ended, ink, index, distance=6).across) < 0.3
