"""OKLab, by the values its author gives."""

import torch
from torch.testing import assert_close

from gramarye.pictures.oklab import from_oklab, to_oklab


def test_white_gray_black_and_red() -> None:
    colors = torch.tensor([[1.0, 1.0, 1.0], [0.0, 0.0, 0.0], [1.0, 0.0, 0.0]]).mT[None]
    expected = torch.tensor([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.627955, 0.224863, 0.125846]])
    assert_close(to_oklab(colors)[0].mT, expected, atol=2e-4, rtol=0)


def test_there_and_back() -> None:
    image = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert_close(from_oklab(to_oklab(image)), image, atol=1e-5, rtol=0)
