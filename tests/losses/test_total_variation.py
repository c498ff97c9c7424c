"""Total variation: known answers and gradients."""

import pytest
import torch
from torch.testing import assert_close

from gramarye.losses.total_variation import TotalVariationLoss, VariationKind, total_variation

PICTURE = torch.tensor([[0.0, 2.0], [1.0, 1.0]]).view(1, 1, 2, 2)


def test_squared_variation_by_hand() -> None:
    # Rows differ by 2 and 0, columns by 1 and -1: (4 + 0) / 2 + (1 + 1) / 2.
    assert_close(total_variation(PICTURE), torch.tensor(3.0))


def test_absolute_variation_by_hand() -> None:
    assert_close(total_variation(PICTURE, "absolute"), torch.tensor(2.0))


@pytest.mark.parametrize("kind", ["squared", "absolute"])
def test_it_is_zero_for_a_flat_picture_and_for_one_pixel(kind: VariationKind) -> None:
    assert total_variation(torch.full((1, 3, 4, 4), 0.3), kind).item() == 0
    assert total_variation(torch.full((1, 3, 1, 1), 0.3), kind).item() == 0


@pytest.mark.parametrize("kind", ["squared", "absolute"])
def test_gradients_agree_with_finite_differences(kind: VariationKind) -> None:
    image = torch.rand(1, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: total_variation(x, kind), (image,))


def test_the_loss_reads_the_image_itself() -> None:
    assert_close(TotalVariationLoss()({"image": PICTURE}), torch.tensor(3.0))
