"""The gray guided filter and means over boxes."""

import pytest
import torch
from scipy import ndimage
from torch import Tensor
from torch.testing import assert_close

from gramarye.pictures.guided import box_mean, guided_filter


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("radius", [1, 3, 40])
def test_a_box_mean_is_the_mean_of_what_there_is(radius: int) -> None:
    image = noise(1, 2, 17, 23)
    size = (0, 0, 2 * radius + 1, 2 * radius + 1)
    total, count = (
        ndimage.uniform_filter(x.numpy(), size, mode="constant") for x in (image, image * 0 + 1)
    )
    assert_close(box_mean(image, radius), torch.from_numpy(total / count))


def test_a_picture_that_is_linear_in_its_guide_stays() -> None:
    guide = noise(1, 1, 20, 20)
    assert_close(guided_filter(3 * guide - 1, guide, 3, 1e-12), 3 * guide - 1, atol=1e-6, rtol=0)


def test_a_flat_guide_gives_the_mean_of_means() -> None:
    image = noise(1, 3, 20, 20)
    found = guided_filter(image, torch.full((1, 1, 20, 20), 0.5, dtype=torch.float64), 2, 1e-4)
    assert_close(found, box_mean(box_mean(image, 2), 2))


def test_noise_goes_and_an_edge_stays() -> None:
    step = (torch.arange(40) >= 20).double().expand(1, 1, 40, 40)
    found = guided_filter(x := step + 0.02 * (noise(1, 1, 40, 40) - 0.5), x, 4, 0.1**2)
    assert (found[..., 22:] - found[..., 18:19]).mean() > 0.9
    assert found[..., 25:].var() < 0.2 * x[..., 25:].var()


def test_it_commutes_with_adding_and_scaling() -> None:
    guide, image = noise(1, 1, 16, 16), noise(1, 3, 16, 16, seed=1)
    one = guided_filter(image, guide, 2, 0.01)
    assert_close(guided_filter(2 * image + 0.3, guide, 2, 0.01), 2 * one + 0.3)
