"""Judges with random weights, a few channels wide."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from gramarye.networks.layers import VGG16_BLOCKS

MakeFile = Callable[..., Path]


def convolution(key: str, generator: torch.Generator, *shape: int) -> dict[str, Tensor]:
    weight = torch.randn(*shape, generator=generator) * (2 / (shape[1] * shape[2] ** 2)) ** 0.5
    return {
        f"{key}.weight": weight,
        f"{key}.bias": 0.1 * torch.randn(shape[0], generator=generator),
    }


@pytest.fixture(scope="session")
def judge_file(tmp_path_factory: pytest.TempPathFactory) -> MakeFile:
    """A function that writes a file as distillation learns from, through the blocks asked for."""

    def make(name: str = "judge", depths: tuple[int, ...] = (2, 2, 4, 4, 1)) -> Path:
        generator = torch.Generator().manual_seed(len(depths))
        state = convolution("conv0", generator, 3, 3, 1, 1)
        channels = 3
        for block, depth in enumerate(depths, 1):
            for d in range(1, depth + 1):
                state |= convolution(f"conv{block}_{d}", generator, 4, channels, 3, 3)
                channels = 4
        path = tmp_path_factory.mktemp("judges") / f"{name}.safetensors"
        save_file(state, path)
        return path

    return make


@pytest.fixture(scope="session")
def vgg16_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """VGG-16's first two blocks, by torchvision's keys: a file that ends before the network."""
    generator = torch.Generator().manual_seed(0)
    state: dict[str, Tensor] = {}
    channels = 3
    for index, width in zip((0, 2, 5, 7), (*VGG16_BLOCKS[0], *VGG16_BLOCKS[1]), strict=True):
        state |= convolution(f"features.{index}", generator, width, channels, 3, 3)
        channels = width
    path = tmp_path_factory.mktemp("judges") / "vgg16.safetensors"
    save_file(state, path)
    return path
