"""Trainings so small that a step takes milliseconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from gramarye.feedforward.files import make_painter, packed
from gramarye.feedforward.settings import PainterConfig, StepConfig
from gramarye.networks.registry import load_network
from gramarye.networks.vgg import narrow_vgg
from gramarye.training import running, strips

SHAPE = PainterConfig(
    coarse=StepConfig(layers=("relu3_1", "relu2_1", "relu1_1"), widths=(4, 4, 3), blocks=(1, 0, 0)),
    fine=StepConfig(layers=("relu2_1", "relu1_1"), widths=(4, 3), blocks=(1, 0)),
    parts=(2, 1),
)


@pytest.fixture
def photographs(make_picture: Callable[..., Path]) -> Path:
    for index in range(6):
        folder = "photographs/deep" if index % 2 else "photographs"
        make_picture(f"{folder}/{index}.png", 70, 60, seed=index)
    return make_picture("photographs/last.jpg", 66, 70, seed=9).parent


@pytest.fixture(scope="session")
def lively_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a small vgg19-lite none of whose layers is dead for any picture."""
    blocks = [(6,) * depth for depth in (2, 2, 4, 4, 1)]
    generator = torch.Generator().manual_seed(1)
    state = {
        name.removeprefix("body."): 0.3 * torch.randn(value.shape, generator=generator)
        if value.ndim == 4
        else torch.full(value.shape, 0.1)
        for name, value in narrow_vgg("lively", blocks, "reflect").state_dict().items()
    }
    path = tmp_path_factory.mktemp("weights") / "lively.safetensors"
    save_file(state, path, {"padding": "reflect", "pooling": "max"})
    return path


@pytest.fixture(autouse=True)
def small_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is measured and shown on the way is small."""
    monkeypatch.setattr(running, "SIDE", 64)
    monkeypatch.setattr(strips, "SHEET", 150)


@pytest.fixture
def style(make_picture: Callable[..., Path]) -> Path:
    return make_picture("style.png", 96, 72, seed=2)


@pytest.fixture
def start(tmp_path: Path, lively_weights: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A painter's file to begin with; what it sees by is small, too."""
    network = load_network("vgg19-lite", weights=lively_weights)
    monkeypatch.setattr(running, "load_network", lambda name: network)
    monkeypatch.setattr(running, "SIDE", 96)
    path = tmp_path / "start.safetensors"
    path.write_bytes(packed(make_painter(SHAPE, network), 0))
    return path


@pytest.fixture
def warm(start: Path, photographs: Path) -> dict[str, Any]:
    """The settings of a warm start with the tiny painter."""
    return {
        "images": photographs,
        "start": start,
        "size": 128,
        "batch": 1,
        "style_size": 96,
        "measure_every": 0,
        "patience": 0,
    }


@pytest.fixture
def paper(lively_weights: Path, photographs: Path) -> dict[str, Any]:
    """The settings of a Johnson network of a few channels."""
    return {
        "way": "paper",
        "images": photographs,
        "network": "vgg19-lite",
        "weights": str(lively_weights),
        "channels": (4, 6, 8),
        "blocks": 1,
        "size": 32,
        "batch": 2,
        "style_size": 48,
        "measure_every": 0,
        "learning_rate": 1e-2,
    }
