"""A Johnson network's file: there and back, and one sentence for every other one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.testing import assert_close

from gramarye.errors import WeightsError
from gramarye.feedforward.files import KEY
from gramarye.johnson.files import load_trained, packed_johnson, read_johnson
from gramarye.johnson.network import Johnson, one_of
from gramarye.johnson.settings import JohnsonConfig
from gramarye.networks.features import PerceptualNetwork

SMALL = JohnsonConfig(channels=(3, 4, 5), blocks=1, norm="batch")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "own.safetensors"
    path.write_bytes(packed_johnson(Johnson(SMALL, 2), ("a.png", "b.png"), 7))
    return path


def test_a_network_comes_back(file: Path, tiny_network: PerceptualNetwork) -> None:
    torch.manual_seed(3)
    network = Johnson(SMALL, 2).eval()
    file.write_bytes(packed_johnson(network, ("a.png", "b.png"), 7))
    again = load_trained(file, tiny_network)
    assert isinstance(again, Johnson) and not again.training
    image = torch.rand(1, 3, 16, 16)
    for which in (0, 1):
        mix = one_of(2, which)
        assert_close(again(image, mix), network(image, mix), atol=2e-3, rtol=0)
    about = read_johnson(file)
    assert about is not None and about.styles == ("a.png", "b.png") and about.steps == 7
    assert read_johnson(Path("instant")) is None


def altered(file: Path, **changes: object) -> None:
    tensors = load_file(file)
    about = {"format": "johnson 1", "network": SMALL.model_dump(), "styles": ["a", "b"]}
    save_file(tensors, file, {KEY: json.dumps({**about, **changes})})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": "johnson 2"}, "format"),
        ({"styles": []}, "it names 0 styles"),
        ({"styles": ["a"]}, "shape"),
        ({"network": {**SMALL.model_dump(), "blocks": 2}}, "it has no blocks.1"),
        ({"network": {**SMALL.model_dump(), "blocks": -1}}, "blocks"),
        ({"network": {**SMALL.model_dump(), "channels": [3, 4, 6]}}, "shape"),
        ({"surprise": 1}, "surprise"),
        ({"format": "something"}, "is no painter"),
    ],
)
def test_a_file_of_another_kind_is_told_in_a_sentence(
    file: Path, tiny_network: PerceptualNetwork, changes: dict[str, object], words: str
) -> None:
    altered(file, **changes)
    with pytest.raises(WeightsError, match=words):
        load_trained(file, tiny_network)


def test_numbers_that_are_not_finite_are_refused(
    file: Path, tiny_network: PerceptualNetwork
) -> None:
    tensors = load_file(file)
    tensors["first.weight"][0, 0, 0, 0] = float("nan")
    about = {"format": "johnson 1", "network": SMALL.model_dump(), "styles": ["a", "b"]}
    save_file(tensors, file, {KEY: json.dumps(about)})
    with pytest.raises(WeightsError, match=r"not finite in first\.weight"):
        load_trained(file, tiny_network)


def test_a_truncated_file_and_a_pickle_are_refused(
    file: Path, tiny_network: PerceptualNetwork
) -> None:
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="damaged or cut short"):
        load_trained(file, tiny_network)
    torch.save(Johnson(SMALL, 1), file)
    with pytest.raises(WeightsError, match="which could run any code"):
        load_trained(file, tiny_network)
