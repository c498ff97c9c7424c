"""Pictures of a few dozen pixels and a VGG of two channels, so that every test is fast."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from gramarye.networks.features import PerceptualNetwork
from gramarye.networks.passes import has_bfloat16
from gramarye.networks.registry import load_network
from gramarye.networks.vgg import narrow_vgg

# Threads cost more than they save on pictures this small; on a busy machine, far more.
os.environ.setdefault("OMP_NUM_THREADS", "1")  # for the commands that tests start, too
torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))

WIDTHS = (2, 2, 2, 2, 2)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("bfloat16") and not has_bfloat16(torch.device("cpu")):
        pytest.skip("this processor has no instructions for bfloat16")


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Every test draws the same numbers, whatever ran before it."""
    torch.manual_seed(0)


@pytest.fixture
def flows_of_the_test(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flows that are found are kept in a folder of the test's, not in the user's."""
    folder = tmp_path_factory.mktemp("caches")
    monkeypatch.setattr("gramarye.video.ways.cache_home", lambda: folder)


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a vgg19-lite of two channels per layer, with fixed random weights."""
    blocks = [(width,) * depth for width, depth in zip(WIDTHS, (2, 2, 4, 4, 1), strict=True)]
    network = narrow_vgg("tiny", blocks, "reflect")
    generator = torch.Generator().manual_seed(0)
    state = {
        name.removeprefix("body."): 0.4 * torch.randn(value.shape, generator=generator)
        for name, value in network.state_dict().items()
    }
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    metadata = {"blocks": json.dumps(blocks), "padding": "reflect", "pooling": "max"}
    save_file(state, path, metadata)
    return path


@pytest.fixture
def tiny_network(tiny_weights: Path) -> PerceptualNetwork:
    """A VGG-19 with the real layer names, two channels per layer and fixed random weights."""
    return load_network("vgg19-lite", weights=tiny_weights)


@pytest.fixture
def make_picture(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a small colorful picture into the test's folder."""

    def make(name: str, width: int = 48, height: int = 36, seed: int = 0) -> Path:
        rng = np.random.default_rng(seed)
        y, x = np.mgrid[:height, :width] / max(width, height)
        waves = [np.sin(rng.uniform(4, 30) * (x * a + y * (1 - a))) for a in rng.uniform(0, 1, 3)]
        pixels = np.stack(waves, axis=-1) * 100 + 128 + rng.normal(0, 6, (height, width, 3))
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)
        return path

    return make


@pytest.fixture
def photo(make_picture: Callable[..., Path]) -> Path:
    return make_picture("photo.png", 48, 36, seed=1)


@pytest.fixture
def painting(make_picture: Callable[..., Path]) -> Path:
    return make_picture("painting.png", 36, 44, seed=2)
