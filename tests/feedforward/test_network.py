"""The steps: their shapes, what they are at first, what they learn, their borders, their size."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from gramarye.feedforward.files import packed
from gramarye.feedforward.network import Painter, Step, enlarged, mirrored
from gramarye.feedforward.settings import PainterConfig
from tests.feedforward.conftest import SHAPE

CHANNELS = {"relu4_1": 5, "relu3_1": 4, "relu2_1": 3, "relu1_1": 2}
STRIDES = {"relu4_1": 8, "relu3_1": 4, "relu2_1": 2, "relu1_1": 1}

Given = tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]


@pytest.fixture
def step() -> Step:
    return Step(SHAPE.coarse, CHANNELS)


def given(height: int, width: int, count: int = 1) -> Given:
    """An image, its features, and what they miss."""
    sizes = {k: (-(-height // s), -(-width // s)) for k, s in STRIDES.items()}
    felt = {k: torch.rand(count, CHANNELS[k], *size) for k, size in sizes.items()}
    missing = {k: torch.randn(count, CHANNELS[k], *size) for k, size in sizes.items()}
    return torch.rand(count, 3, height, width), felt, missing


@pytest.mark.parametrize("size", [(24, 40), (30, 21), (8, 17)])
def test_a_step_leads_to_an_image_of_the_same_size(step: Step, size: tuple[int, int]) -> None:
    assert step(*given(*size, 2)).shape == (2, 3, *size)


def test_a_batch_is_moved_as_each_of_its_pictures_alone(step: Step) -> None:
    image, felt, missing = given(16, 24, 3)
    together = step(image, felt, missing)
    assert (together[0] - image[0] - together[1] + image[1]).abs().max() > 0.01
    for i in range(3):
        own = ({k: v[i : i + 1] for k, v in maps.items()} for maps in (felt, missing))
        assert_close(step(image[i : i + 1], *own), together[i : i + 1])


def test_before_training_a_step_hardly_moves(step: Step) -> None:
    image, felt, missing = given(32, 32)
    assert 0 < float((step(image, felt, missing) - image).detach().abs().mean()) < 0.2


def test_a_step_hears_of_every_layer_and_of_what_each_misses(step: Step) -> None:
    image, felt, missing = given(16, 16)
    made = step(image, felt, missing)
    for maps in (felt, missing):
        for layer in maps:
            here = maps[layer]
            maps[layer] = here + 1
            assert not torch.equal(step(image, felt, missing), made)
            maps[layer] = here


def test_every_weight_learns() -> None:
    painter = Painter(SHAPE, CHANNELS)
    image, felt, missing = given(32, 32, 2)
    for part in (2, 1):
        made = painter.step(part)(image, felt, missing)
        made.backward(torch.randn_like(made))
    silent = [
        name
        for name, parameter in painter.named_parameters()
        if parameter.grad is None or not parameter.grad.abs().sum() > 0
    ]
    assert not silent


def test_a_painter_has_a_step_for_parts_of_the_size_and_one_for_all_of_it() -> None:
    painter = Painter(SHAPE, CHANNELS)
    assert painter.step(4) is painter.step(2) is painter.coarse
    assert painter.step(1) is painter.fine
    assert (painter.coarse.layers, painter.fine.layers) == (SHAPE.coarse.layers, SHAPE.fine.layers)


def test_mirrored_is_reflection_padding_there_and_back() -> None:
    x = torch.rand(2, 3, 5, 4, dtype=torch.float64, requires_grad=True)
    assert torch.equal(mirrored(x), F.pad(x, (1, 1, 1, 1), mode="reflect"))
    assert torch.autograd.gradcheck(mirrored, x)


def test_the_gradient_that_mirrored_takes_in_is_left_as_it_is() -> None:
    x = torch.rand(1, 2, 4, 5, requires_grad=True)
    gradient = torch.ones(1, 2, 6, 7).contiguous(memory_format=torch.channels_last)
    mirrored(x).backward(gradient)
    assert torch.equal(gradient, torch.ones(1, 2, 6, 7))


def test_enlarged_is_between_its_neighbors_and_of_the_size_asked_for() -> None:
    row = torch.tensor([0.0, 1.0]).expand(1, 1, 2, 2)
    found = enlarged(row, torch.empty(1, 7, 4, 4))
    assert_close(found, torch.tensor([0.0, 0.25, 0.75, 1.0]).expand(1, 1, 4, 4))
    assert enlarged(row, torch.empty(1, 7, 3, 4)).shape == (1, 1, 3, 4)
    assert_close(enlarged(torch.full((1, 2, 3, 3), 0.7), found), torch.full((1, 2, 4, 4), 0.7))


def test_the_network_of_the_package_fits_into_its_place() -> None:
    channels = {"relu4_1": 160, "relu3_1": 96, "relu2_1": 48, "relu1_1": 32}
    assert len(packed(Painter(PainterConfig(), channels), 0)) <= 2.5e6
