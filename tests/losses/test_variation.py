"""Total variation: known answers, gradients, batches."""

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from gramarye.losses.kind import VariationKind
from gramarye.losses.variation import TotalVariation, total_variation

PICTURE = torch.tensor([[0.0, 2.0], [1.0, 1.0]]).view(1, 1, 2, 2)


def test_squared_variation_by_hand() -> None:
    # Rows differ by 2 and 0, columns by 1 and -1: (4 + 0) / 2 + (1 + 1) / 2.
    assert_close(total_variation(PICTURE), torch.tensor([3.0]))


def test_absolute_variation_by_hand() -> None:
    assert_close(total_variation(PICTURE, "absolute"), torch.tensor([2.0]))


@pytest.mark.parametrize("kind", ["squared", "absolute"])
def test_it_is_zero_for_a_flat_picture_and_for_one_pixel(kind: VariationKind) -> None:
    assert total_variation(torch.full((1, 3, 4, 4), 0.3), kind).item() == 0
    assert total_variation(torch.full((1, 3, 1, 1), 0.3), kind).item() == 0


@pytest.mark.parametrize("kind", ["squared", "absolute"])
def test_gradients_agree_with_finite_differences(kind: VariationKind) -> None:
    image = torch.rand(1, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: total_variation(x, kind), (image,))


def test_the_loss_reads_the_image_itself() -> None:
    assert_close(TotalVariation()({"image": PICTURE}), torch.tensor([3.0]))


@pytest.mark.parametrize("kind", ["squared", "absolute"])
def test_each_image_of_a_batch_has_its_own_loss_and_gradient(kind: VariationKind) -> None:
    one, other = torch.rand(2, 1, 3, 4, 5, dtype=torch.float64)

    def alone(image: Tensor) -> tuple[Tensor, Tensor]:
        leaf = image.clone().requires_grad_(True)
        value = TotalVariation(kind)({"image": leaf})
        return value.detach(), torch.autograd.grad(value.sum(), leaf)[0]

    values, gradients = zip(*(alone(image) for image in (one, other, one)), strict=True)
    value, gradient = alone(torch.cat([one, other, one]))
    assert_close(value, torch.cat(values), rtol=1e-12, atol=0)
    assert_close(gradient, torch.cat(gradients), rtol=1e-12, atol=0)


def test_around_the_border_by_hand() -> None:
    # Rows differ by 2, 0, and back by -2, 0; columns by 1, -1, and back by -1, 1.
    around = total_variation(PICTURE, around=True)
    assert_close(around, torch.tensor([(4 + 0 + 4 + 0) / 4 + (1 + 1 + 1 + 1) / 4]))
    assert_close(TotalVariation(around=True)({"image": PICTURE}), around)


@pytest.mark.parametrize("kind", ["squared", "absolute"])
def test_around_the_border_a_rolled_picture_is_as_rough(kind: VariationKind) -> None:
    image = torch.rand(2, 3, 5, 7, dtype=torch.float64)
    rolled = image.roll((2, 3), (-2, -1))
    assert_close(total_variation(rolled, kind, True), total_variation(image, kind, True))
    assert not torch.allclose(total_variation(rolled, kind), total_variation(image, kind))
