"""Folders of photographs and paintings, and a training so small that a step takes milliseconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gramarye.feedforward.cascade import Cascade
from gramarye.feedforward.pairs import PairSampler, Pictures
from gramarye.feedforward.settings import FeedForwardConfig, PainterConfig, StepConfig
from gramarye.feedforward.training import Training
from gramarye.networks.features import PerceptualNetwork
from gramarye.pictures.folders import picture_files

SHAPE = PainterConfig(
    coarse=StepConfig(
        layers=("relu4_1", "relu3_1", "relu2_1", "relu1_1"),
        widths=(4, 4, 3, 2),
        blocks=(1, 0, 0, 0),
    ),
    fine=StepConfig(layers=("relu3_1", "relu2_1", "relu1_1"), widths=(4, 3, 2), blocks=(1, 0, 0)),
    parts=(4, 2, 2, 1),
)
SMALL = FeedForwardConfig(
    network=SHAPE, sides=(128,), style_side=128, pixels=2 * 128**2, warmup=1, precision="float32"
)


@pytest.fixture
def photographs(make_picture: Callable[..., Path]) -> Path:
    for index in range(3):
        make_picture(f"photographs/a_{index}.png", 150, 140, seed=index)
    return make_picture("photographs/held_0.png", 150, 140, seed=9).parent


@pytest.fixture
def paintings(make_picture: Callable[..., Path]) -> Path:
    for index in range(3):
        make_picture(f"paintings/b_{index}.png", 140, 170, seed=20 + index)
    return make_picture("paintings/held_1.png", 140, 150, seed=29).parent


@pytest.fixture
def sampler(photographs: Path, paintings: Path) -> PairSampler:
    return PairSampler(
        Pictures(picture_files([photographs], ["held"])),
        Pictures(picture_files([paintings], ["held"])),
        SMALL.sides,
        SMALL.style_side,
        SMALL.pixels,
        SMALL.seed,
    )


@pytest.fixture
def training(tiny_network: PerceptualNetwork, sampler: PairSampler) -> Training:
    return Training(SMALL, tiny_network, sampler)


@pytest.fixture
def cascade(tiny_network: PerceptualNetwork) -> Cascade:
    return Cascade(tiny_network, SHAPE)
