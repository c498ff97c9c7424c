"""A tiny teacher and a folder of pictures to be taught with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

DEPTHS = (2, 2, 4, 4, 1)


@pytest.fixture(scope="session")
def teacher_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A teacher of five channels per layer, with heads of seven at the style layers."""
    generator = torch.Generator().manual_seed(0)

    def random(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator) * 0.35

    tensors = {
        "conv0.weight": 4 * torch.eye(3).view(3, 3, 1, 1),
        "conv0.bias": torch.full((3,), -2.0),
    }
    channels = 3
    for block, depth in enumerate(DEPTHS, start=1):
        for layer in range(1, depth + 1):
            tensors[f"conv{block}{layer}.weight"] = random(5, channels, 3, 3)
            tensors[f"conv{block}{layer}.bias"] = random(5)
            channels = 5
        tensors[f"conv{block}1_aux.weight"] = random(7, 5, 1, 1)
        tensors[f"conv{block}1_aux.bias"] = random(7)
    path = tmp_path_factory.mktemp("teacher") / "teacher.safetensors"
    save_file(tensors, path)
    return path


@pytest.fixture
def images(make_picture: Callable[..., Path]) -> Path:
    for index in range(3):
        make_picture(f"train/a_{index}.png", 80, 64, seed=index)
    return make_picture("train/held_0.png", 80, 64, seed=9).parent
